/**
 * The turns that run now, by session and place. The host hands a message that comes in during a turn of
 * its session to that turn, whose answer goes where the turn began. One session may have several
 * places: a person's direct chat and rooms (`sharedSessions`), or several people (the host's
 * `session.dmScope`). So a message from another place waits, or its answer would be told to others.
 */
export type SessionTurns = {
  /**
   * Begins a turn as soon as every other turn of its session runs in the same place.
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

type Turn = { place: string; ended: Promise<void> };

export function createSessionTurns(): SessionTurns {
  const sessions = new Map<string, Set<Turn>>();
  const putOffs = new Map<string, Promise<unknown>>();

  function enterAtOnce(sessionKey: string, place: string): () => void {
    const turns = sessions.get(sessionKey) ?? new Set();
    const { promise, resolve } = Promise.withResolvers<void>();
    const turn = { place, ended: promise };
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
        const elsewhere = [...(sessions.get(sessionKey) ?? [])].filter(
          (turn) => turn.place !== place,
        );
        const putOff = putOffs.get(sessionKey);
        // Looked and entered in one go: of two that wait, one finds the other.
        if (elsewhere.length === 0 && !putOff) return enterAtOnce(sessionKey, place);
        await Promise.all([...elsewhere.map(({ ended }) => ended), putOff]);
      }
    },
  };
}
