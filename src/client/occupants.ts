/**
 * Who is in a room: one small record for each occupant, since a room may have thousands, made into
 * an `Occupant` when somebody asks.
 *
 * What a room says of an occupant is kept as it said it, replaced by each presence and never merged, so
 * that who takes over a nick inherits nothing.
 */
import { randomUUID } from "node:crypto";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import {
  type Affiliation,
  type OccupantPresence,
  type Role,
  occupantJid,
} from "../protocol/xep-0045-muc.ts";
import { type Caps, capsNode } from "../protocol/xep-0115-caps.ts";

export type Occupant = {
  nick: string;
  occupantJid: FullJid;
  /** Whose occupant it is; only as the room itself sent it, absent where the room hides it. */
  realJid?: BareJid | undefined;
  /** XEP-0421: the same for the same account, whatever its nick; absent where the room announces none. */
  occupantId?: string | undefined;
  affiliation: Affiliation;
  role: Role;
  /** XEP-0115: `node#ver` of the occupant's software. */
  caps?: string | undefined;
  /**
   * Names this stay in the room: kept through changes of nick, another one for whoever enters next, and
   * for who has the nick with another real JID or occupant id.
   */
  stay: string;
};

/** By what an occupant may be looked up. */
export type OccupantKey = { realJid: BareJid } | { occupantId: string } | { stay: string };

/** What is stored: strings of its own, and a number for the stay. */
type Entry = {
  nick: string;
  realJid: BareJid | undefined;
  /** As it stands in the presence; a room that announces no occupant ids lets anybody forge it. */
  rawOccupantId: string | undefined;
  affiliation: Affiliation;
  role: Role;
  caps: string | undefined;
  stay: number;
};

export type Occupants = {
  readonly size: number;
  /** @returns whether it is somebody else than before who has the nick, as far as one can tell */
  set(presence: OccupantPresence, caps: string | undefined): boolean;
  /** With `newNick` they stay, if the very next presence is theirs under that nick (XEP-0045 §7.6). */
  remove(nick: string, newNick?: string): void;
  has(nick: string): boolean;
  nicks(): Iterable<string>;
  clear(): void;
  get(nick: string, options: Reading): Occupant | undefined;
  all(options: Reading): Occupant[];
  find(key: OccupantKey, options: Reading): Occupant | undefined;
};

/** `occupantIds`: whether the room vouches for them. */
type Reading = { occupantIds: boolean };

/** Occupants beyond it stay unknown: they are nobody with a real JID, so sender lists refuse them. */
const MAX_OCCUPANTS = 20_000;

/** Stays of another process are none of ours. */
const STAY_PREFIX = randomUUID();
let lastStay = 0;

export function createOccupants(room: BareJid): Occupants {
  const entries = new Map<string, Entry>();
  let renamed: Entry | undefined;

  function read(entry: Entry, { occupantIds }: Reading): Occupant {
    const { nick, realJid, rawOccupantId, affiliation, role, caps, stay } = entry;
    return {
      nick,
      occupantJid: occupantJid(room, nick),
      realJid,
      occupantId: occupantIds ? rawOccupantId : undefined,
      affiliation,
      role,
      caps,
      stay: stayName(stay),
    };
  }

  return {
    get size() {
      return entries.size;
    },
    set({ nick, realJid, occupantId, affiliation, role }, caps) {
      const present = entries.get(nick);
      const known = present ?? (renamed?.nick === nick ? renamed : undefined);
      renamed = undefined;
      if (known && known.realJid === realJid && known.rawOccupantId === occupantId) {
        known.affiliation = affiliation;
        known.role = role;
        known.caps = caps;
        if (!present) entries.set(known.nick, known);
        return false;
      }
      if (present || entries.size < MAX_OCCUPANTS) {
        const entry: Entry = {
          nick: own(nick),
          realJid: own(realJid),
          rawOccupantId: own(occupantId),
          affiliation,
          role,
          caps,
          stay: ++lastStay,
        };
        entries.set(entry.nick, entry);
      }
      return true;
    },
    remove(nick, newNick) {
      const known = entries.get(nick);
      entries.delete(nick);
      renamed = known && newNick !== undefined ? { ...known, nick: own(newNick) } : undefined;
    },
    has: (nick) => entries.has(nick),
    nicks: () => entries.keys(),
    clear() {
      entries.clear();
      renamed = undefined;
    },
    get(nick, options) {
      const entry = entries.get(nick);
      return entry && read(entry, options);
    },
    all: (options) => Array.from(entries.values(), (entry) => read(entry, options)),
    find(key, options) {
      for (const entry of entries.values())
        if (matches(entry, key, options)) return read(entry, options);
      return undefined;
    },
  };
}

/** A copy: V8 would keep all that was read together with a part of it. */
function own<T extends string | undefined>(text: T): T {
  return (text === undefined ? undefined : Buffer.from(text).toString()) as T;
}

function stayName(stay: number): string {
  return `${STAY_PREFIX}-${stay}`;
}

/** Who has no real JID is not found by having none. */
function matches(entry: Entry, key: OccupantKey, { occupantIds }: Reading): boolean {
  if ("stay" in key) return stayName(entry.stay) === key.stay;
  const [has, wants] =
    "realJid" in key
      ? [entry.realJid, key.realJid]
      : [occupantIds ? entry.rawOccupantId : undefined, key.occupantId];
  return has !== undefined && has === wants;
}

const MAX_CAPS_LENGTH = 256;
const MAX_KNOWN_CAPS = 1_000;
const knownCaps = new Map<string, string>();

/** `node#ver`, one string for all who run the same software; undefined when there is none, or no usable one. */
export function internCaps(caps: Caps | undefined): string | undefined {
  if (!caps) return undefined;
  const text = capsNode(caps);
  if (text.length > MAX_CAPS_LENGTH) return undefined;
  const known = knownCaps.get(text);
  if (known !== undefined) return known;
  // Who makes up new ones all the time gets strings of their own, and no memory that stays.
  if (knownCaps.size >= MAX_KNOWN_CAPS) knownCaps.clear();
  const copy = own(text);
  knownCaps.set(copy, copy);
  return copy;
}
