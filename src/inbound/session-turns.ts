import { setTimeout as delay } from "node:timers/promises";

/**
 * The turns that run now, by session and place. The host hands a message that comes in during a turn of
 * its session to that turn, whose answer goes where the turn began. One session may have several
 * places: a person's direct chat and rooms (`sharedSessions`), or several people (the host's
 * `session.dmScope`). So a message from another place waits, or its answer would be told to others.
 *
 * One from the same place waits a little as well: most turns are short, and then each message has an answer of
 * its own. An agent that is at work for longer is told of it.
 */
export type SessionTurns = {
  /**
   * Begins a turn as soon as every other turn of its session runs in the same place, and has for a while.
   * @returns what ends it
   */
  enter(sessionKey: string, place: string): Promise<() => void>;
  /**
   * The host has put a turn of this session off until another one is done; it may let in what comes
   * next at once. So nothing is let in until `settled`: it would overtake.
   */
  putOff(sessionKey: string, settled: Promise<unknown>): void;
  /** Begins a turn whatever else runs: a command is no part of the conversation. */
  enterAtOnce(sessionKey: string, place: string): () => void;
};

/** How long a turn has the session to itself, ms. */
const UNDISTURBED_MS = 5_000;

type Turn = { place: string; ended: Promise<void>; undisturbed: Promise<void> | undefined };

export function createSessionTurns(undisturbedMs = UNDISTURBED_MS): SessionTurns {
  const sessions = new Map<string, Set<Turn>>();
  const putOffs = new Map<string, Promise<unknown>>();

  function enterAtOnce(sessionKey: string, place: string): () => void {
    const turns = sessions.get(sessionKey) ?? new Set();
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn: Turn = { place, ended: promise, undisturbed: undefined };
    const limit = delay(undisturbedMs, undefined, { ref: false });
    turn.undisturbed = Promise.race([promise, limit]).then(() => {
      turn.undisturbed = undefined;
    });
    sessions.set(sessionKey, turns.add(turn));
    return () => {
      turns.delete(turn);
      if (turns.size === 0 && sessions.get(sessionKey) === turns) sessions.delete(sessionKey);
      resolve();
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
        const others = [...(sessions.get(sessionKey) ?? [])].map((turn) =>
          turn.place === place ? turn.undisturbed : turn.ended,
        );
        const waits = [...others, putOffs.get(sessionKey)].filter((wait) => wait !== undefined);
        // Looked and entered in one go: of two that wait, one finds the other.
        if (waits.length === 0) return enterAtOnce(sessionKey, place);
        await Promise.all(waits);
      }
    },
  };
}
