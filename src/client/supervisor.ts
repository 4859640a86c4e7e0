/**
 * Keeps one connection up: attempts with a deadline, exponential backoff with full jitter, and an
 * end where only the operator can help. It knows nothing of XMPP but the error class.
 */
import { XmppConnectionError, messageOf } from "../errors.ts";
import { connectionError } from "./conditions.ts";
import {
  isAttempt,
  nameOf,
  STEP_EVENTS,
  TRANSITIONS,
  type ConnectionEvent,
} from "./connection-states.ts";
import type { ConnectionFacts, ConnectionState, LoginStep } from "./types.ts";

export type Clock = {
  /** ms since the epoch */
  now(): number;
  /** Calls `callback` after `ms`. @returns a function that cancels it */
  after(ms: number, callback: () => void): () => void;
};

export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, callback) {
    const timer = setTimeout(callback, ms);
    return () => clearTimeout(timer);
  },
};

export type SupervisorTimings = {
  /** Deadline of one attempt over all endpoints, in ms. */
  attemptMs: number;
  /** Upper bound of the first wait, in ms; doubles with each failure. */
  backoffMs: number;
  /** Upper bound of any wait, in ms. */
  maxBackoffMs: number;
  /** Between two looks whether a server that could not be reached is back, in ms; varies by half. */
  probeMs: number;
  /** How often an open port is looked at after the loss of a connection, before it counts as up. */
  probesAfterLoss: number;
  /** Within how long all attempts begin that found it back, in ms. */
  probeSpreadMs: number;
  /** A connection that lasted this long counts as a success, in ms. */
  stableMs: number;
  /** How long `stop` waits for an attempt that does not let go, in ms. */
  stopMs: number;
};

/** What an attempt yields. */
export type Connection = {
  readonly facts: ConnectionFacts;
  /** Resolves with the reason when it is over; never rejects. */
  readonly closed: Promise<XmppConnectionError>;
  /** Ends it; resolves when nothing is left of it. */
  close(): Promise<void>;
};

export type SupervisorOptions<C extends Connection> = {
  /**
   * One attempt, which tells the steps that it takes. When `signal` aborts it should reject; whatever it
   * yields then is closed.
   */
  connect: (signal: AbortSignal, onStep: (step: LoginStep) => void) => Promise<C>;
  /** Whether something listens again where the last attempt could not get through (`unreachable`). */
  probe: (signal: AbortSignal) => Promise<boolean>;
  /** Called after each transition. Must not throw. */
  onState: (state: ConnectionState) => void;
  timings: SupervisorTimings;
  clock: Clock;
  /** A number in [0, 1). */
  random: () => number;
};

export type Supervisor<C extends Connection> = {
  readonly state: ConnectionState;
  /** The live connection; undefined unless online. */
  readonly connection: C | undefined;
  start(): void;
  stop(): Promise<void>;
};

export function createSupervisor<C extends Connection>(
  options: SupervisorOptions<C>,
): Supervisor<C> {
  const { clock, timings } = options;
  let state: ConnectionState = { kind: "idle" };
  let connection: C | undefined;
  /** In a row: logins or connections that failed, and attempts that reached nobody. */
  let failures = 0;
  let misses = 0;
  let cancelTimer = (): void => {};
  let lastError: XmppConnectionError | undefined;
  let probing: AbortController | undefined;
  let attempt: { controller: AbortController; settled: Promise<void> } | undefined;
  let stopping: Promise<void> | undefined;

  /** @returns false when the state does not know the event */
  function move(event: ConnectionEvent, next: ConnectionState): boolean {
    if (TRANSITIONS[nameOf(state)][event] !== nameOf(next)) return false;
    // The deadline of an attempt is one for all its steps.
    if (!(isAttempt(state) && isAttempt(next))) {
      cancelTimer();
      cancelTimer = () => {};
    }
    probing?.abort();
    state = next;
    options.onState(next);
    return true;
  }

  function beginAttempt(event: "start" | "retry"): void {
    if (!move(event, { kind: "connecting", error: lastError })) return;
    const controller = new AbortController();
    // onState may have stopped us already.
    if (!isAttempt(state)) return;
    cancelTimer = clock.after(timings.attemptMs, () => {
      const seconds = Math.round(timings.attemptMs / 1000);
      const error = connectionError("timeout", `no login within ${seconds} s`);
      fail(error);
      controller.abort(error);
    });
    const settled = runAttempt(controller.signal);
    attempt = { controller, settled };
  }

  async function runAttempt(signal: AbortSignal): Promise<void> {
    let candidate: C;
    try {
      candidate = await options.connect(signal, (step) => {
        if (!signal.aborted && state.kind !== step)
          move(STEP_EVENTS[step], { kind: step, error: lastError });
      });
    } catch (error) {
      if (!signal.aborted) fail(asConnectionError(error));
      return;
    }
    if (signal.aborted) return await candidate.close(); // it came too late: nobody waits for it
    goOnline(candidate);
  }

  function goOnline(live: C): void {
    connection = live;
    misses = 0;
    lastError = undefined;
    void live.closed.then((error) => {
      if (connection !== live) return;
      connection = undefined;
      fail(error, true);
    });
    move(live.facts.resumed ? "resumed" : "bound", { kind: "online", facts: live.facts });
    // By a timer, as all that is decided here: the clock may be set meanwhile.
    if (connection === live) cancelTimer = clock.after(timings.stableMs, () => (failures = 0));
  }

  /** @param isLoss of a connection, not of an attempt */
  function fail(error: XmppConnectionError, isLoss = false): void {
    lastError = error;
    if (error.fatal) {
      move("refused", { kind: "refused", error });
      return;
    }
    const isUnreachable = error.condition === "unreachable";
    const before = isUnreachable ? misses : failures;
    const bound = Math.min(timings.maxBackoffMs, timings.backoffMs * 2 ** before);
    const wait = Math.round(options.random() * bound);
    if (!move("failed", { kind: "waiting", error, retryAt: clock.now() + wait })) return;
    if (isUnreachable) misses += 1;
    else failures += 1;
    if (state.kind === "waiting") cancelTimer = clock.after(wait, () => beginAttempt("retry"));
    if (state.kind !== "waiting") return;
    if (isUnreachable) void watchForReturn(0);
    else if (isLoss && timings.probesAfterLoss > 0) void watchForReturn(timings.probesAfterLoss);
  }

  /**
   * A closed port costs nothing to look at, a login does: while nobody is there, looks come often and
   * attempts seldom. Where somebody is, but the login fails, there is the backoff alone.
   * @param open looks at an open port that are no sign of anything: nobody has seen it closed yet, and a
   *   server that is going down may still have it open. After so many it is not down.
   */
  async function watchForReturn(open: number): Promise<void> {
    const controller = new AbortController();
    probing = controller;
    const { signal } = controller;
    const pause = (ms: number) =>
      new Promise<void>((resolve) => {
        const cancel = clock.after(ms, resolve);
        signal.addEventListener("abort", () => (cancel(), resolve()), { once: true });
      });
    let left = open;
    while (!signal.aborted) {
      // The first at once: the port of a server that was killed is closed now, and may not be for long.
      const part =
        left === timings.probesAfterLoss
          ? 0
          : left > 0
            ? options.random() / 4
            : 0.5 + options.random();
      await pause(timings.probeMs * part);
      if (signal.aborted) return;
      // A look that fails has seen nobody.
      if (!(await options.probe(signal).catch(() => false))) {
        left = 0;
        continue;
      }
      if (left > 0) {
        left -= 1;
        if (left === 0) return;
        continue;
      }
      const wait = Math.round(options.random() * timings.probeSpreadMs);
      if (signal.aborted) return;
      // Whichever comes first: this, or the end of the backoff.
      const cancels = [cancelTimer, clock.after(wait, () => beginAttempt("retry"))];
      cancelTimer = () => cancels.forEach((cancel) => cancel());
      return;
    }
  }

  async function end(): Promise<void> {
    probing?.abort();
    const live = connection;
    connection = undefined;
    attempt?.controller.abort(connectionError("stopped", "the session was stopped"));
    const leftovers = Promise.allSettled([attempt?.settled, live?.close()]);
    const patience = Promise.withResolvers<void>();
    const cancel = clock.after(timings.stopMs, patience.resolve);
    await Promise.race([leftovers, patience.promise]);
    cancel();
  }

  return {
    get state() {
      return state;
    },
    get connection() {
      return connection;
    },
    start() {
      beginAttempt("start");
    },
    stop() {
      if (!stopping) {
        // The move first, so that nothing that ends now starts anything again.
        move("stop", { kind: "stopped" });
        stopping = end();
      }
      return stopping;
    },
  };
}

function asConnectionError(error: unknown): XmppConnectionError {
  if (error instanceof XmppConnectionError) return error;
  const message = messageOf(error);
  return connectionError("protocol", message, { cause: error });
}
