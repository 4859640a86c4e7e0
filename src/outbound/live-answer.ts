/**
 * An answer that is seen while it grows: one message, its newest state sent as a correction of the first
 * (XEP-0308), until the final answer takes its place. The states before that are neither archived nor copied
 * (XEP-0334): whoever comes later finds the answer alone.
 *
 * | shown to                                         | the first state         | later ones          |
 * | ------------------------------------------------ | ----------------------- | ------------------- |
 * | a contact's clients that announce XEP-0308       | each one its own copy   | corrections of that |
 * | those that come online meanwhile                 | the state of that time  | corrections of that |
 * | those that went away in between, and came again  | they may have missed it | nothing             |
 * | a room, where the operator wants it              | one for everybody       | corrections of that |
 *
 * The answer itself goes where every answer goes, to the bare JID or the room, as a correction of that first id
 * (outbound/deliver.ts). Who does not know the id, or knows no corrections, shows it as a message.
 */
import { randomUUID } from "node:crypto";
import type { FindReaders, Reader } from "../client/correction-readers.ts";
import { mayBeResumed } from "../client/resumption.ts";
import type { ConnectionState, Logger } from "../client/types.ts";
import { messageOf, XmppNotSentError } from "../errors.ts";
import { encodeMessage, type OutboundMessage, type Thread } from "../protocol/stanza.ts";
import type { FullJid } from "../protocol/jid.ts";
import { isReachable } from "./reach.ts";
import type { Outbox } from "./send.ts";
import { conversationOf, type Target } from "./target.ts";

/** Most answers are whole before that, ms. */
const FIRST_AFTER_MS = 1_500;
/** Between two states, ms: each is the whole text again, so that long ones come more slowly. */
const LEAST_GAP_MS = 1_000;
const GAP_MS_PER_CHARACTER = 0.5;
/** A room has everybody's phone in it. */
const LEAST_GAP_IN_ROOM_MS = 3_000;
/** How long the answer waits for a state that is on its way, ms; they are written in order anyway. */
const LONGEST_FLIGHT_MS = 2_000;
/** Ends a text that goes on. */
const GOES_ON = " …";
/** In place of what nothing came of, for clients without XEP-0424. */
const NOTHING = "…";

export type LiveTarget = Exclude<Target, { kind: "room-private" }>;

export type LiveAnswer = {
  /** Somebody may see it. */
  readonly isVisible: boolean;
  /** What there is to see now; read when its time has come, and not after the end. */
  show(read: () => string): void;
  /** Says that the final answer is on its way to `take`: nothing will be withdrawn. */
  claim(): void;
  /** Ends it. @returns the id of the message that the answer replaces, once; undefined: nobody saw one */
  take(): Promise<string | undefined>;
  /** Ends it where no answer came. */
  withdraw(): Promise<void>;
};

export type LiveAnswerOptions = {
  outbox: Outbox;
  target: LiveTarget;
  findReaders: FindReaders;
  thread: Thread | undefined;
  /** Markdown as the text of one message. */
  render: (markdown: string) => string;
  log: Logger;
};

export function createLiveAnswer(options: LiveAnswerOptions): LiveAnswer {
  const { outbox, target, log } = options;
  const { departures, limits, session } = outbox;
  const to = conversationOf(target);
  const show = target.kind === "room" ? createRoomScreen(options) : createContactScreen(options);
  let read: (() => string) | undefined;
  let shown = "";
  let next: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let isOver = false;
  let isClaimed = false;
  let isTaken = false;

  function schedule(): void {
    if (isOver || timer || running || !read) return;
    next ??= performance.now() + FIRST_AFTER_MS;
    timer = setTimeout(tick, Math.max(0, next - performance.now()));
  }

  function tick(): void {
    timer = undefined;
    running = update()
      .catch((error: unknown) => {
        end();
        log.debug?.(`a growing answer stays as it is: ${messageOf(error)}`);
      })
      .finally(() => {
        running = undefined;
        const least = target.kind === "room" ? LEAST_GAP_IN_ROOM_MS : LEAST_GAP_MS;
        next = performance.now() + Math.max(least, shown.length * GAP_MS_PER_CHARACTER);
        schedule();
      });
  }

  async function update(): Promise<void> {
    if (departures.isHeldOff(to)) return;
    const text = options.render(read?.() ?? "");
    read = undefined;
    if (!text || text === shown) return;
    await departures.pace(to, limits.sendsPerSecond);
    if (isOver || !isReachable(outbox, target)) return;
    if (await show.update(text + GOES_ON, () => !isOver)) shown = text;
  }

  // Over another stream nobody knows what arrived of this one, and a correction of nothing is a new message.
  const off = session.onState((state: ConnectionState) => {
    if (state.kind === "online" ? !state.facts.resumed : !mayBeResumed(state)) end();
  });

  function end(): void {
    isOver = true;
    clearTimeout(timer);
    timer = undefined;
    off();
  }

  async function settle(): Promise<void> {
    end();
    if (!running) return;
    const limit = Promise.withResolvers<void>();
    const flight = setTimeout(limit.resolve, LONGEST_FLIGHT_MS);
    await Promise.race([running, limit.promise]);
    clearTimeout(flight);
  }

  return {
    get isVisible() {
      return show.isVisible;
    },
    show(newest) {
      if (isOver) return;
      read = newest;
      schedule();
    },
    claim: () => void (isClaimed = true),
    async take() {
      await settle();
      if (isTaken || !show.isVisible) return undefined;
      isTaken = true;
      return show.id;
    },
    async withdraw() {
      if (isClaimed) return;
      await settle();
      if (!isTaken && show.isVisible && isReachable(outbox, target)) show.clear();
      isTaken = true;
    },
  };
}

/** Where a message grows. */
type Screen = {
  /** Of the first state. */
  readonly id: string;
  /** Somebody may have got the first state. */
  readonly isVisible: boolean;
  /**
   * @param isWanted asked again before anything is written
   * @returns whether somebody was shown it
   */
  update(body: string, isWanted: () => boolean): Promise<boolean>;
  clear(): void;
};

function encodeState(
  message: Pick<OutboundMessage, "to" | "type" | "id" | "thread" | "replaceId" | "body">,
) {
  const { id, type } = message;
  return encodeMessage({
    ...message,
    originId: id,
    chatState: "composing",
    hints: type === "groupchat" ? ["no-store"] : ["no-store", "no-copy"],
  });
}

function createContactScreen({ outbox, target, findReaders, thread }: LiveAnswerOptions): Screen {
  const { session } = outbox;
  const id = randomUUID();
  const contact = conversationOf(target);
  /** Who got the first state, with their stay then. */
  const seen = new Map<FullJid, Reader>();

  const present = async (): Promise<Reader[]> =>
    (await findReaders(contact)).filter(
      ({ jid, stay }) => !seen.has(jid) || seen.get(jid)?.stay === stay,
    );

  async function begin(reader: Reader, body: string): Promise<void> {
    seen.set(reader.jid, reader);
    try {
      await session.send(encodeState({ to: reader.jid, type: "chat", id, thread, body }));
    } catch (error) {
      if (error instanceof XmppNotSentError) seen.delete(reader.jid);
      throw error;
    }
  }

  return {
    id,
    get isVisible() {
      return seen.size > 0;
    },
    async update(body, isWanted) {
      const readers = await present();
      if (!isWanted()) return false;
      const newcomers: Promise<void>[] = [];
      for (const reader of readers) {
        if (!seen.has(reader.jid)) newcomers.push(begin(reader, body));
        else {
          const state = { type: "chat", id: randomUUID(), thread, replaceId: id, body } as const;
          session.post(encodeState({ to: reader.jid, ...state }));
        }
      }
      await Promise.all(newcomers);
      return readers.length > 0;
    },
    clear() {
      for (const { jid, retracts } of seen.values()) {
        const message = { to: jid, type: "chat", id: randomUUID(), thread } as const;
        session.post(
          retracts
            ? encodeMessage({ ...message, retractId: id, hints: ["no-store", "no-copy"] })
            : encodeState({ ...message, replaceId: id, body: NOTHING }),
        );
      }
    },
  };
}

function createRoomScreen({ outbox, target, thread }: LiveAnswerOptions): Screen {
  const { session, sent } = outbox;
  const id = randomUUID();
  const message = { to: target.to, type: "groupchat", thread } as const;
  let isVisible = false;

  async function begin(body: string): Promise<void> {
    sent.add(id, target.to, "room");
    isVisible = true;
    try {
      await session.send(encodeState({ ...message, id, body }));
      await sent.returned(id);
      sent.assertNotRefused(id);
    } catch (error) {
      if (error instanceof XmppNotSentError || sent.refusalOf(id)) isVisible = false;
      throw error;
    }
  }

  const correct = (body: string) =>
    session.post(encodeState({ ...message, id: randomUUID(), replaceId: id, body }));

  return {
    id,
    get isVisible() {
      return isVisible;
    },
    async update(body, isWanted) {
      if (!isWanted()) return false;
      if (isVisible) correct(body);
      else await begin(body);
      return true;
    },
    clear: () => correct(NOTHING),
  };
}
