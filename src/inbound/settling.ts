/**
 * Sessions in which an answer is on its way out. The host takes a message that comes in between for a
 * sign that the answer was lost, and says so to the person; so the next turn of that session waits.
 * By session, not by conversation: several people, rooms and accounts may share one.
 */
import { setTimeout as delay } from "node:timers/promises";

/** How long one answer may keep the others of its session waiting, ms. */
const LONGEST_HOLD_MS = 15_000;

export type Settling = {
  /** No turn of this session begins before `until` has settled. */
  hold(sessionKey: string, until: Promise<unknown>): void;
  /** Resolves when nothing holds the session, or after a while: a lost answer must not silence it. */
  settled(sessionKey: string): Promise<void>;
};

export function createSettling(): Settling {
  const held = new Map<string, Set<Promise<unknown>>>();
  return {
    hold(sessionKey, until) {
      const holds = held.get(sessionKey) ?? new Set();
      held.set(sessionKey, holds.add(until));
      const release = () => {
        holds.delete(until);
        if (holds.size === 0) held.delete(sessionKey);
      };
      until.then(release, release);
    },
    async settled(sessionKey) {
      const limit = delay(LONGEST_HOLD_MS, "over", { ref: false });
      for (let holds = held.get(sessionKey); holds; holds = held.get(sessionKey)) {
        if ((await Promise.race([Promise.allSettled(holds), limit])) === "over") return;
      }
    },
  };
}

/** Longer than any host takes to settle an answer, ms. */
const LONGEST_SETTLEMENT_MS = 10_000;

/** The final answers of one turn that the host has not settled yet, oldest first. */
export function createSettlements() {
  const open: (() => void)[] = [];
  const all: Promise<unknown>[] = [];
  return {
    open(): Promise<unknown> {
      const { promise, resolve } = Promise.withResolvers<void>();
      open.push(resolve);
      const limit = delay(LONGEST_SETTLEMENT_MS, undefined, { ref: false });
      const settled = Promise.race([promise, limit]);
      all.push(settled);
      return settled;
    },
    close: () => open.shift()?.(),
    /** Resolves when none of those that were opened is open any more. */
    settled: async () => void (await Promise.all(all)),
  };
}
