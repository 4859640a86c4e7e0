/**
 * When a message of an account may leave: one after the other within a conversation, conversations in
 * turn, no faster than the account may, and later where somebody asked for a pause.
 */
import { setTimeout as delay } from "node:timers/promises";
import { XmppNotSentError } from "../errors.ts";
import type { BareJid } from "../protocol/jid.ts";

/** The first pause of a destination that asked for one; each further one doubles it, in ms. */
const PAUSE_MS = 2_000;
const LONGEST_PAUSE_MS = 60_000;
/** So long without a complaint makes pauses short again, in ms. */
const FORGIVEN_MS = 5 * 60_000;

export type Departures = {
  /** How many messages are on their way out, or wait for it. */
  readonly count: number;
  /**
   * Runs `send` once all that came before it for the same destination have ended.
   * @throws XmppNotSentError when that takes longer than `patienceMs`; the reason of `signal`
   */
  inOrder<T>(
    to: BareJid,
    limits: { patienceMs: number; signal?: AbortSignal | undefined },
    send: () => Promise<T>,
  ): Promise<T>;
  /** Resolves when the next message may be written; at most `perSecond` a second may, in bursts of a second. */
  pace(to: BareJid, perSecond: number): Promise<void>;
  /** Whether the destination asked for a pause that is not over. */
  isHeldOff(to: BareJid): boolean;
  /** The destination, or somebody on the way, asked for fewer messages. */
  holdOff(to: BareJid): void;
};

export function createDepartures(now: () => number = () => performance.now()): Departures {
  const lanes = new Map<BareJid, Promise<unknown>>();
  const pauses = new Map<BareJid, { until: number; ms: number }>();
  let count = 0;
  /** When the next message would leave if all left evenly. */
  let next = 0;

  const forgive = (): void => {
    for (const [to, { until }] of pauses) if (now() - until > FORGIVEN_MS) pauses.delete(to);
  };

  return {
    get count() {
      return count;
    },
    async inOrder(to, { patienceMs, signal }, send) {
      const before = lanes.get(to);
      const done = Promise.withResolvers<void>();
      // Who gives up leaves the place to who comes next, not their turn.
      const mine = Promise.all([before, done.promise]);
      lanes.set(to, mine);
      count += 1;
      try {
        if (before && !(await within(before, patienceMs, signal))) {
          throw new XmppNotSentError(`earlier messages to ${to} are still waiting`, {
            isOffline: true,
          });
        }
        return await send();
      } finally {
        count -= 1;
        done.resolve();
        void mine.then(() => {
          if (lanes.get(to) === mine) lanes.delete(to);
        });
      }
    },
    async pace(to, perSecond) {
      const pause = (pauses.get(to)?.until ?? 0) - now();
      if (pause > 0) await delay(pause);
      const interval = 1000 / perSecond;
      next = Math.max(next, now());
      const wait = next - now() - (1000 - interval);
      next += interval;
      if (wait > 0) await delay(wait);
    },
    isHeldOff: (to) => (pauses.get(to)?.until ?? 0) > now(),
    holdOff(to) {
      forgive();
      const ms = Math.min((pauses.get(to)?.ms ?? PAUSE_MS / 2) * 2, LONGEST_PAUSE_MS);
      pauses.set(to, { until: now() + ms, ms });
    },
  };
}

/** Timers count to 2^31 ms, some 25 days: what is longer they take for nothing at all. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** @returns false when it takes longer */
async function within(
  promise: Promise<unknown>,
  ms: number,
  signal: AbortSignal | undefined,
): Promise<boolean> {
  const ended = new AbortController();
  const limit = AbortSignal.any([ended.signal, ...(signal ? [signal] : [])]);
  try {
    // Called off, or no longer waited for: the next line and whoever asked tell which.
    const over = delay(Math.min(ms, LONGEST_TIMER_MS), false, { signal: limit }).catch(() => false);
    const isDone = await Promise.race([promise.then(() => true), over]);
    signal?.throwIfAborted();
    return isDone;
  } finally {
    ended.abort();
  }
}

const all = new Map<string, Departures>();

/** Those of an account, which outlast its restarts. */
export function departuresOf(accountId: string): Departures {
  const found = all.get(accountId) ?? createDepartures();
  all.set(accountId, found);
  return found;
}
