/**
 * What presence and messages of a room make of its record. No I/O: `receive…` changes the record and says
 * what happened, membership.ts acts on it.
 */
import type { StanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import { type OccupantPresence, STATUS, type StatusCodes } from "../protocol/xep-0045-muc.ts";
import {
  type Outcome,
  isDecisive,
  outcome,
  outcomeOfError,
  outcomeOfRemoval,
} from "./room-outcomes.ts";
import { move } from "./room-states.ts";
import type { Room } from "./room.ts";

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
    return isRemoval ? removed(room, presence) : undefined;
  }
  // Another nick than ours is somebody else, whatever the codes.
  if (nick !== room.nick) return nick === room.wanted.nick ? { kind: "nick-free" } : undefined;
  if (newNick !== undefined) {
    room.nick = newNick;
    return { kind: "changed" };
  }
  return removed(room, presence);
}

function removed(room: Room, presence: OccupantPresence): RoomEvent {
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
