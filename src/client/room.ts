/**
 * One room as we see it: what presence and messages of the room make of it. No I/O: `receive…`
 * changes the record and says what happened, rooms.ts acts on it.
 *
 * | state   | means                                     | leaves by                                  |
 * |---------|-------------------------------------------|--------------------------------------------|
 * | joining | waits for its turn, or for self-presence  | 110 → joined, error or time-out → lost/refused |
 * | joined  | self-presence arrived                     | own unavailable, stream lost → lost/refused |
 * | leaving | we said goodbye                           | own unavailable, error or time-out → forgotten |
 * | lost    | tried again at `retryAt`, or on login     | → joining                                  |
 * | refused | tried again on login, or by `join` only   | → joining                                  |
 */
import { randomUUID } from "node:crypto";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import type { StanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import type { DiscoInfo } from "../protocol/xep-0030-disco.ts";
import {
  type Affiliation,
  MUC_NON_ANONYMOUS,
  MUC_SEMI_ANONYMOUS,
  type OccupantPresence,
  type Role,
  STATUS,
  type StatusCodes,
} from "../protocol/xep-0045-muc.ts";
import { type Outcome, isDecisive, outcomeOfError, outcomeOfRemoval } from "./room-outcomes.ts";

export type RoomState = "joining" | "joined" | "leaving" | "lost" | "refused";

export type Occupant = {
  nick: string;
  occupantJid: FullJid;
  /** Whose occupant it is; only as the room itself sent it, absent where the room hides it. */
  realJid?: BareJid | undefined;
  affiliation: Affiliation;
  role: Role;
  /** Names this stay in the room: kept through changes of nick, another one for whoever enters next. */
  stay: string;
};

export type Room = {
  readonly jid: BareJid;
  wanted: { nick: string; password?: string | undefined };
  /** What we are called, or try to be called. */
  nick: string;
  state: RoomState;
  reason?: string | undefined;
  retry?: Outcome["retry"] | undefined;
  retryAt?: number | undefined;
  /** Attempts and removals in a row, for the backoff. */
  failures: number;
  nickConflicts: number;
  joinedAt?: number | undefined;
  name?: string | undefined;
  subject?: string | undefined;
  nonAnonymous?: boolean | undefined;
  /** By nick, of those who are there now. */
  occupants: Map<string, Occupant>;
  /** Who has just given up a nick: their presence under the new one comes next (XEP-0045 §7.6). */
  renamed?: Occupant | undefined;
};

/** A snapshot of one room; times in milliseconds since the epoch. */
export type RoomView = {
  room: BareJid;
  state: RoomState;
  /** What we are called there, or try to be called. */
  nick: string;
  /** Why it is lost or refused, fit for a status line. */
  reason?: string | undefined;
  retryAt?: number | undefined;
  name?: string | undefined;
  subject?: string | undefined;
  /** Whether every occupant sees real JIDs; undefined while unknown. */
  nonAnonymous?: boolean | undefined;
  occupantCount: number;
  joinedAt?: number | undefined;
};

export type RoomEvent =
  | { kind: "joined"; created: boolean }
  /** Nick, name, subject or privacy. */
  | { kind: "changed" }
  /** The room's configuration may be another: ask for it. */
  | { kind: "reconfigured" }
  | { kind: "out"; outcome: Outcome }
  /** The nick that we ask for belongs to somebody else. */
  | { kind: "nick-taken" }
  /** The nick that we wanted has just become free. */
  | { kind: "nick-free" }
  | { kind: "left" };

/** Occupants beyond it stay unknown: they are nobody with a real JID, so sender lists refuse them. */
const MAX_OCCUPANTS = 20_000;
const MAX_SUBJECT_LENGTH = 2_000;
const MAX_NAME_LENGTH = 200;

export function createRoom(jid: BareJid, wanted: Room["wanted"]): Room {
  return {
    jid,
    wanted,
    nick: wanted.nick,
    state: "lost",
    failures: 0,
    nickConflicts: 0,
    occupants: new Map(),
  };
}

export function viewOf(room: Room): RoomView {
  const { jid, state, nick, reason, retryAt, name, subject, nonAnonymous, joinedAt } = room;
  const occupantCount = room.occupants.size;
  return {
    room: jid,
    state,
    nick,
    reason,
    retryAt,
    name,
    subject,
    nonAnonymous,
    occupantCount,
    joinedAt,
  };
}

/** An available or unavailable presence of an occupant. */
export function receivePresence(room: Room, presence: OccupantPresence): RoomEvent | undefined {
  if (room.state === "lost" || room.state === "refused") return undefined;
  const { renamed } = room;
  room.renamed = undefined;
  const self =
    presence.codes.has(STATUS.self) || (room.state !== "joining" && presence.nick === room.nick);
  if (room.state === "leaving") {
    return self && presence.kind === "unavailable" ? { kind: "left" } : undefined;
  }
  return presence.kind === "available"
    ? receiveAvailable(room, presence, self, renamed)
    : receiveUnavailable(room, presence, self);
}

function receiveAvailable(
  room: Room,
  presence: OccupantPresence,
  self: boolean,
  renamedOccupant: Occupant | undefined,
): RoomEvent | undefined {
  const { nick, occupantJid, realJid, affiliation, role, codes } = presence;
  const known =
    room.occupants.get(nick) ?? (renamedOccupant?.nick === nick ? renamedOccupant : undefined);
  if (known || room.occupants.size < MAX_OCCUPANTS) {
    // The record is replaced, never merged: who takes over a nick inherits nothing.
    const stay = known && known.realJid === realJid ? known.stay : randomUUID();
    room.occupants.set(nick, { nick, occupantJid, realJid, affiliation, role, stay });
  }
  if (!self) return undefined;
  const renamed = room.nick !== nick;
  room.nick = nick;
  if (room.state !== "joining") return renamed ? { kind: "changed" } : undefined;
  room.state = "joined";
  room.reason = undefined;
  if (codes.has(STATUS.nonAnonymous)) room.nonAnonymous = true;
  return { kind: "joined", created: codes.has(STATUS.created) };
}

function receiveUnavailable(
  room: Room,
  presence: OccupantPresence,
  self: boolean,
): RoomEvent | undefined {
  const { nick, newNick, codes } = presence;
  const known = room.occupants.get(nick);
  room.occupants.delete(nick);
  if (known && codes.has(STATUS.nickChange) && newNick !== undefined) {
    room.renamed = { ...known, nick: newNick };
  }
  if (!self) {
    const isFree = nick === room.wanted.nick && room.nick !== nick && room.state === "joined";
    return isFree ? { kind: "nick-free" } : undefined;
  }
  if (codes.has(STATUS.nickChange) && newNick !== undefined) {
    room.nick = newNick;
    return { kind: "changed" };
  }
  // While joining this is the echo of an earlier goodbye, unless the room says more.
  if (room.state === "joining" && !isDecisive(presence)) return undefined;
  return { kind: "out", outcome: outcomeOfRemoval(presence) };
}

/** A presence of type "error" from the room. `nick` is absent when the room answered as itself. */
export function receiveError(
  room: Room,
  nick: string | undefined,
  error: StanzaError,
): RoomEvent | undefined {
  if (room.state === "leaving") return { kind: "left" };
  // While joined it answers a change of nick that the room denies: we keep the one we have.
  if (room.state !== "joining" || (nick !== undefined && nick !== room.nick)) return undefined;
  return error.condition === "conflict"
    ? { kind: "nick-taken" }
    : { kind: "out", outcome: outcomeOfError(error) };
}

/** The room's subject, which comes once after the join and at each change. */
export function receiveSubject(room: Room, subject: string): RoomEvent | undefined {
  const text = subject.trim().slice(0, MAX_SUBJECT_LENGTH) || undefined;
  if (room.state !== "joined" || room.subject === text) return undefined;
  room.subject = text;
  return { kind: "changed" };
}

/** A change of configuration that the room itself announces in a message (XEP-0045 §10.2.1). */
export function receiveConfigChange(room: Room, codes: StatusCodes): RoomEvent | undefined {
  if (room.state !== "joined") return undefined;
  if (codes.has(STATUS.nowNonAnonymous)) room.nonAnonymous = true;
  if (codes.has(STATUS.nowSemiAnonymous)) room.nonAnonymous = false;
  const isChange = [STATUS.configChanged, STATUS.nowNonAnonymous, STATUS.nowSemiAnonymous].some(
    (code) => codes.has(code),
  );
  return isChange ? { kind: "reconfigured" } : undefined;
}

/** What disco#info says of the room. */
export function receiveInfo(room: Room, info: DiscoInfo): RoomEvent | undefined {
  if (room.state !== "joined") return undefined;
  const { name, nonAnonymous } = room;
  const identity = info.identities.find(({ category }) => category === "conference");
  room.name = identity?.name?.trim().slice(0, MAX_NAME_LENGTH) || undefined;
  if (info.features.includes(MUC_NON_ANONYMOUS)) room.nonAnonymous = true;
  else if (info.features.includes(MUC_SEMI_ANONYMOUS)) room.nonAnonymous = false;
  return room.name === name && room.nonAnonymous === nonAnonymous ? undefined : { kind: "changed" };
}
