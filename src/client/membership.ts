/**
 * Enters and leaves rooms: what is done about each event of a room, about logins and about time.
 * What presence means for a room is in room.ts, what follows from a refusal in room-outcomes.ts.
 */
import type { Element } from "ltx";
import { messageOf } from "../errors.ts";
import type { BareJid } from "../protocol/jid.ts";
import { type Caps, encodeCaps } from "../protocol/xep-0115-caps.ts";
import { encodeJoin, encodeLeave, encodeNickChange } from "../protocol/xep-0045-muc.ts";
import { createJoinQueue } from "./join-queue.ts";
import { abandon, acceptDefaults, protect } from "./room-creation.ts";
import { askDescription } from "./room-description.ts";
import { type Outcome, outcome, retryDelay } from "./room-outcomes.ts";
import { readRoomStanza } from "./room-stanzas.ts";
import { move } from "./room-states.ts";
import { type Room, type RoomEvent, confirm, resetForEntry } from "./room.ts";
import { createSelfPing } from "./self-ping.ts";
import type { Logger, XmppSession } from "./types.ts";

export type Membership = {
  enter(room: Room): void;
  /** Says goodbye, where there is somebody to say it to. */
  leave(room: Room): void;
  rename(room: Room): void;
  /** We are not in the room, and not because we wanted so. */
  out(room: Room, result: Outcome): void;
  receive(stanza: Element): void;
  /** A new stream, on which rooms may be entered. */
  online(): void;
  /** The stream of before goes on (XEP-0198 §5). */
  resumed(): void;
  /** The stream is interrupted, and may be resumed. */
  interrupted(): void;
  offline(): void;
  stop(): void;
};

export type MembershipOptions = {
  session: XmppSession;
  log: Logger;
  rooms: Map<BareJid, Room>;
  emit: (room: Room) => void;
  caps?: Caps | undefined;
  random: () => number;
  parallelJoins?: number | undefined;
  selfPingIdleMs?: number | undefined;
};

const PARALLEL_JOINS = 20;
const JOIN_TIMEOUT_MS = 30_000;
const LEAVE_TIMEOUT_MS = 10_000;
const NICK_ATTEMPTS = 9;
/** Who stayed that long in a room starts with a short delay again. */
const STABLE_MS = 10 * 60_000;

export function createMembership(options: MembershipOptions): Membership {
  const { session, log, rooms, emit, random } = options;
  /** One timer a room at most: join time-out, retry or leave time-out, as its state says. */
  const timers = new Map<Room, NodeJS.Timeout>();
  const extensions = options.caps ? [encodeCaps(options.caps)] : [];
  /** Since the login rooms may be entered. */
  let isReady = false;
  const queue = createJoinQueue<Room>({
    limit: options.parallelJoins ?? PARALLEL_JOINS,
    serviceOf: ({ jid }) => jid.slice(jid.indexOf("@") + 1),
    begin: sendJoin,
  });
  const selfPing = createSelfPing({
    session,
    rooms: () => rooms.values(),
    idleMs: options.selfPingIdleMs,
    onLost: (room, reason) => out(room, outcome("soon", reason)),
  });

  function setTimer(room: Room, ms: number, action: () => void): void {
    clearTimer(room);
    timers.set(
      room,
      setTimeout(() => (timers.delete(room), action()), ms),
    );
  }

  function clearTimer(room: Room): void {
    clearTimeout(timers.get(room));
    timers.delete(room);
  }

  /** Ends an attempt, whatever became of it, and lets the next one begin. */
  function settle(room: Room, verdict?: "good" | "too-fast"): void {
    clearTimer(room);
    queue.end(room, verdict);
  }

  function enter(room: Room): void {
    settle(room);
    if (!move(room, "enter")) return;
    resetForEntry(room);
    emit(room);
    queue.add(room);
  }

  function sendJoin(room: Room): void {
    const { password } = room.wanted;
    session.post(askDescription(room));
    session.post(encodeJoin({ room: room.jid, nick: room.nick, password, extensions }));
    setTimer(room, JOIN_TIMEOUT_MS, () => out(room, outcome("soon", "the room did not answer")));
  }

  function out(room: Room, result: Outcome): void {
    if (!move(room, result.state === "lost" ? "dropped" : "denied")) return;
    settle(room, result.retry === "throttled" ? "too-fast" : undefined);
    const wasStable = room.joinedAt !== undefined && Date.now() - room.joinedAt >= STABLE_MS;
    room.failures = wasStable ? 1 : room.failures + 1;
    room.reason = result.reason;
    room.retry = result.retry;
    room.joinedAt = undefined;
    room.occupants.clear();
    if (result.state === "lost") {
      room.retryAt = Date.now() + retryDelay(result.retry, room.failures, random);
      scheduleRetry(room, room.retryAt);
    }
    const next = result.state === "lost" ? "will try again" : "giving up";
    log.warn(`room ${room.jid}: ${room.reason}; ${next}`);
    emit(room);
  }

  function scheduleRetry(room: Room, retryAt: number): void {
    setTimer(room, retryAt - Date.now(), () => enter(room));
  }

  function forget(room: Room): void {
    settle(room);
    if (!move(room, "forget")) return;
    rooms.delete(room.jid);
    emit(room);
  }

  function leave(room: Room): void {
    const wasThere = room.state === "joined" || queue.isRunning(room);
    settle(room);
    if (!wasThere) return forget(room);
    if (!move(room, "leave")) return;
    room.occupants.clear();
    session.post(encodeLeave(room.jid, room.nick));
    forgetLater(room);
    emit(room);
  }

  function forgetLater(room: Room): void {
    setTimer(room, LEAVE_TIMEOUT_MS, () => {
      // An interrupted stream swallowed the goodbye: it is said again, or the stream is over.
      if (session.state.kind === "online") forget(room);
      else forgetLater(room);
    });
  }

  function online(): void {
    isReady = true;
    for (const room of rooms.values()) {
      const { retry, retryAt = 0, state } = room;
      if (retry === "never" || (state !== "lost" && state !== "refused")) continue;
      // Who was kicked does not come back sooner by reconnecting.
      if (retry === "slow" && retryAt > Date.now()) scheduleRetry(room, retryAt);
      else enter(room);
    }
    queue.open();
    selfPing.start();
  }

  /** Rooms are as they were; whether they still think so of us is asked. */
  function resumed(): void {
    if (!isReady) return;
    for (const room of rooms.values()) {
      if (room.state === "leaving") session.post(encodeLeave(room.jid, room.nick));
      if (room.state !== "joined") continue;
      selfPing.doubt(room);
      if (room.nick !== room.wanted.nick) takeWantedNick(room);
    }
    queue.open();
    selfPing.start();
  }

  function offline(): void {
    isReady = false;
    queue.close();
    selfPing.stop();
    for (const room of rooms.values()) {
      clearTimer(room);
      if (!move(room, "disconnected")) continue;
      if (room.state === "forgotten") rooms.delete(room.jid);
      room.reason = "not connected";
      room.joinedAt = undefined;
      room.occupants.clear();
      emit(room);
    }
  }

  function act(room: Room, event: RoomEvent | undefined): void {
    switch (event?.kind) {
      case undefined:
        return;
      case "joined":
        return joined(room, event.created);
      case "created":
        return void configure(room);
      case "changed":
        return emit(room);
      case "reconfigured":
        session.post(askDescription(room));
        return emit(room);
      case "out":
        return out(room, event.outcome);
      case "nick-taken":
        return tryOtherNick(room);
      case "nick-free":
        return takeWantedNick(room);
      case "doubtful":
        return selfPing.doubt(room);
      case "left":
        return forget(room);
    }
  }

  function joined(room: Room, created: boolean): void {
    settle(room, "good");
    room.joinedAt = Date.now();
    selfPing.begin(room);
    log.info(`joined room ${room.jid} as ${JSON.stringify(room.nick)}`);
    emit(room);
    // Who had the nick may have left between the refusal and our entry.
    if (room.nickConflicts > 0) takeWantedNick(room);
    if (created) void unlock(room);
  }

  function tryOtherNick(room: Room): void {
    room.nickConflicts += 1;
    if (room.nickConflicts >= NICK_ATTEMPTS) {
      return out(room, outcome("slow", `the nick ${JSON.stringify(room.wanted.nick)} is taken`));
    }
    room.nick = `${room.wanted.nick}-${room.nickConflicts + 1}`;
    room.occupants.clear();
    sendJoin(room);
  }

  function takeWantedNick({ jid, nick, wanted, occupants }: Room): void {
    const isFree = nick !== wanted.nick && !occupants.has(wanted.nick);
    if (isFree) session.post(encodeNickChange(jid, wanted.nick));
  }

  async function unlock(room: Room): Promise<void> {
    log.info(`room ${room.jid} did not exist: created it with its service's default settings`);
    try {
      await acceptDefaults(session, room.jid);
    } catch (error) {
      log.warn(`room ${room.jid}: the default settings were not accepted: ${messageOf(error)}`);
    }
    if (room.state === "joined") session.post(askDescription(room));
  }

  /** The room stays `joining` until it has its password: nobody is heard before. */
  async function configure(room: Room): Promise<void> {
    const { jid, nick, visit, wanted } = room;
    clearTimer(room);
    const isCurrent = () => room.visit === visit && room.state === "joining";
    try {
      await protect(session, jid, wanted.password ?? "");
      if (!isCurrent()) return;
      log.info(`room ${jid} did not exist: created it with its password`);
      act(room, confirm(room, false));
      session.post(askDescription(room));
    } catch (error) {
      if (!isCurrent()) return;
      out(room, outcome("slow", "the room is new, and its service did not accept the password"));
      log.warn(`room ${jid}: left it, because it cannot be protected: ${messageOf(error)}`);
      await abandon(session, jid, nick);
    }
  }

  return {
    enter,
    leave,
    rename: ({ jid, wanted }) => session.post(encodeNickChange(jid, wanted.nick)),
    out,
    receive(stanza) {
      const read = readRoomStanza(stanza, (jid) => rooms.get(jid));
      if (!read) return;
      if (read.fromInside) selfPing.heard(read.room);
      act(read.room, read.event);
    },
    online,
    resumed,
    interrupted() {
      queue.hold();
      selfPing.stop();
    },
    offline,
    stop() {
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      queue.close();
      selfPing.stop();
    },
  };
}
