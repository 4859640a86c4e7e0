/**
 * The turns that run now, by session and place. The host hands a message that comes in during a turn of
 * its session to that turn, whose answer goes where the turn began. One session may have several
 * places: a person's direct chat and rooms (`sharedSessions`), or several people (the host's
 * `session.dmScope`). So a message from another place waits, or its answer would be told to others.
 */
export type SessionTurns = {
  /** A turn of this session runs until `ended` has settled. */
  begin(sessionKey: string, place: string, ended: Promise<unknown>): void;
  /** Resolves when every turn of this session runs in this place. */
  free(sessionKey: string, place: string): Promise<void>;
};

type Turn = { place: string; ended: Promise<unknown> };

export function createSessionTurns(): SessionTurns {
  const sessions = new Map<string, Set<Turn>>();
  return {
    begin(sessionKey, place, ended) {
      const turns = sessions.get(sessionKey) ?? new Set();
      const turn = { place, ended };
      sessions.set(sessionKey, turns.add(turn));
      const end = () => {
        turns.delete(turn);
        if (turns.size === 0) sessions.delete(sessionKey);
      };
      ended.then(end, end);
    },
    async free(sessionKey, place) {
      const elsewhere = () =>
        [...(sessions.get(sessionKey) ?? [])].filter((turn) => turn.place !== place);
      for (let turns = elsewhere(); turns.length > 0; turns = elsewhere()) {
        await Promise.allSettled(turns.map(({ ended }) => ended));
      }
    },
  };
}
