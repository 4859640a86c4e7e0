/**
 * The rooms of one account (XEP-0045): enters the wanted ones whenever the account is online, in
 * bounded parallel, enters again where that makes sense, and knows who is in them.
 * What presence means for a room is in room.ts, what follows from a refusal in room-outcomes.ts.
 */
import type { Element } from "ltx";
import { type BareJid, parseJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { DISCO_INFO, decodeDiscoInfo, encodeDiscoQuery } from "../protocol/xep-0030-disco.ts";
import { type Caps, encodeCaps } from "../protocol/xep-0115-caps.ts";
import {
  encodeInstantRoom,
  encodeJoin,
  encodeLeave,
  encodeNickChange,
} from "../protocol/xep-0045-muc.ts";
import { createJoinQueue } from "./join-queue.ts";
import { mayBeResumed } from "./resumption.ts";
import { type Outcome, outcome, retryDelay } from "./room-outcomes.ts";
import {
  type Occupant,
  type Room,
  type RoomEvent,
  type RoomView,
  createRoom,
  receiveInfo,
  viewOf,
} from "./room.ts";
import { readRoomStanza } from "./room-stanzas.ts";
import type { Logger, XmppSession } from "./types.ts";

export type { Occupant, RoomState, RoomView } from "./room.ts";

export type Rooms = {
  /** Wants to be in the room: now, and after every login, until `leave`. On a known room: tries again, or renames. */
  join(room: BareJid, options?: { nick?: string | undefined; password?: string | undefined }): void;
  /** Says goodbye and forgets the room. */
  leave(room: BareJid): void;
  get(room: BareJid): RoomView | undefined;
  list(): RoomView[];
  occupant(room: BareJid, nick: string): Occupant | undefined;
  occupants(room: BareJid): Occupant[];
  /** Whether `nick` is ourselves: a groupchat message from there is the echo of our own. */
  isReflection(room: BareJid, nick: string): boolean;
  /** Called at each change of state, nick, name, subject or privacy. The view of a left room has state "leaving". */
  onRoom(listener: (view: RoomView) => void): () => void;
  /** Ends all listening and timers. Rooms are left by the end of the stream. */
  stop(): void;
};

export type RoomsOptions = {
  session: XmppSession;
  log: Logger;
  /** The nick where `join` names none. */
  nick: string;
  /** Sent along with each join. */
  caps?: Caps | undefined;
  /** Tells when rooms may be entered after a login (`roster.onReady`); by default once the session is online. */
  onReady?: ((listener: () => void) => () => void) | undefined;
  /** 0 to 1, for jitter. */
  random?: (() => number) | undefined;
};

const PARALLEL_JOINS = 20;
const JOIN_TIMEOUT_MS = 30_000;
const LEAVE_TIMEOUT_MS = 10_000;
const NICK_ATTEMPTS = 9;
/** Who stayed that long in a room starts with a short delay again. */
const STABLE_MS = 10 * 60_000;

export function createRooms(options: RoomsOptions): Rooms {
  const { session, log, random = Math.random } = options;
  const rooms = new Map<BareJid, Room>();
  const listeners = new Set<(view: RoomView) => void>();
  /** One timer a room at most: join time-out, retry or leave time-out, as its state says. */
  const timers = new Map<Room, NodeJS.Timeout>();
  const queue = createJoinQueue<Room>(PARALLEL_JOINS, sendJoin);
  /** Since the login rooms may be entered. */
  let isReady = false;

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

  function emit(room: Room): void {
    const view = viewOf(room);
    for (const listener of listeners) {
      try {
        listener(view);
      } catch (error) {
        log.error(`room listener failed: ${String(error)}`);
      }
    }
  }

  /** Ends an attempt, whatever became of it, and lets the next one begin. */
  function settle(room: Room): void {
    clearTimer(room);
    queue.end(room);
  }

  function enter(room: Room): void {
    settle(room);
    room.state = "joining";
    room.reason = room.retry = room.retryAt = room.joinedAt = undefined;
    room.nick = room.wanted.nick;
    room.nickConflicts = 0;
    room.occupants.clear();
    emit(room);
    queue.add(room);
  }

  function sendJoin(room: Room): void {
    const extensions = options.caps ? [encodeCaps(options.caps)] : [];
    const { password } = room.wanted;
    session.post(encodeJoin({ room: room.jid, nick: room.nick, password, extensions }));
    setTimer(room, JOIN_TIMEOUT_MS, () => out(room, outcome("soon", "the room did not answer")));
  }

  /** We are not in the room, and not because we wanted so. */
  function out(room: Room, result: Outcome): void {
    settle(room);
    const wasStable = room.joinedAt !== undefined && Date.now() - room.joinedAt >= STABLE_MS;
    room.failures = wasStable ? 1 : room.failures + 1;
    room.state = result.state;
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

  function sayGoodbye(room: Room): void {
    session.post(encodeLeave(room.jid, room.nick));
    if (session.state.kind !== "online") return; // said once the stream is resumed, if ever
    setTimer(room, LEAVE_TIMEOUT_MS, () => forget(room));
  }

  function forget(room: Room): void {
    settle(room);
    room.state = "leaving";
    rooms.delete(room.jid);
    emit(room);
  }

  function online(): void {
    isReady = true;
    for (const room of rooms.values()) {
      const { retry, retryAt = 0 } = room;
      if (retry === "never") continue;
      // Who was kicked does not come back sooner by reconnecting.
      if (retry === "slow" && retryAt > Date.now()) scheduleRetry(room, retryAt);
      else enter(room);
    }
    queue.open();
  }

  /** The stream of before goes on: for the rooms we were never away (XEP-0198 §5). */
  function resumed(): void {
    if (!isReady) return;
    for (const room of rooms.values()) {
      if (room.state === "leaving") sayGoodbye(room);
      else if (room.state === "lost") scheduleRetry(room, room.retryAt ?? Date.now());
      else if (room.state === "joined" && room.nick !== room.wanted.nick)
        session.post(encodeNickChange(room.jid, room.wanted.nick));
    }
    queue.open();
  }

  /** @param isGap the stream may be resumed: until that is decided, rooms that we are in stay so */
  function offline(isGap: boolean): void {
    queue.close();
    isReady &&= isGap;
    for (const room of rooms.values()) {
      clearTimer(room);
      if (isGap && (room.state === "joined" || room.state === "leaving")) continue;
      if (room.state === "leaving") forget(room);
      if (room.state !== "joined" && room.state !== "joining") continue;
      room.state = "lost";
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
        settle(room);
        room.joinedAt = Date.now();
        log.info(`joined room ${room.jid} as ${JSON.stringify(room.nick)}`);
        emit(room);
        if (event.created) unlock(room);
        void describe(room);
        return;
      case "changed":
        return emit(room);
      case "reconfigured":
        emit(room);
        return void describe(room);
      case "out":
        return out(room, event.outcome);
      case "nick-taken":
        return tryOtherNick(room);
      case "nick-free":
        return session.post(encodeNickChange(room.jid, room.wanted.nick));
      case "left":
        return forget(room);
    }
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

  function unlock(room: Room): void {
    log.info(`room ${room.jid} did not exist: created it with its service's default settings`);
    session.request(encodeInstantRoom(room.jid)).catch((error: unknown) => {
      log.warn(`room ${room.jid}: the default settings were not accepted: ${String(error)}`);
    });
  }

  async function describe(room: Room): Promise<void> {
    const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO), room.jid);
    try {
      const info = decodeDiscoInfo(await session.request(iq));
      if (info) act(room, receiveInfo(room, info));
    } catch (error) {
      log.debug?.(`room ${room.jid} does not describe itself: ${String(error)}`);
    }
  }

  function onStanza(stanza: Element): void {
    const read = readRoomStanza(stanza, (jid) => rooms.get(jid));
    if (read) act(read.room, read.event);
  }

  const unsubscribe = [
    session.onStanza(onStanza),
    session.onState((state) => {
      if (state.kind !== "online") offline(mayBeResumed(state));
      else if (state.facts.resumed) resumed();
      else if (!options.onReady) online();
    }),
    options.onReady?.(online),
  ];
  if (session.state.kind === "online" && !options.onReady) online();

  return {
    join(jid, { nick = options.nick, password } = {}) {
      const prepared = parseJid(`${jid}/${nick}`)?.resource;
      const room = rooms.get(jid) ?? createRoom(jid, { nick, password });
      rooms.set(jid, room);
      if (prepared === undefined) {
        return out(room, outcome("never", `${JSON.stringify(nick)} cannot be a nick`));
      }
      room.wanted = { nick: prepared, password };
      if (room.state === "joined") {
        if (room.nick !== prepared) session.post(encodeNickChange(jid, prepared));
        return;
      }
      room.failures = 0;
      enter(room);
    },
    leave(jid) {
      const room = rooms.get(jid);
      if (!room) return;
      const wasThere = room.state === "joined" || queue.isRunning(room);
      settle(room);
      if (!wasThere) return forget(room);
      room.state = "leaving";
      room.occupants.clear();
      sayGoodbye(room);
      emit(room);
    },
    get: (jid) => {
      const room = rooms.get(jid);
      return room && viewOf(room);
    },
    list: () => [...rooms.values()].map(viewOf),
    occupant: (jid, nick) => rooms.get(jid)?.occupants.get(nick),
    occupants: (jid) => [...(rooms.get(jid)?.occupants.values() ?? [])],
    isReflection(jid, nick) {
      const room = rooms.get(jid);
      return room?.state === "joined" && room.nick === nick;
    },
    onRoom(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop() {
      for (const end of unsubscribe) end?.();
      for (const timer of timers.values()) clearTimeout(timer);
      timers.clear();
      listeners.clear();
      queue.close();
      rooms.clear();
    },
  };
}
