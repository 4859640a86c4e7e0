/** Which actions of the message tool there are, and what lets the agent take each: `actions.*`, by account. */
import { createActionGate } from "openclaw/plugin-sdk/channel-actions";
import type { ChannelMessageActionName } from "openclaw/plugin-sdk/channel-contract";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { listAccountIds, resolveAccount, type XmppAccount } from "./account.ts";
import type { XmppAccountConfig } from "./config-schema.ts";

type Gate = keyof NonNullable<XmppAccountConfig["actions"]>;

/** The key of `actions` that an action goes by. What is not here is not declared. */
const GATES = {
  react: "reactions",
  reactions: "reactions",
  read: "messages",
  edit: "messages",
  unsend: "messages",
  reply: "messages",
  "member-info": "memberInfo",
  "channel-info": "channelInfo",
  "channel-list": "channelInfo",
  kick: "moderation",
  ban: "moderation",
  addParticipant: "addParticipant",
  renameGroup: "renameGroup",
  leaveGroup: "leaveGroup",
} as const satisfies Partial<Record<ChannelMessageActionName, Gate>>;

export type XmppAction = keyof typeof GATES;

/** What is seen by others beyond a message: only where the operator says so. */
const OFF_BY_DEFAULT: ReadonlySet<Gate> = new Set([
  "moderation",
  "addParticipant",
  "renameGroup",
  "leaveGroup",
]);

const ACTIONS = Object.keys(GATES) as XmppAction[];

export const isXmppAction = (action: string): action is XmppAction => Object.hasOwn(GATES, action);

/** The key of `actions` that decides on `action`. */
export const gateOf = (action: XmppAction): Gate => GATES[action];

export function isAllowed({ config }: Pick<XmppAccount, "config">, action: XmppAction): boolean {
  const gate = GATES[action];
  return createActionGate(config.actions)(gate, !OFF_BY_DEFAULT.has(gate));
}

/** Of that account; without one, of any account that can run. */
export function listActions(cfg: OpenClawConfig, accountId?: string | null): XmppAction[] {
  const ids = accountId ? [accountId] : listAccountIds(cfg);
  const accounts = ids
    .map((id) => resolveAccount(cfg, id))
    .filter(({ enabled, configured }) => enabled && configured);
  return ACTIONS.filter((action) => accounts.some((account) => isAllowed(account, action)));
}
