/** Which actions of the message tool there are, and what lets the agent take each: `actions.*`, by account. */
import { createActionGate, ToolAuthorizationError } from "openclaw/plugin-sdk/channel-actions";
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
  poll: "polls",
  kick: "moderation",
  ban: "moderation",
  removeParticipant: "moderation",
  addParticipant: "addParticipant",
  renameGroup: "renameGroup",
  leaveGroup: "leaveGroup",
  "set-presence": "presence",
  "set-profile": "profile",
} as const satisfies Partial<Record<ChannelMessageActionName, Gate>>;

type GatedAction = keyof typeof GATES;
/** What is done here; a poll is sent by the host, as text (poll.ts). */
export type XmppAction = Exclude<GatedAction, "poll">;

/** What is seen by others beyond a message: only where the operator says so. */
const OFF_BY_DEFAULT: ReadonlySet<Gate> = new Set([
  "moderation",
  "addParticipant",
  "renameGroup",
  "leaveGroup",
  "presence",
  "profile",
]);

const ACTIONS = Object.keys(GATES) as GatedAction[];

export const isXmppAction = (action: string): action is XmppAction =>
  Object.hasOwn(GATES, action) && action !== "poll";

/** @throws ToolAuthorizationError where `actions.*` does not allow it */
export function assertAllowed(account: Pick<XmppAccount, "config">, action: GatedAction): void {
  if (isAllowed(account, action)) return;
  throw new ToolAuthorizationError(
    `the action "${action}" is off; channels.xmpp.actions.${GATES[action]} turns it on`,
  );
}

function isAllowed({ config }: Pick<XmppAccount, "config">, action: GatedAction): boolean {
  const gate = GATES[action];
  return createActionGate(config.actions)(gate, !OFF_BY_DEFAULT.has(gate));
}

/** Of that account; without one, of any account that can run. */
export function listActions(cfg: OpenClawConfig, accountId?: string | null): GatedAction[] {
  const ids = accountId ? [accountId] : listAccountIds(cfg);
  const accounts = ids
    .map((id) => resolveAccount(cfg, id))
    .filter(({ enabled, configured }) => enabled && configured);
  return ACTIONS.filter((action) => accounts.some((account) => isAllowed(account, action)));
}
