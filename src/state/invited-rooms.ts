/**
 * The rooms that were entered because somebody invited us, or because the operator said so by a command, so that they
 * are entered again after a restart. The file holds room passwords.
 */
import { bareJid, type BareJid } from "../protocol/jid.ts";
import { type FileLog, isRecord, loadEntries, saveEntries } from "./json-file.ts";

export type InvitedRoom = {
  room: BareJid;
  /** Who invited us; ourselves where the operator did. */
  by: BareJid;
  /** Whether the DM policy would have let the inviter's messages through. */
  admitted: boolean;
  /** By the room (XEP-0045 §7.8.2), by the person without it (XEP-0249), or by the operator's command. */
  kind: "mediated" | "direct" | "operator";
  password?: string | undefined;
  nick?: string | undefined;
  /** When the room was first added, ms since the epoch. */
  since: number;
};

export type InvitedRooms = {
  /**
   * A room that is there already keeps its `since` and takes the rest from the newer invitation.
   * @returns false when it is new and there are `MAX_INVITED_ROOMS`: those that are there stay
   */
  add(invited: Readonly<Omit<InvitedRoom, "since">>): boolean;
  /** @returns whether the room was there */
  remove(room: BareJid): boolean;
  get(room: BareJid): Readonly<InvitedRoom> | undefined;
  /** The oldest first. */
  list(): Readonly<InvitedRoom>[];
};

export const MAX_INVITED_ROOMS = 200;

/** Kept in the JSON `file` (json-file.ts). `add` and `remove` @throws what writing the file throws */
export function createInvitedRooms(
  file: string,
  options: { now: () => number; log: FileLog },
): InvitedRooms {
  const loaded = loadEntries(file, decodeEntry, options.log);
  const rooms = new Map(
    loaded
      .toSorted((one, other) => one.since - other.since)
      .slice(0, MAX_INVITED_ROOMS)
      .map((entry) => [entry.room, entry]),
  );
  const save = () =>
    saveEntries(
      file,
      [...rooms.values()].map(({ room, ...invitation }) => [room, invitation]),
    );
  return {
    add({ room, by, admitted, kind, password, nick }) {
      const known = rooms.get(room);
      if (!known && rooms.size >= MAX_INVITED_ROOMS) return false;
      const since = known?.since ?? options.now();
      rooms.set(room, { room, by, admitted, kind, password, nick, since });
      save();
      return true;
    },
    remove(room) {
      const was = rooms.delete(room);
      if (was) save();
      return was;
    },
    get: (room) => rooms.get(room),
    list: () => [...rooms.values()],
  };
}

function decodeEntry(room: BareJid, value: unknown): InvitedRoom | undefined {
  if (!isRecord(value)) return undefined;
  const { admitted, kind, password, nick, since } = value;
  const by = typeof value["by"] === "string" ? bareJid(value["by"]) : undefined;
  if (!by || typeof since !== "number" || typeof admitted !== "boolean") return undefined;
  if (kind !== "mediated" && kind !== "direct" && kind !== "operator") return undefined;
  if (password !== undefined && typeof password !== "string") return undefined;
  if (nick !== undefined && typeof nick !== "string") return undefined;
  return { room, by, admitted, kind, password, nick, since };
}
