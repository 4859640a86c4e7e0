/**
 * One lane a conversation: what is said in it is taken up in order, conversations side by side.
 * A lane moves on when the host has taken the turn over, not when the agent has finished it: only so
 * can `/stop`, or a second message, reach an agent at work.
 */

/** Messages that wait in one conversation at most; the newest is refused then. */
const LARGEST_LANE = 100;

export type Lanes = {
  /** @returns false when the lane is full and `work` was not taken */
  push(key: string, work: () => Promise<void>): boolean;
  /** Resolves when no lane has anything left. */
  idle(): Promise<void>;
};

/** `onError` gets what `work` rejects with; the lane goes on. */
export function createLanes(onError: (error: unknown) => void): Lanes {
  const lanes = new Map<string, { length: number; tail: Promise<void> }>();
  return {
    push(key, work) {
      const lane = lanes.get(key) ?? { length: 0, tail: Promise.resolve() };
      if (lane.length >= LARGEST_LANE) return false;
      lane.length += 1;
      lane.tail = lane.tail
        .then(work)
        .catch(onError)
        .finally(() => {
          lane.length -= 1;
          if (lane.length === 0) lanes.delete(key);
        });
      lanes.set(key, lane);
      return true;
    },
    idle: async () => {
      while (lanes.size > 0) await Promise.all([...lanes.values()].map((lane) => lane.tail));
    },
  };
}
