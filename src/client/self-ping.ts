/**
 * Finds out that a room has lost us without a word (XEP-0410): a room from which nothing was heard for
 * long is asked, by a ping to our own occupant. One timer serves all rooms.
 */
import { XmppConnectionError, XmppStanzaError } from "../errors.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import type { StanzaErrorType } from "../protocol/rfc-6120-stanza-error.ts";
import { DISCO_INFO, encodeDiscoQuery } from "../protocol/xep-0030-disco.ts";
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import { encodePing } from "../protocol/xep-0199-ping.ts";
import { type SelfPingVerdict, decideSelfPing } from "../protocol/xep-0410-self-ping.ts";
import type { Room } from "./room.ts";
import type { XmppSession } from "./types.ts";

/** ms of silence after which a room is asked. */
export const DEFAULT_IDLE_MS = 10 * 60_000;
const ANSWER_MS = 30_000;
/** ms after a question that was not answered. */
const AGAIN_MS = 60_000;
const UNANSWERED_AT_MOST = 3;
/** Questions at once: after a resumed login every room is asked. */
const PARALLEL_PINGS = 5;
/** A time that is past. */
const IN_DOUBT = 0;

export type SelfPing = {
  /** We have just entered it. */
  begin(room: Room): void;
  /** The room said something that only occupants hear. */
  heard(room: Room): void;
  /** The room is asked as soon as may be, whatever is heard from it meanwhile. */
  doubt(room: Room): void;
  /** Asks from now on; at once those that are due. */
  start(): void;
  stop(): void;
};

export function createSelfPing(options: {
  session: XmppSession;
  rooms: () => Iterable<Room>;
  idleMs?: number | undefined;
  onLost: (room: Room, reason: string) => void;
}): SelfPing {
  const { session, rooms, idleMs = DEFAULT_IDLE_MS, onLost } = options;
  const asked = new Set<Room>();
  let timer: NodeJS.Timeout | undefined;

  function sweep(): void {
    const now = Date.now();
    for (const room of rooms()) {
      if (asked.size >= PARALLEL_PINGS || session.state.kind !== "online") return;
      if (room.state === "joined" && room.checkAt <= now && !asked.has(room)) void ask(room);
    }
  }

  async function ask(room: Room): Promise<void> {
    const { visit } = room;
    asked.add(room);
    const verdict = await ping(room);
    asked.delete(room);
    if (room.state === "joined" && room.visit === visit) conclude(room, verdict);
    if (timer) sweep();
  }

  /** undefined: nobody was asked, because the connection is gone. */
  async function ping(room: Room): Promise<SelfPingVerdict | undefined> {
    const iq = encodeRequest("get", encodePing(), occupantJid(room.jid, room.nick));
    try {
      await session.request(iq, { timeoutMs: ANSWER_MS });
      return decideSelfPing("result");
    } catch (error) {
      if (error instanceof XmppStanzaError) {
        if (error.condition === "item-not-found") return await findRoom(room);
        const type = error.type as StanzaErrorType;
        return decideSelfPing({ type, condition: error.condition });
      }
      const isTimeout = error instanceof XmppConnectionError && error.condition === "timeout";
      return isTimeout && session.state.kind === "online" ? decideSelfPing("timeout") : undefined;
    }
  }

  /** `item-not-found` may mean our nick of a moment ago, or that there is no such room any more. */
  async function findRoom({ jid }: Room): Promise<SelfPingVerdict> {
    try {
      await session.request(encodeRequest("get", encodeDiscoQuery(DISCO_INFO), jid), {
        timeoutMs: ANSWER_MS,
      });
      return "joined";
    } catch (error) {
      const condition = error instanceof XmppStanzaError ? error.condition : undefined;
      return condition === "item-not-found" || condition === "gone" ? "not-joined" : "unknown";
    }
  }

  function conclude(room: Room, verdict: SelfPingVerdict | undefined): void {
    if (verdict === undefined) return;
    if (verdict === "joined") return begin(room);
    if (verdict === "not-joined") return onLost(room, "the room says that we are not in it");
    room.unansweredChecks += 1;
    if (room.unansweredChecks >= UNANSWERED_AT_MOST) {
      return onLost(room, "the room does not answer any more");
    }
    room.checkAt = Date.now() + Math.min(AGAIN_MS, idleMs);
  }

  function begin(room: Room): void {
    room.checkAt = Date.now() + idleMs;
    room.unansweredChecks = 0;
  }

  return {
    begin,
    heard(room) {
      if (room.checkAt !== IN_DOUBT) begin(room);
    },
    doubt(room) {
      room.checkAt = IN_DOUBT;
      if (timer) sweep();
    },
    start() {
      timer ??= setInterval(sweep, Math.min(30_000, idleMs));
      sweep();
    },
    stop() {
      clearInterval(timer);
      timer = undefined;
    },
  };
}
