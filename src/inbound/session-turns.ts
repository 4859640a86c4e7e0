/**
 * The turns that run now, by session and place. The host hands a message that comes in during a turn of
 * its session to that turn, whose answer goes where the turn began. One session may have several
 * places: a person's direct chat and rooms (`sharedSessions`), or several people (the host's
 * `session.dmScope`). So a message from another place waits, or its answer would be told to others.
 *
 * One from the same place waits as well: most turns are short, and then each message has an answer of its own.
 * Only an agent that has been at work for a while is told of it. What the host does not hand to a turn it
 * puts into a queue in memory, which does not outlive the Gateway: such a message is taken back.
 */
import { setTimeout as delay } from "node:timers/promises";

/** For how long a turn has the session to itself from the agent's first word on, ms. */
const UNDISTURBED_MS = 5_000;
/** Not every agent's first word is heard, ms. */
const LONGEST_SILENCE_MS = 60_000;
/** For how long a turn that took nothing in is not asked again, ms: it may come to ask something itself. */
const SEALED_MS = 30_000;

export type SessionTurn = {
  /** The agent says or does something, for the first time or again. */
  speak(): void;
  /** The agent waits for an answer itself: what comes next from its place is let in. */
  listen(): void;
  /** The answer is on its way: there is nothing to add to. */
  answer(): void;
  /** The host has put this one off: what comes next waits for the end of the turns of now, or for a while. */
  sealOthers(): void;
  end(): void;
};

export type SessionTurns = {
  /**
   * Begins a turn as soon as every other turn of its session runs in the same place, and the agent has been at
   * work on it for a while.
   */
  enter(sessionKey: string, place: string): Promise<SessionTurn>;
  /** Begins a turn whatever else runs: a command is no part of the conversation. */
  enterAtOnce(sessionKey: string, place: string): SessionTurn;
  /** Nothing is let in until `settled`: the host has put a turn of this session off, and may let in what comes next. */
  putOff(sessionKey: string, settled: Promise<unknown>): void;
};

type Turn = { place: string; ended: Promise<void>; undisturbed: Promise<void> | undefined };

export function createSessionTurns({
  undisturbedMs = UNDISTURBED_MS,
  longestSilenceMs = LONGEST_SILENCE_MS,
  sealedMs = SEALED_MS,
} = {}): SessionTurns {
  const sessions = new Map<string, Set<Turn>>();
  const putOffs = new Map<string, Promise<unknown>>();

  function enterAtOnce(sessionKey: string, place: string): SessionTurn {
    const turns = sessions.get(sessionKey) ?? new Set();
    const ended = Promise.withResolvers<void>();
    const open = Promise.withResolvers<void>();
    const turn: Turn = { place, ended: ended.promise, undisturbed: open.promise };
    sessions.set(sessionKey, turns.add(turn));
    const openAfter = (ms: number) =>
      void pause(ms).then(() => {
        if (turn.undisturbed !== open.promise) return;
        turn.undisturbed = undefined;
        open.resolve();
      });
    openAfter(longestSilenceMs);
    let hasSpoken = false;
    return {
      speak() {
        if (!hasSpoken) openAfter(undisturbedMs);
        hasSpoken = true;
      },
      listen() {
        hasSpoken = true;
        openAfter(0);
      },
      answer: () => void (turn.undisturbed = turn.ended),
      sealOthers() {
        for (const other of turns) {
          if (other === turn || other.undisturbed) continue;
          const sealed = Promise.race([other.ended, pause(sealedMs)]).then(() => {
            if (other.undisturbed === sealed) other.undisturbed = undefined;
          });
          other.undisturbed = sealed;
        }
      },
      end() {
        turns.delete(turn);
        if (turns.size === 0 && sessions.get(sessionKey) === turns) sessions.delete(sessionKey);
        open.resolve();
        ended.resolve();
      },
    };
  }

  return {
    enterAtOnce,
    putOff(sessionKey, settled) {
      const all = Promise.allSettled([putOffs.get(sessionKey), settled]).then(() => {
        if (putOffs.get(sessionKey) === all) putOffs.delete(sessionKey);
      });
      putOffs.set(sessionKey, all);
    },
    async enter(sessionKey, place) {
      for (;;) {
        const waits = [...(sessions.get(sessionKey) ?? [])]
          .map((turn) => (turn.place === place ? turn.undisturbed : turn.ended))
          .concat(putOffs.get(sessionKey)?.then(() => undefined))
          .filter((wait) => wait !== undefined);
        // Looked and entered in one go: of two that wait, one finds the other.
        if (waits.length === 0) return enterAtOnce(sessionKey, place);
        await Promise.all(waits);
      }
    },
  };
}

const pause = (ms: number): Promise<void> => delay(ms, undefined, { ref: false });
