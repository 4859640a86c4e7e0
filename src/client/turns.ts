/** One after the other. */
export type InTurn = <T>(action: () => T | Promise<T>) => Promise<T>;

/**
 * Runs one action after the other, whatever becomes of each. None begins before the caller has gone on.
 * @returns resolves and rejects as the action does
 */
export function createTurns(): InTurn {
  let last: Promise<unknown> = Promise.resolve();
  return (action) => {
    const turn = last.then(action);
    // Whoever asked for the turn hears of its failure; the next one does not depend on it.
    last = turn.catch(() => undefined);
    return turn;
  };
}
