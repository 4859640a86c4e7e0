/** Room settings as the host asks for them: mention gating and tools. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { matchesAllowlist } from "../policy/allowlist.ts";
import { resolveRoom, senderEntry, type ResolvedRoom } from "../policy/room.ts";
import { parseJid, type BareJid } from "../protocol/jid.ts";
import { resolveAccount } from "./account.ts";

function findRoom(
  cfg: Parameters<typeof resolveAccount>[0],
  accountId: string | null | undefined,
  groupId: string | null | undefined,
): ResolvedRoom | undefined {
  const jid = groupId ? parseJid(groupId) : undefined;
  return jid && resolveRoom(resolveAccount(cfg, accountId), jid.bare);
}

/** Only a bare JID is an identity: an occupant JID, which ends in a nick, selects nothing. */
function vouchedSender(senderId: string | null | undefined): BareJid | undefined {
  const jid = senderId ? parseJid(senderId) : undefined;
  return jid?.local && jid.resource === undefined ? jid.bare : undefined;
}

/** Tools for one sender: the entry of their JID, then of their domain, then "*". */
function toolsFor(room: ResolvedRoom, sender: BareJid | undefined) {
  const { toolsBySender } = room;
  if (!toolsBySender) return undefined;
  const matching = Object.keys(toolsBySender).filter((key) => {
    const entry = senderEntry(key);
    return entry !== "*" && sender !== undefined && matchesAllowlist([entry], sender);
  });
  const key = matching.find((entry) => !entry.includes("*")) ?? matching[0] ?? "*";
  return toolsBySender[key];
}

/** For the host a policy, though it denies nothing. */
const NO_RESTRICTION = { deny: [] };

export const groups: NonNullable<ChannelPlugin["groups"]> = {
  resolveRequireMention: ({ cfg, accountId, groupId }) =>
    findRoom(cfg, accountId, groupId)?.requireMention ?? true,
  resolveToolPolicy: ({ cfg, accountId, groupId, senderId, senderPolicyMode }) => {
    const room = findRoom(cfg, accountId, groupId);
    if (!room) return undefined;
    const bySender =
      senderPolicyMode === "never" ? undefined : toolsFor(room, vouchedSender(senderId));
    // Never undefined: the host would look for itself, and it knows senders by their nick as well.
    return bySender ?? room.tools ?? NO_RESTRICTION;
  },
};
