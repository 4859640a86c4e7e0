/**
 * One login to see whether it works, beside whatever session the account may have: with a resource of its
 * own, never available (it sends no presence, so that no message comes to it), and never without TLS,
 * whatever the account's configuration allows.
 */
import { randomBytes } from "node:crypto";
import type { SaslPolicy } from "../policy/sasl.ts";
import type { Jid } from "../protocol/jid.ts";
import { goLive } from "./live-connection.ts";
import { login, meet } from "./login.ts";
import type { LoginOptions } from "./negotiation.ts";
import { hasRegistration } from "../protocol/xep-0077-registration.ts";
import { createResumption, endBoundStream } from "./resumption.ts";
import type { Asker } from "./server-services.ts";
import { DEFAULT_TIMINGS } from "./session.ts";
import { systemClock } from "./supervisor.ts";
import type { ConnectionFacts, Endpoint, LoginStep } from "./types.ts";
import type { XmppStream } from "./xmppjs.ts";

export type TrialOptions = {
  account: Jid & { local: string };
  caFile?: string | undefined;
  sasl?: SaslPolicy | undefined;
  /** For one endpoint, in ms. Default as in a session. */
  endpointTimeoutMs?: number | undefined;
  onStep?: ((step: LoginStep) => void) | undefined;
};

export type Trial = Asker & {
  facts: ConnectionFacts;
  /** Resolves when nothing is left of it. */
  close(): Promise<void>;
};

const QUIET = { info() {}, warn() {}, error() {} };

function loginOptions(options: TrialOptions, password: string): LoginOptions {
  return {
    account: options.account,
    resource: `openclaw-setup-${randomBytes(6).toString("hex")}`,
    password: () => password,
    caFile: options.caFile,
    dangerouslyAllowPlaintext: false,
    endpointTimeoutMs: options.endpointTimeoutMs ?? DEFAULT_TIMINGS.endpointTimeoutMs,
    sasl: options.sasl ?? {},
    memory: { recall: () => undefined, remember() {} },
    refusedBindings: new Set(),
    log: QUIET,
    onStep: options.onStep ?? (() => {}),
    resumption: createResumption(systemClock, () => {}),
  };
}

/**
 * Logs in at the first endpoint where that works.
 * @throws XmppConnectionError: as `login` does
 */
export async function tryLogin(
  options: TrialOptions,
  password: string,
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
): Promise<Trial> {
  const done = await login(loginOptions(options, password), endpoints, signal);
  const connection = goLive({
    login: done,
    since: Date.now(),
    timings: DEFAULT_TIMINGS,
    log: QUIET,
    onStanza: () => undefined,
    iqHandlers: [],
    // Nobody waits for it to be resumed.
    onLost: endBoundStream,
  });
  connection.begin();
  return {
    facts: connection.facts,
    request: (iq, how) => connection.request(iq, how),
    close: () => connection.close(),
  };
}

/** A stream behind TLS on which nobody is logged in. */
export type Encounter = { stream: XmppStream; offersRegistration: boolean };

/**
 * Goes as far as TLS, and no further.
 * @throws XmppConnectionError: as `login` does
 */
export async function tryEncounter(
  options: TrialOptions,
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
): Promise<Encounter> {
  const { stream, features } = await meet(loginOptions(options, ""), endpoints, signal);
  return { stream, offersRegistration: hasRegistration(features) };
}
