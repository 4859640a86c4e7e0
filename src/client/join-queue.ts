/**
 * Lets so many attempts run at once; the others wait in the order in which they came. A service that
 * finds us too fast gets half as many at once, and a pause; each success gives it one more.
 */
export type JoinQueue<T> = {
  add(entry: T): void;
  /**
   * The attempt is over, or is not wanted any more. `verdict` is what its service thinks of our pace:
   * "good" when it let us in, "too-fast" when it complained.
   */
  end(entry: T, verdict?: "good" | "too-fast"): void;
  isRunning(entry: T): boolean;
  /** Whether it runs or waits. */
  has(entry: T): boolean;
  /** Waiting attempts may begin. */
  open(): void;
  /** From now on they wait; those that run go on. */
  hold(): void;
  /** Drops all attempts and begins no other. */
  close(): void;
};

type Service = {
  limit: number;
  running: number;
  pauseMs: number;
  pause?: NodeJS.Timeout | undefined;
};

const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 4_000;

export function createJoinQueue<T>(options: {
  limit: number;
  /** Names the service that an attempt asks: each has a pace of its own. */
  serviceOf: (entry: T) => string;
  begin: (entry: T) => void;
}): JoinQueue<T> {
  const { limit, serviceOf, begin } = options;
  const waiting = new Set<T>();
  const running = new Set<T>();
  const services = new Map<string, Service>();
  let isOpen = false;

  function service(entry: T): Service {
    const name = serviceOf(entry);
    const known = services.get(name) ?? { limit, running: 0, pauseMs: 0 };
    services.set(name, known);
    return known;
  }

  function next(): void {
    for (const entry of waiting) {
      if (!isOpen || running.size >= limit) return;
      const asked = service(entry);
      if (asked.pause || asked.running >= asked.limit) continue;
      waiting.delete(entry);
      running.add(entry);
      asked.running += 1;
      begin(entry);
    }
  }

  function slowDown(asked: Service): void {
    asked.limit = Math.max(1, Math.floor(asked.limit / 2));
    asked.pauseMs = Math.min(LONGEST_PAUSE_MS, asked.pauseMs * 2 || FIRST_PAUSE_MS);
    clearTimeout(asked.pause);
    asked.pause = setTimeout(() => {
      asked.pause = undefined;
      next();
    }, asked.pauseMs);
  }

  return {
    add(entry) {
      waiting.add(entry);
      next();
    },
    end(entry, verdict) {
      waiting.delete(entry);
      if (!running.delete(entry)) return;
      const asked = service(entry);
      asked.running -= 1;
      if (verdict === "too-fast") slowDown(asked);
      else if (verdict === "good") {
        asked.limit = Math.min(limit, asked.limit + 1);
        asked.pauseMs = 0;
      }
      next();
    },
    isRunning: (entry) => running.has(entry),
    has: (entry) => running.has(entry) || waiting.has(entry),
    open() {
      isOpen = true;
      next();
    },
    hold() {
      isOpen = false;
    },
    close() {
      isOpen = false;
      waiting.clear();
      running.clear();
      for (const { pause } of services.values()) clearTimeout(pause);
      services.clear();
    },
  };
}
