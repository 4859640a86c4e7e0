/**
 * How often something may happen within any one window of time: to each key, and to all keys together.
 * Bounded memory: what is older than the window is forgotten, and of keys only so many are kept.
 */

export type RateBounds = {
  /** Times a key within the window. */
  each?: number | undefined;
  /** Times of all keys together within the window. */
  total?: number | undefined;
};

/** `refused` is said once a window and key, so that whoever is refused can be told once. */
export type RateVerdict = "granted" | "refused" | "refused-again";

export type Rate = {
  /**
   * Asks for one more, and counts it where it is granted. `now`: ms.
   * `event`: its name; the same one again, as after a retry, costs nothing.
   */
  take(key: string, bounds: RateBounds, now: number, event?: string): RateVerdict;
  /** Keys that are kept. */
  readonly size: number;
};

type Granted = { at: number; event: string | undefined };
type Usage = { granted: Granted[]; refusedAt: number | undefined };

/** Beyond it the key that was used longest ago is forgotten. */
const MAX_KEYS = 2_000;

export function createRate(windowMs: number, maxKeys: number = MAX_KEYS): Rate {
  const usages = new Map<string, Usage>();
  let all: Granted[] = [];

  /** A clock that was set back must not lock anybody out, so the future counts as past. */
  const isRecent = (at: number, now: number) => at <= now && now - at < windowMs;

  function usageOf(key: string, now: number): Usage {
    const usage = usages.get(key) ?? { granted: [], refusedAt: undefined };
    usage.granted = usage.granted.filter(({ at }) => isRecent(at, now));
    // The map's order is that of use.
    usages.delete(key);
    usages.set(key, usage);
    for (const oldest of usages.keys()) {
      if (usages.size <= maxKeys) break;
      usages.delete(oldest);
    }
    return usage;
  }

  return {
    take(key, { each = Infinity, total = Infinity }, now, event) {
      const usage = usageOf(key, now);
      const { granted, refusedAt } = usage;
      if (event !== undefined && granted.some((one) => one.event === event)) return "granted";
      if (total !== Infinity) all = all.filter(({ at }) => isRecent(at, now));
      if (granted.length < each && all.length < total) {
        const one = { at: now, event };
        granted.push(one);
        if (total !== Infinity) all.push(one);
        return "granted";
      }
      if (refusedAt !== undefined && isRecent(refusedAt, now)) return "refused-again";
      usage.refusedAt = now;
      return "refused";
    },
    get size() {
      return usages.size;
    },
  };
}
