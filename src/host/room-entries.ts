/** Writes into `mucRooms` what the set-up was told about rooms. */
import type { GroupPolicy } from "../policy/room.ts";
import { roomJid } from "./account-rooms.ts";
import type { XmppAccountConfig } from "./config-schema.ts";

export type RoomsToldOf = {
  /** Prepared JIDs. */
  rooms: readonly string[];
  groupPolicy: GroupPolicy;
  /** undefined: not asked. */
  requireMention: boolean | undefined;
};

/**
 * `mucRooms` with what was said of these rooms. With `groupPolicy: "allowlist"` an entry is what lets a room
 * in, so that each of them has one. "*" is never written: it would let in every room.
 * @param before the account's keys after inheritance
 */
export function withRoomEntries(
  { rooms, groupPolicy, requireMention }: RoomsToldOf,
  before: XmppAccountConfig,
): NonNullable<XmppAccountConfig["mucRooms"]> {
  const settings = { ...before.mucRooms };
  for (const jid of rooms) {
    const key = Object.keys(settings).find((written) => roomJid(written) === jid) ?? jid;
    const was = settings[key];
    const said = was?.requireMention ?? before.groups?.[key]?.requireMention;
    const inherited = settings["*"]?.requireMention ?? before.groups?.["*"]?.requireMention ?? true;
    const isNews = requireMention !== undefined && requireMention !== (said ?? inherited);
    const isNeeded = groupPolicy === "allowlist" && before.groups?.[key] === undefined;
    if (isNews) settings[key] = { ...was, requireMention };
    else if (isNeeded) settings[key] = was ?? {};
  }
  return settings;
}
