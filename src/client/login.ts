/**
 * A login: one endpoint after the other, each with the retries that can help. What is said on a connection
 * is in negotiation.ts.
 */
import { XmppConnectionError } from "../errors.ts";
import type { BindingType } from "../policy/sasl.ts";
import { connectionError, isUnknownAuthority, RedirectError, UnprovedError } from "./conditions.ts";
import { addressOf } from "./endpoint.ts";
import { greet, negotiate, type Greeting, type Login, type LoginOptions } from "./negotiation.ts";
import { MAX_HOPS, redirectedEndpoint } from "./redirect.ts";
import { BindingRefusedError } from "./sasl.ts";
import { trustedAuthorities } from "./trust.ts";
import type { Endpoint } from "./types.ts";
import { createStream } from "./xmppjs.ts";
import type { XmppStream } from "./xmppjs.ts";

/**
 * Tries the endpoints in order. A refused login ends the round at once; a bad certificate, missing TLS or
 * whatever was said before TLS at one endpoint does not, but nothing was sent there either.
 * @param signal ends the attempt; its reason is thrown
 * @throws XmppConnectionError: a fatal one only if every endpoint failed fatally
 */
export async function login(
  options: LoginOptions,
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
): Promise<Login> {
  return await reach(options, endpoints, signal, negotiate);
}

/**
 * The same, but no further than to a stream on which a password may be used: nobody is logged in there.
 * @throws as `login` does
 */
export async function meet(
  options: LoginOptions,
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
): Promise<Greeting> {
  return await reach(options, endpoints, signal, greet);
}

/** What is done on a stream that is open. */
type Negotiation<T> = (options: LoginOptions, endpoint: Endpoint, stream: XmppStream) => Promise<T>;

async function reach<T extends { stream: XmppStream }>(
  options: LoginOptions,
  endpoints: readonly Endpoint[],
  signal: AbortSignal,
  negotiation: Negotiation<T>,
): Promise<T> {
  const errors: XmppConnectionError[] = [];
  const next = [...endpoints];
  let hops = 0;
  for (let endpoint = next.shift(); endpoint; endpoint = next.shift()) {
    try {
      return await reachWithRetries(options, endpoint, signal, negotiation);
    } catch (error) {
      if (!(error instanceof XmppConnectionError) || signal.aborted) throw error;
      if (error.fatal && !mayDoElsewhere(error)) throw error;
      errors.push(error);
      const other = error instanceof RedirectedError ? error.target : undefined;
      if (other && hops < MAX_HOPS) {
        hops += 1;
        next.unshift(other);
      }
    }
  }
  throw (
    errors.find((error) => !error.fatal) ??
    errors[0] ??
    connectionError("dns", "no endpoint to try")
  );
}

/** A redirect during the login that may be followed. */
class RedirectedError extends XmppConnectionError {
  readonly target: Endpoint;
  constructor(target: Endpoint, cause: RedirectError) {
    super(cause.condition, cause.message, { cause });
    this.target = target;
  }
}

/** Fatal conditions of one endpoint, not of the account: another endpoint may do. */
const ENDPOINT_CONDITIONS = new Set(["certificate", "tls-required", "downgrade"]);

function mayDoElsewhere(error: XmppConnectionError): boolean {
  return error instanceof UnprovedError || ENDPOINT_CONDITIONS.has(error.condition);
}

/**
 * Tries again where that can help: with the operating system's authorities, and without a kind of channel
 * binding that the server refused although it offers it, unless that has worked here before.
 */
async function reachWithRetries<T extends { stream: XmppStream }>(
  options: LoginOptions,
  endpoint: Endpoint,
  signal: AbortSignal,
  negotiation: Negotiation<T>,
): Promise<T> {
  let systemAuthorities = false;
  const given: BindingType[] = [];
  for (;;) {
    try {
      const done = await reachAt(options, endpoint, systemAuthorities, signal, negotiation);
      for (const type of given) {
        options.log.warn(`${done.stream.address} offers channel binding, but refuses ${type}`);
      }
      return done;
    } catch (error) {
      if (error instanceof BindingRefusedError && isDispensable(options, error)) {
        options.refusedBindings.add(error.binding);
        given.push(error.binding);
      } else if (
        error instanceof XmppConnectionError &&
        isUnknownAuthority(error) &&
        !systemAuthorities
      ) {
        systemAuthorities = true;
      } else {
        // It was not for the binding, then.
        for (const type of given) options.refusedBindings.delete(type);
        throw error instanceof BindingRefusedError ? bindingError(error) : error;
      }
    }
  }
}

/** Whether a login without this binding is no less than what the server has given before. */
function isDispensable({ sasl, memory }: LoginOptions, { binding }: BindingRefusedError): boolean {
  if (sasl.channelBinding === "require") return false;
  return sasl.downgradeProtection === "off" || memory.recall()?.binding !== binding;
}

/** A wrong password is told by its own name; the rest is as a middleman makes it look. */
function bindingError(error: BindingRefusedError): XmppConnectionError {
  if (error.condition === "not-authorized") return error;
  const message = `${error.message}, for the login was bound to this connection (${error.binding})`;
  return connectionError("channel-binding", message, { cause: error });
}

async function reachAt<T>(
  options: LoginOptions,
  endpoint: Endpoint,
  systemAuthorities: boolean,
  signal: AbortSignal,
  negotiation: Negotiation<T>,
): Promise<T> {
  signal.throwIfAborted();
  options.onStep("connecting");
  let isReached = false;
  const stream = createStream({
    endpoint,
    domain: options.account.domain,
    bareJid: options.account.bare,
    authorities: trustedAuthorities(options.caFile, systemAuthorities),
    allowPlaintext: options.dangerouslyAllowPlaintext === true,
    onWire: options.onWire,
    onReached() {
      isReached = true;
      options.onStep("securing");
    },
  });
  const address = addressOf(endpoint);
  const timer = setTimeout(() => {
    const seconds = Math.round(options.endpointTimeoutMs / 1000);
    stream.fail(
      connectionError("timeout", `${address} did not complete the login within ${seconds} s`),
    );
  }, options.endpointTimeoutMs);
  const onAbort = () => stream.fail(connectionError("timeout", "the attempt was given up"));
  signal.addEventListener("abort", onAbort, { once: true });
  try {
    return await negotiation(options, endpoint, stream);
  } catch (error) {
    stream.fail(
      error instanceof XmppConnectionError ? error : connectionError("protocol", String(error)),
    );
    signal.throwIfAborted();
    if (!isReached) throw unreached(error);
    throw proved(redirected(error, options, endpoint, stream), options, stream);
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", onAbort);
  }
}

/** Nobody took the connection, so that nothing is known but that. */
function unreached(error: unknown): unknown {
  const isSilence =
    error instanceof XmppConnectionError && ["network", "timeout"].includes(error.condition);
  return isSilence ? connectionError("unreachable", error.message, { cause: error }) : error;
}

function redirected(
  error: unknown,
  { account }: LoginOptions,
  endpoint: Endpoint,
  stream: XmppStream,
): unknown {
  if (!(error instanceof RedirectError)) return error;
  const target = redirectedEndpoint(error.location, endpoint, stream.secure, account.domain);
  return target ? new RedirectedError(target, error) : error;
}

/** An end for good is told apart by whether it was said behind TLS, or to loopback where that goes without. */
function proved(error: unknown, options: LoginOptions, stream: XmppStream): unknown {
  if (!(error instanceof XmppConnectionError) || !error.fatal || stream.secure) return error;
  const isMeant = options.dangerouslyAllowPlaintext === true && stream.loopback;
  return isMeant || error.condition === "plaintext-refused" ? error : new UnprovedError(error);
}
