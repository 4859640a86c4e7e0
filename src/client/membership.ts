/**
 * Enters and leaves rooms: what is done about each event of a room, about logins and about time.
 * What presence means for a room is in room-events.ts, what follows from a refusal in room-outcomes.ts.
 */
import type { Element } from "ltx";
import type { BareJid } from "../protocol/jid.ts";
import { encodeCaps } from "../protocol/xep-0115-caps.ts";
import { encodeJoin, encodeLeave, encodeOccupantPresence } from "../protocol/xep-0045-muc.ts";
import { createJoinQueue } from "./join-queue.ts";
import { createKeyedTimers } from "./keyed-timers.ts";
import { abandonRoom, protectRoom, unlockRoom } from "./room-creation.ts";
import { askDescription } from "./room-description.ts";
import { type Outcome, outcome } from "./room-outcomes.ts";
import { readRoomStanza } from "./room-stanzas.ts";
import { move } from "./room-states.ts";
import { type RoomEvent, confirm } from "./room-events.ts";
import { type Room, forgetOccupants, recordOutcome, resetForEntry, takeNextNick } from "./room.ts";
import type { RoomsOptions } from "./rooms.ts";
import { createSelfPing } from "./self-ping.ts";

export type Membership = {
  enter(room: Room): void;
  /** Says goodbye, where there is somebody to say it to. */
  leave(room: Room): void;
  rename(room: Room): void;
  announce(room: Room): void;
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

export type MembershipOptions = Omit<RoomsOptions, "nick" | "onReady"> & {
  rooms: Map<BareJid, Room>;
  emit: (room: Room) => void;
};

const PARALLEL_JOINS = 20;
const JOIN_TIMEOUT_MS = 30_000;
const LEAVE_TIMEOUT_MS = 10_000;

export function createMembership(options: MembershipOptions): Membership {
  const { session, log, rooms, emit, random = Math.random } = options;
  /** One timer a room at most: join time-out, retry or leave time-out, as its state says. */
  const timers = createKeyedTimers<Room>();
  const extensions = () => [
    ...(options.caps ? [encodeCaps(options.caps)] : []),
    ...(options.extensions?.() ?? []),
  ];
  /** Since the login rooms may be entered. */
  let isReady = false;
  const queue = createJoinQueue<Room>({
    limit: options.parallelJoins ?? PARALLEL_JOINS,
    serviceOf: ({ jid }) => jid.slice(jid.indexOf("@") + 1),
    begin(room) {
      session.post(askDescription(room));
      sendJoin(room);
    },
  });
  const selfPing = createSelfPing({
    session,
    rooms: () => rooms.values(),
    idleMs: options.selfPingIdleMs,
    onLost: (room, reason) => out(room, outcome("soon", reason)),
  });

  /** Ends an attempt, whatever became of it, and lets the next one begin. */
  function settle(room: Room, verdict?: "good" | "too-fast"): void {
    timers.clear(room);
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
    const { jid, nick, wanted } = room;
    session.post(
      encodeJoin({ room: jid, nick, password: wanted.password, extensions: extensions() }),
    );
    timers.set(room, JOIN_TIMEOUT_MS, () => out(room, outcome("soon", "the room did not answer")));
  }

  function out(room: Room, result: Outcome): void {
    if (!move(room, result.state === "lost" ? "dropped" : "denied")) return;
    settle(room, result.retry === "throttled" ? "too-fast" : undefined);
    recordOutcome(room, result, random);
    if (room.retryAt !== undefined) scheduleRetry(room, room.retryAt);
    const next = result.state === "lost" ? "will try again" : "giving up";
    log.warn(`room ${room.jid}: ${room.reason}; ${next}`);
    emit(room);
  }

  function scheduleRetry(room: Room, retryAt: number): void {
    timers.set(room, retryAt - Date.now(), () => enter(room));
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
    forgetOccupants(room);
    session.post(encodeLeave(room.jid, room.nick));
    forgetLater(room);
    emit(room);
  }

  function forgetLater(room: Room): void {
    timers.set(room, LEAVE_TIMEOUT_MS, () => {
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
      timers.clear(room);
      if (!move(room, "disconnected")) continue;
      if (room.state === "forgotten") rooms.delete(room.jid);
      room.reason = "not connected";
      forgetOccupants(room);
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
    if (takeNextNick(room)) return sendJoin(room);
    out(room, outcome("slow", `the nick ${JSON.stringify(room.wanted.nick)} is taken`));
  }

  function takeWantedNick({ jid, nick, wanted, occupants }: Room): void {
    const isFree = nick !== wanted.nick && !occupants.has(wanted.nick);
    if (isFree) session.post(encodeOccupantPresence(jid, wanted.nick, extensions()));
  }

  async function unlock(room: Room): Promise<void> {
    await unlockRoom(options, room);
    if (room.state === "joined") session.post(askDescription(room));
  }

  /** The room stays `joining` until it has its password: nobody is heard before. */
  async function configure(room: Room): Promise<void> {
    const { visit } = room;
    timers.clear(room);
    const isProtected = await protectRoom(options, room);
    if (room.visit !== visit || room.state !== "joining") return;
    if (!isProtected) {
      out(room, outcome("slow", "the room is new, and its service did not accept the password"));
      return await abandonRoom(options, room);
    }
    act(room, confirm(room, false));
    session.post(askDescription(room));
  }

  return {
    enter,
    leave,
    rename: ({ jid, wanted }) =>
      session.post(encodeOccupantPresence(jid, wanted.nick, extensions())),
    announce: ({ jid, nick }) => session.post(encodeOccupantPresence(jid, nick, extensions())),
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
      timers.clearAll();
      queue.close();
      selfPing.stop();
    },
  };
}
