/**
 * Keeps one connection up: attempts with a deadline, exponential backoff with full jitter, and an
 * end where only the operator can help. It knows nothing of XMPP but the error class.
 */
import { XmppConnectionError, messageOf } from "../errors.ts";
import { connectionError } from "./conditions.ts";
import type { ConnectionFacts, ConnectionState } from "./types.ts";

type Kind = ConnectionState["kind"];
type Event = "start" | "connected" | "failed" | "refused" | "retry" | "stop";

/** All transitions there are; an event that a state does not list changes nothing. */
export const TRANSITIONS: Readonly<Record<Kind, Partial<Record<Event, Kind>>>> = {
  idle: { start: "connecting", stop: "stopped" },
  connecting: { connected: "online", failed: "waiting", refused: "refused", stop: "stopped" },
  online: { failed: "waiting", refused: "refused", stop: "stopped" },
  waiting: { retry: "connecting", stop: "stopped" },
  refused: { start: "connecting", stop: "stopped" },
  stopped: {},
};

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
  /** One attempt. When `signal` aborts it should reject; whatever it yields then is closed. */
  connect: (signal: AbortSignal) => Promise<C>;
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
  let failures = 0;
  let cancelTimer = (): void => {};
  let attempt: { controller: AbortController; settled: Promise<void> } | undefined;
  let stopping: Promise<void> | undefined;

  /** @returns false when the state does not know the event */
  function move(event: Event, next: ConnectionState): boolean {
    if (TRANSITIONS[state.kind][event] !== next.kind) return false;
    cancelTimer();
    cancelTimer = () => {};
    state = next;
    options.onState(next);
    return true;
  }

  function beginAttempt(event: "start" | "retry"): void {
    if (!move(event, { kind: "connecting" })) return;
    const controller = new AbortController();
    // onState may have stopped us already.
    if (state.kind !== "connecting") return;
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
      candidate = await options.connect(signal);
    } catch (error) {
      if (!signal.aborted) fail(asConnectionError(error));
      return;
    }
    if (signal.aborted) return await candidate.close(); // it came too late: nobody waits for it
    goOnline(candidate);
  }

  function goOnline(live: C): void {
    const since = clock.now();
    connection = live;
    void live.closed.then((error) => {
      if (connection !== live) return;
      connection = undefined;
      if (clock.now() - since >= timings.stableMs) failures = 0;
      fail(error);
    });
    move("connected", { kind: "online", facts: live.facts });
  }

  function fail(error: XmppConnectionError): void {
    if (error.fatal) {
      move("refused", { kind: "refused", error });
      return;
    }
    const bound = Math.min(timings.maxBackoffMs, timings.backoffMs * 2 ** failures);
    const wait = Math.round(options.random() * bound);
    if (!move("failed", { kind: "waiting", error, retryAt: clock.now() + wait })) return;
    failures += 1;
    if (state.kind === "waiting") cancelTimer = clock.after(wait, () => beginAttempt("retry"));
  }

  async function end(): Promise<void> {
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
