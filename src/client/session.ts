/**
 * One account's session: the supervisor over logins, and the listeners that outlive a connection.
 */
import type { Element } from "ltx";
import { XmppConfigError, XmppConnectionError, XmppNotSentError } from "../errors.ts";
import type { ServerRecord } from "../policy/sasl.ts";
import { bareJid, parseJid } from "../protocol/jid.ts";
import type { Jid } from "../protocol/jid.ts";
import type { ServerMemory } from "../state/server-memory.ts";
import { isAttempt } from "./connection-states.ts";
import { DOUBTFUL, RedirectError, UnprovedError } from "./conditions.ts";
import { resolveEndpoints, systemResolver } from "./endpoint.ts";
import type { SrvResolver } from "./endpoint.ts";
import { goLive } from "./live-connection.ts";
import type { LiveConnection, LiveTimings } from "./live-connection.ts";
import { login } from "./login.ts";
import type { Login, LoginOptions } from "./negotiation.ts";
import { createResumption } from "./resumption.ts";
import { canReach } from "./probe.ts";
import { redirectedEndpoint } from "./redirect.ts";
import { createSupervisor, systemClock } from "./supervisor.ts";
import type { Clock, SupervisorTimings } from "./supervisor.ts";
import type {
  ConnectionState,
  Endpoint,
  IqHandler,
  Logger,
  LoginStep,
  SessionOptions,
  XmppSession,
} from "./types.ts";
import { formatWire } from "./wire-log.ts";

export type Timings = SupervisorTimings & LiveTimings & Pick<LoginOptions, "endpointTimeoutMs">;

/** In ms. A dead peer shows within idleMs + answerMs. */
export const DEFAULT_TIMINGS: Readonly<Timings> = {
  attemptMs: 60_000,
  endpointTimeoutMs: 20_000,
  backoffMs: 2_000,
  maxBackoffMs: 120_000,
  probeMs: 2_000,
  probeSpreadMs: 1_500,
  probesAfterLoss: 4,
  stableMs: 60_000,
  stopMs: 3_000,
  idleMs: 30_000,
  answerMs: 25_000,
  requestMs: 30_000,
};

/** What a test replaces. */
export type SessionEnvironment = {
  clock?: Clock;
  random?: () => number;
  resolver?: SrvResolver;
  timings?: Partial<Timings>;
};

/**
 * Prepares a session; `start()` connects.
 * @throws XmppConfigError when `jid` is no bare JID of an account
 */
export function createSession(
  options: SessionOptions,
  environment: SessionEnvironment = {},
): XmppSession {
  const { log } = options;
  const clock = environment.clock ?? systemClock;
  const random = environment.random ?? Math.random;
  const timings = { ...DEFAULT_TIMINGS, ...environment.timings };
  const account = accountJid(options.jid);
  const stanzaListeners = new Set<(stanza: Element) => void | Promise<void>>();
  const stateListeners = new Set<(state: ConnectionState) => void>();
  const iqHandlers = new Set<IqHandler>();

  // Where a stream cannot be resumed any more, those who count on it hear of it at once.
  const resumption = createResumption(clock, () => {
    const { state } = supervisor;
    if (mayResume(state)) notify(stateListeners, state, log);
  });

  const memory = memoryOf(options.serverMemory, account.domain);
  const loginOptions: Omit<LoginOptions, "onStep"> = {
    account,
    resource: options.resource,
    password: options.password,
    caFile: options.caFile,
    dangerouslyAllowPlaintext: options.dangerouslyAllowPlaintext,
    endpointTimeoutMs: timings.endpointTimeoutMs,
    sasl: options.sasl ?? {},
    memory,
    refusedBindings: new Set(),
    log,
    resumption,
    onWire(direction, element) {
      if (options.isWireLogged?.()) log.info(formatWire(direction, element));
    },
  };

  /** Those of the last attempt. */
  let endpoints: Endpoint[] = [];
  /** Where a live server has sent us; for the next attempt only. */
  let sentTo: Endpoint | undefined;
  let doubts = 0;

  /** The end that a server meant for good, as one to try again after, where it is one that we know. */
  const doubted = (error: XmppConnectionError): XmppConnectionError => {
    if (!error.fatal || !memory.recall()) return error;
    if (!(error instanceof UnprovedError)) {
      if (!DOUBTFUL.has(error.condition) || doubts >= MAX_DOUBTS) return error;
      doubts += 1;
    }
    const { advice } = error;
    return new XmppConnectionError(error.condition, error.message, {
      cause: error,
      ...(advice === undefined ? {} : { advice }),
    });
  };

  const logIn = async (signal: AbortSignal, onStep: (step: LoginStep) => void): Promise<Login> => {
    const resolver = environment.resolver ?? systemResolver(signal);
    const resolved = await resolveEndpoints(options.server, resolver, random);
    endpoints = sentTo ? [sentTo, ...resolved] : resolved;
    sentTo = undefined;
    try {
      const done = await login({ ...loginOptions, onStep }, endpoints, signal);
      doubts = 0;
      return done;
    } catch (error) {
      throw error instanceof XmppConnectionError ? doubted(error) : error;
    }
  };

  const connect = async (
    signal: AbortSignal,
    onStep: (step: LoginStep) => void,
  ): Promise<LiveConnection> => {
    const done = await logIn(signal, onStep);
    const connection = goLive({
      login: done,
      since: clock.now(),
      timings,
      log,
      onStanza: (stanza) => whenAll(notify(stanzaListeners, stanza, log)),
      iqHandlers,
      isAwaited: options.isAwaited,
      onExcess: options.onExcess,
      onLost(stream, error) {
        if (error instanceof RedirectError) {
          const { endpoint } = done;
          const isProved = done.stream.secure;
          sentTo = redirectedEndpoint(error.location, endpoint, isProved, account.domain);
        }
        resumption.keep(stream, error);
      },
    });
    // A domain that is taken down and put up again says goodbye as one that is gone (host-gone).
    return { ...connection, closed: connection.closed.then(doubted) };
  };

  const supervisor = createSupervisor<LiveConnection>({
    connect,
    probe: (signal) => canReach(endpoints, timings.probeMs, signal),
    onState(state) {
      report(state, account.bare, log);
      // Who was refused may be started again: only a stop is for good.
      if (state.kind === "refused") resumption.giveUp();
      if (state.kind === "stopped") resumption.stop();
      notify(stateListeners, visible(state), log);
      // After the listeners know that we are online: what arrives may make them answer.
      if (state.kind === "online") supervisor.connection?.begin();
    },
    timings,
    clock,
    random,
  });

  /** The supervisor knows connections only. */
  const visible = (state: ConnectionState): ConnectionState =>
    resumption.isPossible && mayResume(state) ? { ...state, resumable: true } : state;

  const live = (): LiveConnection => {
    const connection = supervisor.connection;
    if (connection) return connection;
    throw new XmppNotSentError(`${account.bare} is not connected (${supervisor.state.kind})`, {
      isOffline: true,
    });
  };

  return {
    get state() {
      return visible(supervisor.state);
    },
    get jid() {
      return supervisor.connection?.facts.jid;
    },
    start: () => supervisor.start(),
    stop: () => supervisor.stop(),
    async send(stanza) {
      await live().send(stanza);
    },
    post(stanza) {
      supervisor.connection?.post(stanza);
    },
    async request(iq, requestOptions) {
      return await live().request(iq, requestOptions);
    },
    onStanza: (listener) => register(stanzaListeners, listener),
    onIq: (handler) => register(iqHandlers, handler),
    onState: (listener) => register(stateListeners, listener),
  };
}

/** How often in a row a known server's `DOUBTFUL` refusals are not believed. */
const MAX_DOUBTS = 5;

type Offline = Extract<ConnectionState, { resumable?: boolean | undefined }>;

function mayResume(state: ConnectionState): state is Offline & { kind: "waiting" | LoginStep } {
  return state.kind === "waiting" || isAttempt(state);
}

/** Without one to outlast it, the session remembers the server on its own. */
function memoryOf(kept: ServerMemory | undefined, domain: string): LoginOptions["memory"] {
  let last: ServerRecord | undefined;
  const key = bareJid(domain);
  if (!kept || !key) return { recall: () => last, remember: (record) => void (last = record) };
  return { recall: () => kept.recall(key), remember: (record) => kept.remember(key, record) };
}

function accountJid(text: string): Jid & { local: string } {
  const jid = parseJid(text);
  if (jid?.local === undefined || jid.resource !== undefined) {
    throw new XmppConfigError("jid", `${JSON.stringify(text)} is no account; use user@domain`);
  }
  return { ...jid, local: jid.local };
}

/** @returns a function that takes it back */
function register<T extends (...args: never[]) => unknown>(
  listeners: Set<T>,
  listener: T,
): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** @returns what the listeners promised */
function notify<T>(
  listeners: Iterable<(value: T) => void | Promise<void>>,
  value: T,
  log: Logger,
): Promise<void>[] {
  const promised: Promise<void>[] = [];
  for (const listener of [...listeners]) {
    try {
      const promise = listener(value);
      if (promise) promised.push(promise);
    } catch (error) {
      // A listener's mistake must not cost the connection, nor the other listeners their turn.
      log.error(
        `a listener failed: ${error instanceof Error ? (error.stack ?? error.message) : String(error)}`,
      );
    }
  }
  return promised;
}

function whenAll(promised: Promise<void>[]): Promise<unknown> | undefined {
  return promised.length > 1 ? Promise.all(promised) : promised[0];
}

function report(state: ConnectionState, account: string, log: Logger): void {
  switch (state.kind) {
    case "online": {
      const { jid, address, tls, mechanism, resumed } = state.facts;
      const how = `${tls?.version ?? "no TLS"}, ${mechanism}${resumed ? ", resumed" : ""}`;
      log.info(`${jid} is online at ${address} (${how})`);
      break;
    }
    case "waiting": {
      const { error } = state;
      log.warn(`${account} is offline: ${error.message}.${error.advice ? ` ${error.advice}` : ""}`);
      break;
    }
    case "refused":
      log.error(`${account} cannot log in: ${state.error.message}. ${state.error.advice ?? ""}`);
      break;
    default:
      log.debug?.(`${account} is ${state.kind}`);
  }
}
