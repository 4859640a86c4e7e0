/**
 * The rooms of one account (XEP-0045): enters the wanted ones whenever the account is online, in
 * bounded parallel, enters again where that makes sense, and knows who is in them.
 * How a room is entered and left is in membership.ts.
 */
import type { Element } from "ltx";
import { type BareJid, parseJid } from "../protocol/jid.ts";
import type { Caps } from "../protocol/xep-0115-caps.ts";
import { encodeLeave } from "../protocol/xep-0045-muc.ts";
import { createMembership } from "./membership.ts";
import type { Occupant, OccupantKey } from "./occupants.ts";
import { mayBeResumed } from "./resumption.ts";
import { outcome } from "./room-outcomes.ts";
import { type Room, type RoomView, createRoom, viewOf } from "./room.ts";
import type { ConnectionState, Logger, XmppSession } from "./types.ts";

export type { Occupant, OccupantKey } from "./occupants.ts";
export type { RoomState } from "./room-states.ts";
export type { RoomView } from "./room.ts";

export type JoinOptions = {
  nick?: string | undefined;
  password?: string | undefined;
  /** Why we must not even try: the room is `refused` for it. */
  problem?: string | undefined;
};

export type Rooms = {
  /**
   * Wants to be in the room: now, and after every login, until `leave`. On a known room: renames us where
   * we are in it (another password is remembered for the next time), and tries again where we are not.
   */
  join(room: BareJid, options?: JoinOptions): void;
  /** Says goodbye and forgets the room. */
  leave(room: BareJid): void;
  get(room: BareJid): RoomView | undefined;
  /** Sorted by address. */
  list(): RoomView[];
  occupant(room: BareJid, nick: string): Occupant | undefined;
  occupants(room: BareJid): Occupant[];
  /** The nicks of all occupants, ours among them; costs nothing until it is read. */
  nicks(room: BareJid): Iterable<string>;
  /** Looks at each occupant: for rare questions. Occupant ids are found only where the room announces them. */
  occupantBy(room: BareJid, key: OccupantKey): Occupant | undefined;
  /** Whether `nick` is ourselves: a groupchat message from there is the echo of our own. */
  isReflection(room: BareJid, nick: string): boolean;
  /** Called at each change of state, nick, name, subject, privacy or announced features. The view of a left room has state "leaving". */
  onRoom(listener: (view: RoomView) => void): () => void;
  /** Says our presence anew in the rooms where we are. */
  announce(): void;
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
  /** What else our presence says. */
  extensions?: (() => Element[]) | undefined;
  /** Tells when rooms may be entered after a login (`roster.onReady`); by default once the session is online. */
  onReady?: ((listener: () => void) => () => void) | undefined;
  /** 0 to 1, for jitter. */
  random?: (() => number) | undefined;
  /** Rooms that are being entered at any time; default 20. */
  parallelJoins?: number | undefined;
  /** ms of silence after which a room is asked whether we are still in it (XEP-0410); default 10 minutes. */
  selfPingIdleMs?: number | undefined;
};

export function createRooms(options: RoomsOptions): Rooms {
  const { session, log, onReady } = options;
  const rooms = new Map<BareJid, Room>();
  const listeners = new Set<(view: RoomView) => void>();
  const membership = createMembership({ ...options, rooms, emit });

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

  function onState(state: ConnectionState): void {
    if (state.kind !== "online") {
      if (mayBeResumed(state)) membership.interrupted();
      else membership.offline();
    } else if (state.facts.resumed) membership.resumed();
    else {
      // A stream that was to be resumed, and was not, may end without a word.
      membership.offline();
      if (!onReady) membership.online();
    }
  }

  const unsubscribe = [
    session.onStanza(membership.receive),
    session.onState(onState),
    onReady?.(membership.online),
  ];
  if (session.state.kind === "online" && !onReady) membership.online();

  return {
    join(jid, { nick = options.nick, password, problem } = {}) {
      const prepared = parseJid(`${jid}/${nick}`)?.resource;
      const room = rooms.get(jid) ?? createRoom(jid, { nick, password });
      rooms.set(jid, room);
      const hindrance =
        problem ??
        (prepared === undefined ? `${JSON.stringify(nick)} cannot be a nick` : undefined);
      if (hindrance !== undefined || prepared === undefined) {
        if (room.state === "joining") session.post(encodeLeave(jid, room.nick));
        return membership.out(room, outcome("never", hindrance ?? ""));
      }
      const { wanted } = room;
      room.wanted = { nick: prepared, password };
      if (room.state === "joined") {
        if (room.nick !== prepared) membership.rename(room);
        return;
      }
      const isUnderWay = wanted.nick === prepared && wanted.password === password;
      if (room.state === "joining" && (isUnderWay || room.isConfiguring)) return;
      room.failures = 0;
      membership.enter(room);
    },
    leave(jid) {
      const room = rooms.get(jid);
      if (room) membership.leave(room);
    },
    get: (jid) => {
      const room = rooms.get(jid);
      return room && viewOf(room);
    },
    list: () => [...rooms.values()].map(viewOf).toSorted((a, b) => (a.room < b.room ? -1 : 1)),
    occupant(jid, nick) {
      const room = rooms.get(jid);
      return room?.occupants.get(nick, room.about);
    },
    occupants(jid) {
      const room = rooms.get(jid);
      return room?.occupants.all(room.about) ?? [];
    },
    nicks: (jid) => rooms.get(jid)?.occupants.nicks() ?? [],
    occupantBy(jid, key) {
      const room = rooms.get(jid);
      return room?.occupants.find(key, room.about);
    },
    isReflection(jid, nick) {
      const room = rooms.get(jid);
      return room?.state === "joined" && room.nick === nick;
    },
    onRoom(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    announce() {
      for (const room of rooms.values()) {
        if (room.state === "joined") membership.announce(room);
      }
    },
    stop() {
      for (const end of unsubscribe) end?.();
      membership.stop();
      listeners.clear();
      rooms.clear();
    },
  };
}
