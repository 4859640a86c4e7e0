/** Targets as the host handles them: `message send`, sessions, heartbeats, the directory. */
import {
  buildChannelOutboundSessionRoute,
  type ChannelPlugin,
  type OpenClawConfig,
} from "openclaw/plugin-sdk/channel-core";
import { formatTarget } from "../outbound/reply-target.ts";
import { parseTarget, type Target } from "../outbound/target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { domainOf, type BareJid } from "../protocol/jid.ts";
import { resolveAccount } from "./account.ts";
import { findLiveAccount, listLiveAccounts } from "./live-accounts.ts";

/** Whether `jid` is a room: it is at a service where the account has rooms, by configuration or by joining. */
export function roomPredicate(
  cfg: OpenClawConfig,
  accountId: string | null | undefined,
): (jid: BareJid) => boolean {
  const account = resolveAccount(cfg, accountId);
  const rooms = findLiveAccount(account.accountId)?.rooms;
  const services = new Set(
    [...account.rooms, ...(rooms?.list() ?? []).map(({ room }) => room)].map(domainOf),
  );
  // Nobody has an account at a room service: what stands there is a room, known or not.
  return (jid) => services.has(domainOf(jid));
}

/** Where no configuration is at hand: any room of an account that runs here. */
function isLiveRoom(jid: BareJid): boolean {
  return listLiveAccounts().some(({ rooms }) => rooms.get(jid) !== undefined);
}

function tryParse(text: string, isRoom: (jid: BareJid) => boolean): Target | undefined {
  const target = parseTarget(text, isRoom);
  return "problem" in target ? undefined : target;
}

function chatType(target: Target): "direct" | "group" {
  return target.kind === "room" ? "group" : "direct";
}

export const messaging: NonNullable<ChannelPlugin["messaging"]> = {
  targetPrefixes: ["xmpp", "jabber"],
  targetIdComparison: "lowercase",
  defaultMarkdownTableMode: "code",
  normalizeTarget: (text) => {
    const target = tryParse(text, isLiveRoom);
    return target && formatTarget(target);
  },
  inferTargetChatType: ({ to }) => {
    const target = tryParse(to, isLiveRoom);
    return target && chatType(target);
  },
  targetResolver: {
    hint: "<user@domain | room@service | room@service/nick>",
    looksLikeId: (text) => tryParse(text, isLiveRoom) !== undefined,
    resolveTarget: async ({ cfg, accountId, input }) => {
      const target = tryParse(input, roomPredicate(cfg, accountId));
      return (
        (target && {
          to: formatTarget(target),
          kind: target.kind === "room" ? ("group" as const) : ("user" as const),
          display: target.to,
          source: "normalized" as const,
        }) ??
        null
      );
    },
  },
  resolveOutboundSessionRoute: ({ cfg, agentId, accountId, target: text }) => {
    const target = tryParse(text, roomPredicate(cfg, accountId));
    if (!target) return null;
    const to = formatTarget(target);
    return buildChannelOutboundSessionRoute({
      cfg,
      agentId,
      channel: CHANNEL_ID,
      accountId,
      recipientSessionExact: target.kind === "direct" ? "direct-alias" : target.kind === "room",
      peer: { kind: chatType(target), id: target.to },
      chatType: chatType(target),
      from: to,
      to,
    });
  },
};
