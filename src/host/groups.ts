/** Room settings as the host asks for them: mention gating and tools. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { parseOccupantKey } from "../inbound/sender.ts";
import { NOBODY, type RoomSender } from "../policy/room-entry.ts";
import { resolveRoom, toolsFor, type ResolvedRoom } from "../policy/room.ts";
import { bareJid, parseJid, type BareJid } from "../protocol/jid.ts";
import { resolveAccount } from "./account.ts";
import { findLiveAccount, type LiveAccount } from "./live-accounts.ts";

type Found = { jid: BareJid; room: ResolvedRoom; live: LiveAccount | undefined };

function findRoom(
  cfg: Parameters<typeof resolveAccount>[0],
  accountId: string | null | undefined,
  groupId: string | null | undefined,
): Found | undefined {
  const jid = groupId ? bareJid(groupId) : undefined;
  if (!jid) return undefined;
  const account = resolveAccount(cfg, accountId);
  const live = findLiveAccount(account.accountId);
  return { jid, room: resolveRoom(account, jid, live?.membership.originOf(jid)), live };
}

/**
 * What the room vouches for of a sender, by the id that inbound/sender.ts gave: whoever has left, or is
 * not believed, is nobody. An occupant JID, which ends in a nick, selects nothing.
 */
function findSender({ jid: room, live }: Found, senderId: string): RoomSender {
  const key = parseOccupantKey(senderId);
  const sender = key ? undefined : parseJid(senderId);
  const realJid = sender?.local && sender.resource === undefined ? sender.bare : undefined;
  if (key && key.room !== room) return NOBODY;
  const found =
    (key || realJid) && live?.isBelieved(room)
      ? live.rooms.occupantBy(room, key ?? { realJid: realJid as BareJid })
      : undefined;
  // A JID was vouched for when its owner spoke; affiliation and role are as they are now.
  if (!found) return { ...NOBODY, jid: realJid };
  const { occupantId, affiliation, role } = found;
  return { jid: realJid, occupantId, affiliation, role };
}

/** For the host a policy, though it denies nothing. */
const NO_RESTRICTION = { deny: [] };

export const groups: NonNullable<ChannelPlugin["groups"]> = {
  resolveRequireMention: ({ cfg, accountId, groupId }) =>
    findRoom(cfg, accountId, groupId)?.room.requireMention ?? true,
  resolveToolPolicy: ({ cfg, accountId, groupId, senderId, senderPolicyMode }) => {
    const found = findRoom(cfg, accountId, groupId);
    if (!found) return undefined;
    const { room } = found;
    // Work that nobody asked for has no sender: only the room's own tools count.
    const tools =
      senderPolicyMode === "never"
        ? room.tools
        : toolsFor(room, senderId ? findSender(found, senderId) : NOBODY);
    // Never undefined: the host would look for itself, and it knows senders by their nick as well.
    return tools ?? NO_RESTRICTION;
  },
};
