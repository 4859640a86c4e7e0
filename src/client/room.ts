/**
 * One room as we see it: what presence and messages of the room make of it. No I/O: `receive…`
 * changes the record and says what happened, membership.ts acts on it.
 */
import type { BareJid } from "../protocol/jid.ts";
import type { StanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import { type OccupantPresence, STATUS, type StatusCodes } from "../protocol/xep-0045-muc.ts";
import { type Occupants, createOccupants } from "./occupants.ts";
import { type RoomDescription, UNDESCRIBED } from "./room-description.ts";
import {
  type Outcome,
  isDecisive,
  outcome,
  outcomeOfError,
  outcomeOfRemoval,
} from "./room-outcomes.ts";
import { type RoomState, move } from "./room-states.ts";

export type Room = {
  readonly jid: BareJid;
  wanted: { nick: string; password?: string | undefined };
  /** What we are called, or try to be called. */
  nick: string;
  state: RoomState | "forgotten";
  reason?: string | undefined;
  retry?: Outcome["retry"] | undefined;
  retryAt?: number | undefined;
  /** Counts the attempts to enter: what answers an earlier one comes too late. */
  visit: number;
  /** Attempts and removals in a row, for the backoff. */
  failures: number;
  nickConflicts: number;
  /** We created it, and it must not be used before it is configured. */
  isConfiguring: boolean;
  joinedAt?: number | undefined;
  about: RoomDescription;
  /** Of the disco#info request that awaits its answer. */
  askedId?: string | undefined;
  subject?: string | undefined;
  /** Where the destroyed room says it moved to: its word, followed by nobody here. */
  alternate?: BareJid | undefined;
  occupants: Occupants;
  /** When the room is to be asked whether we are still in it, unless it is heard from before. */
  checkAt: number;
  unansweredChecks: number;
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
  /** "soon" and "throttled": the service's fault; all others: somebody decided it. */
  retry?: Outcome["retry"] | undefined;
  subject?: string | undefined;
  alternate?: BareJid | undefined;
  occupantCount: number;
  joinedAt?: number | undefined;
} & RoomDescription;

export type RoomEvent =
  | { kind: "joined"; created: boolean }
  /** We made a room that must not be used before it has its password. */
  | { kind: "created" }
  /** Nick, name, subject, privacy or what the room announces. */
  | { kind: "changed" }
  /** The room's configuration may be another: ask for it. */
  | { kind: "reconfigured" }
  | { kind: "out"; outcome: Outcome }
  /** The nick that we ask for belongs to somebody else. */
  | { kind: "nick-taken" }
  /** The nick that we wanted has just become free. */
  | { kind: "nick-free" }
  /** Somebody else has the nick that we believe to be ours. */
  | { kind: "doubtful" }
  | { kind: "left" };

const MAX_SUBJECT_LENGTH = 2_000;

export function createRoom(jid: BareJid, wanted: Room["wanted"]): Room {
  return {
    jid,
    wanted,
    nick: wanted.nick,
    state: "lost",
    visit: 0,
    failures: 0,
    nickConflicts: 0,
    isConfiguring: false,
    about: UNDESCRIBED,
    occupants: createOccupants(jid),
    checkAt: Infinity,
    unansweredChecks: 0,
  };
}

export function viewOf(room: Room): RoomView {
  const { jid, nick, reason, retry, retryAt, subject, alternate, joinedAt, about } = room;
  return {
    room: jid,
    state: room.state === "forgotten" ? "leaving" : room.state,
    nick,
    reason,
    retry,
    retryAt,
    subject,
    alternate,
    occupantCount: room.occupants.size,
    joinedAt,
    ...about,
  };
}

/** Makes the record that of somebody who is about to enter, and knows nothing of the room yet. */
export function resetForEntry(room: Room): void {
  room.visit += 1;
  room.reason = room.retry = room.retryAt = room.joinedAt = room.alternate = undefined;
  room.nick = room.wanted.nick;
  room.nickConflicts = 0;
  room.isConfiguring = false;
  // A room may have been made anew elsewhere: it has to announce again what it vouches for.
  room.about = { ...room.about, occupantIds: false, stanzaIds: false };
  room.askedId = undefined;
  room.occupants.clear();
}

/** An available or unavailable presence of an occupant. */
export function receivePresence(
  room: Room,
  presence: OccupantPresence,
  caps?: string | undefined,
): RoomEvent | undefined {
  switch (room.state) {
    case "joining":
    case "joined":
      return presence.kind === "available"
        ? receiveAvailable(room, presence, caps)
        : receiveUnavailable(room, presence);
    case "leaving": {
      const isSelf = presence.codes.has(STATUS.self) || presence.nick === room.nick;
      return isSelf && presence.kind === "unavailable" ? { kind: "left" } : undefined;
    }
    default:
      return undefined;
  }
}

function receiveAvailable(
  room: Room,
  presence: OccupantPresence,
  caps: string | undefined,
): RoomEvent | undefined {
  const { nick, codes } = presence;
  const isAnother = room.occupants.set(presence, caps);
  if (!codes.has(STATUS.self)) {
    const isOurNick = room.state === "joined" && room.nick === nick;
    return isOurNick && isAnother ? { kind: "doubtful" } : undefined;
  }
  const formerNick = room.nick;
  room.nick = nick;
  if (room.state === "joined") {
    if (formerNick === nick) return undefined;
    // The service changed our nick without saying that the former one is gone.
    room.occupants.remove(formerNick);
    return { kind: "changed" };
  }
  if (room.isConfiguring) return undefined;
  if (codes.has(STATUS.nonAnonymous)) room.about = { ...room.about, nonAnonymous: true };
  const created = codes.has(STATUS.created);
  if (created && room.wanted.password !== undefined) {
    room.isConfiguring = true;
    return { kind: "created" };
  }
  return confirm(room, created);
}

/** The room has us, and is as it has to be. */
export function confirm(room: Room, created: boolean): RoomEvent | undefined {
  if (!move(room, "confirmed")) return undefined;
  room.isConfiguring = false;
  room.reason = undefined;
  return { kind: "joined", created };
}

function receiveUnavailable(room: Room, presence: OccupantPresence): RoomEvent | undefined {
  const { nick, codes } = presence;
  const newNick = codes.has(STATUS.nickChange) ? presence.newNick : undefined;
  room.occupants.remove(nick, newNick);
  if (room.state === "joining") {
    // This is the echo of an earlier goodbye, unless the room says more.
    const isRemoval = codes.has(STATUS.self) && isDecisive(presence);
    return isRemoval ? { kind: "out", outcome: outcomeOfRemoval(presence) } : undefined;
  }
  // Another nick than ours is somebody else, whatever the codes.
  if (nick !== room.nick) return nick === room.wanted.nick ? { kind: "nick-free" } : undefined;
  if (newNick !== undefined) {
    room.nick = newNick;
    return { kind: "changed" };
  }
  room.alternate = presence.destroy?.alternate;
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

/** A message of ours that the room itself sent back (XEP-0045 §7.4). */
export function receiveBounce(room: Room, error: StanzaError): RoomEvent | undefined {
  if (room.state !== "joined" || error.condition !== "not-acceptable") return undefined;
  return { kind: "out", outcome: outcome("soon", "the room says that we are not in it") };
}

/** The room's subject, which comes once after the join and at each change. */
export function receiveSubject(room: Room, subject: string): RoomEvent | undefined {
  const text = subject.trim().slice(0, MAX_SUBJECT_LENGTH) || undefined;
  if (room.state !== "joined" || room.subject === text) return undefined;
  room.subject = text;
  return { kind: "changed" };
}

const CONFIGURATION_CODES = [
  STATUS.configChanged,
  STATUS.nowNonAnonymous,
  STATUS.nowSemiAnonymous,
  STATUS.nowFullyAnonymous,
];

/** A change of configuration that the room itself announces in a message (XEP-0045 §10.2.1). */
export function receiveConfigChange(room: Room, codes: StatusCodes): RoomEvent | undefined {
  if (room.state !== "joined" || !CONFIGURATION_CODES.some((code) => codes.has(code))) {
    return undefined;
  }
  if (codes.has(STATUS.nowNonAnonymous)) room.about = { ...room.about, nonAnonymous: true };
  else if (codes.has(STATUS.nowSemiAnonymous) || codes.has(STATUS.nowFullyAnonymous)) {
    room.about = { ...room.about, nonAnonymous: false };
  }
  return { kind: "reconfigured" };
}
