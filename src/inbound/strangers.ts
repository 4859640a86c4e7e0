/**
 * Messages of people whom policy cannot let in would otherwise all be stored, only to be dropped when
 * their turn comes: whoever sends thousands of them would keep everybody else waiting. So only so many
 * reach the disk, which is enough to ask for a pairing code. Whoever may be let in is not counted, nor
 * is what is overheard in a room. The same holds for what an archive kept: strangers must not take up
 * what is read of it.
 */
import { parseAccessGroupAllowFromEntry } from "openclaw/plugin-sdk/security-runtime";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { matchesAllowlist } from "../policy/allowlist.ts";
import { createRate } from "../policy/rate.ts";
import { resolveRoom, roomFor, type RoomOrigin } from "../policy/room.ts";
import { matchesRoomEntry } from "../policy/room-entry.ts";
import type { BareJid } from "../protocol/jid.ts";
import { mayOverhear } from "./room-history.ts";
import { senderKey } from "./sender.ts";
import type { InboundConfig, InboundMessage } from "./types.ts";

const WINDOW_MS = 60_000;
/** Messages of one stranger in a minute; it takes one to ask for a code. */
const EACH = 5;
/** How long the host's list of who was approved is believed, ms. */
const APPROVED_MS = 2_000;

/** Who said it, and where. */
export type Place = Pick<InboundMessage, "conversation" | "sender">;

export type Strangers = {
  /** Whether a message is to be stored; counts it. A promise only where it has to be waited for. */
  mayBeStored(place: Place): Promise<boolean> | boolean;
  /** Whether policy, as it is now, cannot let them in there; who was approved is not known here. */
  isStranger(place: Place): boolean;
  /** Whether it is context for others, whoever said it. */
  isOverheard(place: Place): boolean;
  /** @returns whom policy, as it is now, cannot let into a direct chat */
  find(): Promise<(peer: BareJid) => boolean>;
};

export function createStrangers(params: {
  readConfig: () => InboundConfig;
  /** Who was approved by a pairing code. */
  approved: () => Promise<readonly string[]>;
  originOf: (room: BareJid) => RoomOrigin | undefined;
  now: () => number;
}): Strangers {
  const { readConfig, approved, originOf, now } = params;
  const asked = createRate(WINDOW_MS);
  // Nobody asks for a code in a room: what is said there must not keep anybody from asking elsewhere.
  const said = createRate(WINDOW_MS);
  let last: { at: number; jids: Promise<ReadonlySet<string>> } | undefined;
  let known: ReadonlySet<string> = new Set<string>();

  function approvedLately(): Promise<ReadonlySet<string>> {
    const at = now();
    if (last && at >= last.at && at - last.at < APPROVED_MS) return last.jids;
    // Where the list cannot be read, it is what it was; at first everybody is a stranger.
    const jids = approved().then(
      (list) => (known = new Set(list)),
      () => known,
    );
    last = { at, jids };
    return jids;
  }

  /** With the members of the host's access groups, as the host's resolver finds them for us. */
  function expand(entries: readonly string[]): readonly string[] {
    const groups = readConfig().cfg.accessGroups;
    return entries.flatMap((entry) => {
      const name = parseAccessGroupAllowFromEntry(entry);
      const group = name === null || !groups ? undefined : groups[name];
      if (group?.type !== "message.senders") return entry;
      return [...(group.members["*"] ?? []), ...(group.members[CHANNEL_ID] ?? [])];
    });
  }

  function isListed(peer: BareJid | undefined): boolean {
    const { dmPolicy, allowFrom } = readConfig().policy;
    if (dmPolicy === "open") return true;
    return peer !== undefined && matchesAllowlist(expand(allowFrom), peer);
  }

  function isStranger({ conversation, sender }: Place): boolean {
    if (conversation.kind !== "room") return !isListed(sender.jid);
    const { room } = conversation;
    const resolved = resolveRoom(readConfig().policy, room, originOf(room));
    const { allowFrom, enabled, listed, senderPolicy } = roomFor(
      resolved,
      sender.occupant.affiliation,
    );
    if (!listed || !enabled || senderPolicy === "disabled") return true;
    const isNamed = () =>
      expand(allowFrom).some((entry) => matchesRoomEntry(entry, sender.occupant));
    return senderPolicy === "allowlist" && !isNamed();
  }

  const isOverheard = ({ conversation }: Place) =>
    conversation.kind === "room" && mayOverhear(readConfig());

  return {
    mayBeStored(place) {
      if (!isStranger(place) || isOverheard(place)) return true;
      const isInRoom = place.conversation.kind === "room";
      const { pairingsPerMinute } = readConfig().policy.limits;
      const bounds = { each: EACH, total: EACH * pairingsPerMinute };
      const rate = isInRoom ? said : asked;
      if (rate.take(senderKey(place), bounds, now()) === "granted") return true;
      const { jid } = place.sender;
      if (isInRoom || jid === undefined) return false;
      return approvedLately().then((jids) => jids.has(jid));
    },
    isStranger,
    isOverheard,
    async find() {
      const jids = await approvedLately();
      return (peer) => !isListed(peer) && !jids.has(peer);
    },
  };
}
