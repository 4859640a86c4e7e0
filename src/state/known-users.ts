/**
 * The people who wrote us a direct message that policy admitted, and what rooms showed of them since:
 * their nick, for naming them, and their occupant id (XEP-0421), by which a room that hides real JIDs
 * elsewhere still vouches for who speaks.
 *
 * A nick is never an identity: everybody may take it as soon as it is free. So there is no way here
 * from a nick to a JID, only from a JID to the nick that it was last seen with.
 */
import { bareJid, type BareJid } from "../protocol/jid.ts";
import { type FileLog, isRecord, loadEntries, saveEntries } from "./json-file.ts";
import { createSaver } from "./saver.ts";

export type KnownUser = {
  jid: BareJid;
  /** First and last direct message, ms since the epoch. */
  since: number;
  lastSeen: number;
  /** By room; the nick that was new last stands last. */
  nicks: Record<BareJid, string>;
  occupantIds: Record<BareJid, string>;
};

export type KnownUsers = {
  /** A direct message came from there, and policy admitted it. */
  know(jid: BareJid): void;
  /**
   * A room showed the real JID of an occupant. Recorded for known users only. That an occupant id belongs
   * to somebody else now counts whoever it is: its former owner loses it.
   */
  learn(room: BareJid, occupant: Readonly<LearntOccupant>): void;
  /** Whose occupant id it is in that room. Ask only where the room itself sets the ids (XEP-0421 §4). */
  byOccupantId(room: BareJid, occupantId: string): BareJid | undefined;
  /** The nick last learnt in `room`, or in any room; for naming only. */
  nickOf(jid: BareJid, room?: BareJid): string | undefined;
  /** Copies; who wrote last stands last. */
  list(): KnownUser[];
  /** Forgets all of it, on disk at once. @returns whether the user was known @throws what writing throws */
  forget(jid: BareJid): boolean;
  /** Writes now what is not on disk yet. */
  flush(): void;
  /** Flushes and ends the timer. */
  stop(): void;
};

export type LearntOccupant = {
  jid: BareJid;
  nick: string;
  occupantId?: string | undefined;
};

export type KnownUsersOptions = { now: () => number; log: FileLog };

export const MAX_KNOWN_USERS = 10_000;
export const MAX_ROOMS_OF_USER = 100;
/** Of a nick (RFC 7622 §3.4), and of an occupant id, which the XEP does not bound. */
const MAX_LENGTH = 1023;

type Sighting = { nick: string; occupantId: string | undefined };
type User = { since: number; lastSeen: number; rooms: Map<BareJid, Sighting> };

/**
 * Kept in the JSON `file` (json-file.ts), written at most once a second, because rooms are chatty: a
 * crash costs what the last second brought. What cannot be written is logged, and tried again with the
 * next change.
 */
export function createKnownUsers(file: string, options: KnownUsersOptions): KnownUsers {
  const { now, log } = options;
  /** Least recently seen first. */
  const users = new Map<BareJid, User>(
    loadEntries(file, decodeEntry, log)
      .toSorted(([, one], [, other]) => one.lastSeen - other.lastSeen)
      .slice(-MAX_KNOWN_USERS),
  );
  const owners = createOwners(users);
  const saver = createSaver(() => saveEntries(file, [...users].map(encodeEntry)), file, log);

  function remove(jid: BareJid): boolean {
    for (const [room, { occupantId }] of users.get(jid)?.rooms ?? []) {
      owners.unlink(room, occupantId, jid);
    }
    return users.delete(jid);
  }

  /** @returns whether somebody else had it */
  function takeOver(room: BareJid, jid: BareJid, occupantId: string | undefined): boolean {
    const owner = owners.get(room, occupantId);
    if (owner === undefined || owner === jid) return false;
    const sighting = users.get(owner)?.rooms.get(room);
    if (sighting) sighting.occupantId = undefined;
    owners.unlink(room, occupantId, owner);
    return true;
  }

  /** @returns whether it is news */
  function record(room: BareJid, jid: BareJid, user: User, seen: Sighting): boolean {
    const before = user.rooms.get(room);
    const occupantId = seen.occupantId ?? before?.occupantId;
    if (before?.nick === seen.nick && before.occupantId === occupantId) return false;
    owners.unlink(room, before?.occupantId, jid);
    user.rooms.delete(room);
    user.rooms.set(room, { nick: seen.nick, occupantId });
    owners.link(room, occupantId, jid);
    const [oldest] = user.rooms;
    if (oldest && user.rooms.size > MAX_ROOMS_OF_USER) {
      owners.unlink(oldest[0], oldest[1].occupantId, jid);
      user.rooms.delete(oldest[0]);
    }
    return true;
  }

  return {
    know(jid) {
      const at = now();
      const user = users.get(jid) ?? { since: at, lastSeen: at, rooms: new Map() };
      user.lastSeen = at;
      users.delete(jid);
      users.set(jid, user);
      const [leastRecent] = users.keys();
      if (leastRecent !== undefined && users.size > MAX_KNOWN_USERS) remove(leastRecent);
      saver.schedule();
    },
    learn(room, { jid, nick, occupantId }) {
      if (nick.length > MAX_LENGTH || (occupantId?.length ?? 0) > MAX_LENGTH) return;
      const seen = { nick, occupantId: occupantId || undefined };
      const isTakenOver = takeOver(room, jid, seen.occupantId);
      const user = users.get(jid);
      const isNews = user !== undefined && record(room, jid, user, seen);
      if (isTakenOver || isNews) saver.schedule();
    },
    byOccupantId: (room, occupantId) => owners.get(room, occupantId),
    nickOf(jid, room) {
      const rooms = users.get(jid)?.rooms;
      return (room === undefined ? [...(rooms?.values() ?? [])].at(-1) : rooms?.get(room))?.nick;
    },
    list: () => [...users].map(viewOf),
    forget(jid) {
      const was = remove(jid);
      if (was) saver.save();
      return was;
    },
    flush: () => saver.flush(),
    stop: () => saver.flush(),
  };
}

/** Whose each occupant id is: the other way round than the users have it. */
function createOwners(users: ReadonlyMap<BareJid, User>) {
  const rooms = new Map<BareJid, Map<string, BareJid>>();
  const owners = {
    get(room: BareJid, occupantId: string | undefined): BareJid | undefined {
      return occupantId === undefined ? undefined : rooms.get(room)?.get(occupantId);
    },
    link(room: BareJid, occupantId: string | undefined, jid: BareJid): void {
      if (occupantId === undefined) return;
      const ids = rooms.get(room) ?? new Map<string, BareJid>();
      rooms.set(room, ids.set(occupantId, jid));
    },
    unlink(room: BareJid, occupantId: string | undefined, jid: BareJid): void {
      const ids = rooms.get(room);
      if (!ids || occupantId === undefined || ids.get(occupantId) !== jid) return;
      ids.delete(occupantId);
      if (ids.size === 0) rooms.delete(room);
    },
  };
  for (const [jid, user] of users) {
    for (const [room, { occupantId }] of user.rooms) owners.link(room, occupantId, jid);
  }
  return owners;
}

function viewOf([jid, { since, lastSeen, rooms }]: [BareJid, User]): KnownUser {
  const ids = [...rooms].flatMap(([room, { occupantId }]) =>
    occupantId ? [[room, occupantId]] : [],
  );
  return {
    jid,
    since,
    lastSeen,
    nicks: Object.fromEntries([...rooms].map(([room, { nick }]) => [room, nick])),
    occupantIds: Object.fromEntries(ids) as KnownUser["occupantIds"],
  };
}

function encodeEntry(entry: [BareJid, User]): [BareJid, Omit<KnownUser, "jid">] {
  const { jid, ...rest } = viewOf(entry);
  return [jid, rest];
}

function decodeEntry(jid: BareJid, value: unknown): [BareJid, User] | undefined {
  if (!isRecord(value)) return undefined;
  const { since, lastSeen, nicks, occupantIds } = value;
  if (typeof since !== "number" || typeof lastSeen !== "number") return undefined;
  if (!isRecord(nicks) || !isRecord(occupantIds)) return undefined;
  const rooms = new Map<BareJid, Sighting>();
  for (const [key, nick] of Object.entries(nicks)) {
    const room = bareJid(key);
    const occupantId = Object.hasOwn(occupantIds, key) ? occupantIds[key] : undefined;
    if (room !== key || typeof nick !== "string") return undefined;
    if (occupantId !== undefined && typeof occupantId !== "string") return undefined;
    rooms.set(room, { nick, occupantId });
  }
  return [jid, { since, lastSeen, rooms }];
}
