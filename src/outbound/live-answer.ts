/**
 * An answer that is seen while it grows: one message, its newest state sent as a correction of the first
 * (XEP-0308), until the final answer takes its place.
 *
 * | what              | says      | to                                                | archived (XEP-0334) |
 * | ----------------- | --------- | ------------------------------------------------- | ------------------- |
 * | the first state   | "…"       | a contact's clients that announce XEP-0308; a room | once                |
 * | the further ones  | the text  | those of them that have been there since          | never               |
 * | the answer        | all of it | everybody, as every answer (outbound/deliver.ts)  | yes                 |
 *
 * The first state is archived because Gajim 2 and Profanity up to 0.14 never show a correction of what they do not
 * have: another device, or the next one, would lose the answer. It says nothing, so that who knows no corrections
 * finds the answer once. Only one client's is archived, and none is copied: the same id in an archive twice
 * would be two messages. So a client that comes online meanwhile, and may have it from the archive, gets no other.
 */
import { randomUUID } from "node:crypto";
import type { FindReaders, Reader } from "../client/correction-readers.ts";
import { mayBeResumed } from "../client/resumption.ts";
import type { ConnectionState, Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { encodeMessage, type OutboundMessage, type Thread } from "../protocol/stanza.ts";
import type { FullJid } from "../protocol/jid.ts";
import type { Hint } from "../protocol/xep-0334-hints.ts";
import { isReachable } from "./reach.ts";
import type { Outbox } from "./send.ts";
import { conversationOf, type Target } from "./target.ts";

/** Most answers are whole before that, ms. */
const FIRST_AFTER_MS = 1_000;
/** Between two states, ms: each is the whole text again, so that long ones come more slowly. */
const LEAST_GAP_MS = 1_000;
const GAP_MS_PER_CHARACTER = 0.5;
/** A room has everybody's phone in it. */
const LEAST_GAP_IN_ROOM_MS = 3_000;
/** How long the answer waits for a state that is on its way, ms; they are written in order anyway. */
const LONGEST_FLIGHT_MS = 2_000;
/** Ends a text that goes on. */
const GOES_ON = " …";
/** Before there is a text, and where none came. */
const NOTHING = "…";

export type LiveTarget = Exclude<Target, { kind: "room-private" }>;

export type LiveAnswer = {
  /** The first state is with the server: somebody may see it. */
  readonly isVisible: boolean;
  /** What there is to see now; read when its time has come, and not after the end. */
  show(read: () => string): void;
  /** The final answer is on its way, and will `take`: nothing more is shown. */
  claim(): void;
  /**
   * Ends it. @returns the id of the message that the answer replaces, once; undefined where none certainly arrived:
   * a "…" too many is better than an answer that is shown to nobody
   */
  take(): Promise<string | undefined>;
  /** Ends it where no answer took it. Whoever claimed it may still be about to: it is for the caller to wait for that. */
  withdraw(): Promise<void>;
  /** The answer that took it could not replace it: half of it is not to stand beside the whole. */
  clear(): void;
};

export type LiveAnswerOptions = {
  outbox: Outbox;
  target: LiveTarget;
  findReaders: FindReaders;
  thread: Thread | undefined;
  /** Markdown as the text of one message. */
  render: (markdown: string) => string;
  /** The first state, of that id, is with the server. */
  onBegun?: (id: string) => void;
  /** Nothing will replace it. */
  onWithdrawn?: (id: string) => void;
  log: Logger;
};

export function createLiveAnswer(options: LiveAnswerOptions): LiveAnswer {
  const { outbox, target, log } = options;
  const { departures, limits, session } = outbox;
  const to = conversationOf(target);
  const screen = target.kind === "room" ? createRoomScreen(options) : createContactScreen(options);
  let read: (() => string) | undefined;
  let shown = "";
  let next: number | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let running: Promise<void> | undefined;
  let isOver = false;
  let isTaking = false;
  let isTaken = false;
  /** The answer left without knowing of the first state. */
  let isMissed = false;

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
    if (departures.isHeldOff(to) || !isReachable(outbox, target)) return;
    await departures.pace(to, limits.sendsPerSecond);
    const isWanted = () => !isOver && isReachable(outbox, target);
    if (!screen.isVisible) {
      await screen.begin(isWanted);
      if (isMissed) screen.clear({ isAnswered: true });
      else if (screen.isVisible) options.onBegun?.(screen.id);
      return;
    }
    const text = options.render(read?.() ?? "");
    read = undefined;
    if (!text || text === shown) return;
    shown = text;
    await screen.correct(text + GOES_ON, isWanted);
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
      return screen.isVisible;
    },
    show(newest) {
      if (isOver) return;
      read = newest;
      schedule();
    },
    claim: end,
    async take() {
      isTaking = true;
      await settle();
      const isThere = screen.isVisible && !outbox.sent.refusalOf(screen.id);
      if (isTaken || !isThere) {
        isMissed = !isTaken;
        return undefined;
      }
      isTaken = true;
      return screen.id;
    },
    async withdraw() {
      await settle();
      if (isTaking || isTaken || !screen.isVisible) return;
      isTaken = true;
      if (isReachable(outbox, target)) screen.clear({ isAnswered: false });
      options.onWithdrawn?.(screen.id);
    },
    clear() {
      if (isTaken && isReachable(outbox, target)) screen.clear({ isAnswered: false });
    },
  };
}

/** Where a message grows. */
type Screen = {
  /** Of the first state. */
  readonly id: string;
  /** The first state is with the server. */
  readonly isVisible: boolean;
  /** The first state, confirmed; nobody's where nobody follows. @param isWanted asked before anything is written */
  begin(isWanted: () => boolean): Promise<void>;
  correct(body: string, isWanted: () => boolean): Promise<void>;
  /** `isAnswered`: the answer is below it, and nothing but the first state above; only who can hides that. */
  clear(how: { isAnswered: boolean }): void;
};

type State = Pick<OutboundMessage, "to" | "type" | "thread" | "replaceId"> & {
  id: string;
  body: string;
  hints: readonly Hint[];
};

const encodeState = (state: State) =>
  encodeMessage({ ...state, originId: state.id, chatState: "composing" });

function createContactScreen({ outbox, target, findReaders, thread }: LiveAnswerOptions): Screen {
  const { session, sent } = outbox;
  const id = randomUUID();
  const contact = conversationOf(target);
  /** Who got the first state, with their stay then. */
  const seen = new Map<FullJid, Reader>();
  let archivedFor: FullJid | undefined;

  const hintsFor = (jid: FullJid): readonly Hint[] =>
    jid === archivedFor ? ["no-copy"] : ["no-store", "no-copy"];

  async function show(reader: Reader): Promise<void> {
    const { jid } = reader;
    const state = { to: jid, type: "chat", id, thread, body: NOTHING } as const;
    await session.send(encodeState({ ...state, hints: hintsFor(jid) }));
    seen.set(jid, reader);
  }

  return {
    id,
    get isVisible() {
      return seen.size > 0;
    },
    async begin(isWanted) {
      const readers = await findReaders(contact);
      if (!isWanted()) return;
      archivedFor = readers[0]?.jid;
      if (archivedFor) sent.add(id, archivedFor);
      await Promise.all(readers.map(show));
    },
    async correct(body, isWanted) {
      const readers = await findReaders(contact);
      if (!isWanted()) return;
      for (const { jid, stay } of readers) {
        // Who went away in between may have missed the first state.
        if (seen.get(jid)?.stay !== stay) continue;
        const state = { to: jid, type: "chat", id: randomUUID(), thread, replaceId: id } as const;
        session.post(encodeState({ ...state, body, hints: ["no-store", "no-copy"] }));
      }
    },
    clear({ isAnswered }) {
      for (const { jid, retracts } of seen.values()) {
        if (isAnswered && !retracts) continue;
        const message = { to: jid, type: "chat", id: randomUUID(), thread } as const;
        const hints = hintsFor(jid);
        session.post(
          retracts
            ? encodeMessage({ ...message, retractId: id, hints })
            : encodeState({ ...message, replaceId: id, body: NOTHING, hints }),
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

  const correct = (body: string, hints: readonly Hint[]) =>
    session.post(encodeState({ ...message, id: randomUUID(), replaceId: id, body, hints }));

  return {
    id,
    get isVisible() {
      return isVisible;
    },
    async begin(isWanted) {
      if (!isWanted()) return;
      sent.add(id, target.to, "room");
      await session.send(encodeState({ ...message, id, body: NOTHING, hints: [] }));
      const isThere = await sent.returned(id);
      sent.assertNotRefused(id);
      // A room that gives messages other ids (XEP-0045 §7.4 asks for the same) would show each correction as a message.
      if (!isThere) throw new Error("the room did not show it by its id");
      isVisible = true;
    },
    async correct(body, isWanted) {
      if (isWanted()) correct(body, ["no-store"]);
    },
    clear({ isAnswered }) {
      if (!isAnswered) correct(NOTHING, []);
    },
  };
}
