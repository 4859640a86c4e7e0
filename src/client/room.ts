/**
 * One room as we see it: the record, and how it looks from outside. What the room's stanzas make of it is
 * in room-events.ts, what we do about that in membership.ts.
 */
import type { BareJid } from "../protocol/jid.ts";
import { type Occupants, createOccupants } from "./occupants.ts";
import { type RoomDescription, UNDESCRIBED } from "./room-description.ts";
import { type Outcome, retryDelay } from "./room-outcomes.ts";
import type { RoomState } from "./room-states.ts";

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
  /** How it is tried again. "soon" and "throttled": the service is at fault; else somebody may have decided it. */
  retry?: Outcome["retry"] | undefined;
  subject?: string | undefined;
  alternate?: BareJid | undefined;
  occupantCount: number;
  joinedAt?: number | undefined;
} & RoomDescription;

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
  room.reason = room.retry = room.retryAt = room.alternate = undefined;
  room.nick = room.wanted.nick;
  room.nickConflicts = 0;
  room.isConfiguring = false;
  // A room may have been made anew elsewhere: it has to announce again what it vouches for.
  room.about = { ...room.about, ...UNDESCRIBED };
  room.askedId = undefined;
  forgetOccupants(room);
}

/** Who stayed that long in a room starts with a short delay again. */
const STABLE_MS = 10 * 60_000;

/** Makes the record that of somebody who is not in the room any more, or not let in. */
export function recordOutcome(room: Room, result: Outcome, random: () => number): void {
  const now = Date.now();
  const wasStable = room.joinedAt !== undefined && now - room.joinedAt >= STABLE_MS;
  room.failures = wasStable ? 1 : room.failures + 1;
  room.reason = result.reason;
  room.retry = result.retry;
  room.retryAt =
    result.state === "lost" ? now + retryDelay(result.retry, room.failures, random) : undefined;
  forgetOccupants(room);
}

/** The wanted nick, and eight with a number. */
const NICK_ATTEMPTS = 9;

/** After a conflict. @returns false when enough of them are taken */
export function takeNextNick(room: Room): boolean {
  room.nickConflicts += 1;
  if (room.nickConflicts >= NICK_ATTEMPTS) return false;
  room.nick = `${room.wanted.nick}-${room.nickConflicts + 1}`;
  room.occupants.clear();
  return true;
}

/** Nobody is known to be there, we included. */
export function forgetOccupants(room: Room): void {
  room.joinedAt = undefined;
  room.occupants.clear();
}
