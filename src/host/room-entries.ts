/** Writes into `mucRooms` what the set-up was told about rooms. */
import type { GroupPolicy } from "../policy/room.ts";
import type { BareJid } from "../protocol/jid.ts";
import { roomJid, writtenRoomJid } from "./account-rooms.ts";
import type { XmppAccountConfig } from "./config-schema.ts";

export type RoomsToldOf = {
  /** The rooms to be in. */
  rooms: readonly BareJid[];
  /** Those that were listed and no longer are. */
  left: readonly BareJid[];
  groupPolicy: GroupPolicy;
  /** undefined: not asked. */
  requireMention: boolean | undefined;
};

type Entries = NonNullable<XmppAccountConfig["mucRooms"]>;

/**
 * `mucRooms` with what was said of these rooms. With `groupPolicy: "allowlist"` an entry is what lets a room
 * in, so that each of them has one; and as an entry has its room joined, one that is left keeps none, or a disabled
 * one where it says more. "*" is never written: it would let in every room.
 * @param before the account's keys after inheritance
 */
export function withRoomEntries(told: RoomsToldOf, before: XmppAccountConfig): Entries {
  const { groupPolicy, requireMention } = told;
  const settings = { ...before.mucRooms };
  const { groups = {} } = before;
  for (const jid of told.rooms) {
    const key = keyOf(settings, jid);
    const other = groups[keyOf(groups, jid)];
    // Whoever disabled a room that stays listed meant it.
    const isNewcomer = !listedRooms(before).includes(jid);
    if (isNewcomer && (settings[key]?.enabled ?? other?.enabled) === false) {
      settings[key] = { ...settings[key], enabled: true };
    }
    const was = settings[key];
    const said = was?.requireMention ?? other?.requireMention;
    const inherited = settings["*"]?.requireMention ?? groups["*"]?.requireMention ?? true;
    const isNews = requireMention !== undefined && requireMention !== (said ?? inherited);
    const isNeeded = groupPolicy === "allowlist" && other === undefined;
    if (isNews) settings[key] = { ...was, requireMention };
    else if (isNeeded) settings[key] = was ?? {};
  }
  for (const jid of told.left) {
    const key = keyOf(settings, jid);
    const { requireMention: _mention, ...more } = settings[key] ?? {};
    const isSaid = Object.keys(more).length > 0 || groups[keyOf(groups, jid)] !== undefined;
    if (isSaid) settings[key] = { ...settings[key], enabled: false };
    else delete settings[key];
  }
  return settings;
}

/** The key as the operator wrote it, or would. */
function keyOf(entries: Entries, jid: string): string {
  return Object.keys(entries).find((written) => roomJid(written) === jid) ?? jid;
}

const listedRooms = ({ rooms = [] }: XmppAccountConfig): BareJid[] =>
  rooms.flatMap((entry) => roomJid(writtenRoomJid(entry)) ?? []);

/** The rooms listed in `before` that `rooms` does not name any more. */
export function roomsLeft(before: XmppAccountConfig, rooms: readonly BareJid[]): BareJid[] {
  return listedRooms(before).filter((room) => !rooms.includes(room));
}
