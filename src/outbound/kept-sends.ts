/**
 * Messages that could not leave, and that the host keeps to try them again. An answer that a newer one of its
 * conversation overtakes is given up by the host, without a word; so no turn begins there before it is out.
 */

/** The host may have given it up, ms. */
const LONGEST_MS = 5 * 60_000;

export type KeptSends = {
  /** @param id the host's, of the delivery */
  keep(place: string, id: string): void;
  /** It is out, or given up. */
  settle(id: string): void;
  /** Resolves when nothing is kept for that place, or after a long while. */
  settled(place: string): Promise<void>;
};

export function createKeptSends(longestMs = LONGEST_MS): KeptSends {
  const kept = new Map<string, { place: string; over: PromiseWithResolvers<void> }>();

  function settle(id: string): void {
    kept.get(id)?.over.resolve();
    kept.delete(id);
  }

  return {
    settle,
    keep(place, id) {
      if (kept.has(id)) return;
      const one = { place, over: Promise.withResolvers<void>() };
      kept.set(id, one);
      // It may have been kept anew since.
      setTimeout(() => kept.get(id) === one && settle(id), longestMs).unref();
    },
    async settled(place) {
      for (;;) {
        const here = [...kept.values()].filter((one) => one.place === place);
        if (here.length === 0) return;
        await Promise.all(here.map(({ over }) => over.promise));
      }
    },
  };
}

/** One for all accounts of the process, like what the host keeps. */
export const keptSends = createKeptSends();
