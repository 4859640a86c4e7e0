/**
 * From nothing to a bound stream, one step after the other (RFC 6120 §4.3, XEP-0170):
 * connect, TLS, SASL; then either the stream of before is resumed, or a resource bound and stream
 * management enabled (XEP-0198).
 *
 * The rule of this file: nothing that depends on the password is written before `encrypted()` said yes.
 */
import { randomUUID } from "node:crypto";
import { Element } from "ltx";
import { XmppConnectionError, messageOf } from "../errors.ts";
import { attribute, childText } from "../protocol/element.ts";
import type { BindingType, SaslPolicy, ServerRecord } from "../policy/sasl.ts";
import { parseJid } from "../protocol/jid.ts";
import type { Jid } from "../protocol/jid.ts";
import { decodeStanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import { offersStreamManagement } from "../protocol/xep-0198-stream-management.ts";
import { decodeMaxBytes } from "../protocol/xep-0478-limits.ts";
import { connectionError, isUnknownAuthority, RedirectError, UnprovedError } from "./conditions.ts";
import { addressOf } from "./endpoint.ts";
import { MAX_HOPS, redirectedEndpoint } from "./redirect.ts";
import { enableManagement, openBoundStream, resumeStream } from "./resumption.ts";
import type { BoundStream, Resumption } from "./resumption.ts";
import { authenticate, BindingRefusedError } from "./sasl.ts";
import { trustedAuthorities } from "./trust.ts";
import type { Endpoint, LoginStep, SessionOptions } from "./types.ts";
import { createStream, NS_TLS } from "./xmppjs.ts";
import type { StreamOptions, XmppStream } from "./xmppjs.ts";

const NS_BIND = "urn:ietf:params:xml:ns:xmpp-bind";

export type LoginOptions = Pick<
  SessionOptions,
  "resource" | "password" | "caFile" | "dangerouslyAllowPlaintext" | "log"
> & {
  account: Jid & { local: string };
  /** ms for one endpoint, from connecting to the bound resource */
  endpointTimeoutMs: number;
  onWire?: StreamOptions["onWire"];
  sasl: SaslPolicy;
  /** How the last login on this server went. */
  memory: { recall(): ServerRecord | undefined; remember(record: ServerRecord): void };
  /** Channel bindings that the server offers and refuses; to be kept from one login to the next. */
  refusedBindings: Set<BindingType>;
  onStep: (step: LoginStep) => void;
  /** Knows the stream that was lost; whatever it is good for, it does not cost a login twice. */
  resumption: Resumption;
};

export type Login = {
  stream: XmppStream;
  endpoint: Endpoint;
  mechanism: string;
  channelBinding?: BindingType;
  /** A new one, or that of before. The very next element is the first that counts (XEP-0198 §4). */
  bound: BoundStream;
  resumed: boolean;
  /** Stanzas that came before the counting began. */
  early: readonly Element[];
  /** What the server says that a stanza may have (XEP-0478), in bytes. */
  maxBytes: number | undefined;
};

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
  const errors: XmppConnectionError[] = [];
  const next = [...endpoints];
  let hops = 0;
  for (let endpoint = next.shift(); endpoint; endpoint = next.shift()) {
    try {
      return await loginWithRetries(options, endpoint, signal);
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
async function loginWithRetries(
  options: LoginOptions,
  endpoint: Endpoint,
  signal: AbortSignal,
): Promise<Login> {
  let systemAuthorities = false;
  const given: BindingType[] = [];
  for (;;) {
    try {
      const done = await loginAt(options, endpoint, systemAuthorities, signal);
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

async function loginAt(
  options: LoginOptions,
  endpoint: Endpoint,
  systemAuthorities: boolean,
  signal: AbortSignal,
): Promise<Login> {
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
    return await negotiate(options, endpoint, stream);
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

async function negotiate(
  options: LoginOptions,
  endpoint: Endpoint,
  stream: XmppStream,
): Promise<Login> {
  const offered = await stream.open();
  const features = await encrypted(options, endpoint, stream, offered);
  options.onStep("authenticating");
  const credentials = { username: options.account.local, password: await readPassword(options) };
  const { mechanism, record } = await authenticate(stream, features, credentials, {
    policy: options.sasl,
    before: options.memory.recall(),
    refused: options.refusedBindings,
  });
  options.memory.remember(record);
  const behindLogin = await stream.restart();
  const isManaged = offersStreamManagement(behindLogin);
  const facts = {
    stream,
    endpoint,
    mechanism,
    maxBytes: decodeMaxBytes(behindLogin),
    ...(record.binding ? { channelBinding: record.binding } : {}),
  };
  const lost = isManaged ? await resumeStream(stream, options.resumption) : undefined;
  if (lost) return { ...facts, bound: lost, resumed: true, early: [] };
  // To bind is to begin anew: the server ends a stream of before that has the same resource.
  options.resumption.giveUp();
  const jid = await bindResource(stream, options.resource);
  const { management, early } = isManaged
    ? await enableManagement(stream)
    : { management: undefined, early: [] };
  return { ...facts, bound: openBoundStream(jid, management), resumed: false, early };
}

async function readPassword(options: LoginOptions): Promise<string> {
  try {
    return await options.password();
  } catch (cause) {
    const problem = messageOf(cause);
    throw connectionError("credentials", `the password cannot be read: ${problem}`, {
      advice: "Check `password` (or `passwordFile`) of the account.",
      cause,
    });
  }
}

/**
 * The features of a stream on which a password may be used: behind verified TLS, or to loopback
 * with the operator's word for it.
 * @throws XmppConnectionError `tls-required`, `downgrade`, `plaintext-refused` or `certificate`
 */
async function encrypted(
  options: LoginOptions,
  endpoint: Endpoint,
  stream: XmppStream,
  features: Element,
): Promise<Element> {
  if (stream.secure) return features;
  if (endpoint.transport === "tcp" && features.getChild("starttls", NS_TLS)) {
    const behindTls = await stream.startTls();
    if (stream.secure) return behindTls;
  }
  const { sasl, memory } = options;
  if (sasl.downgradeProtection !== "off" && memory.recall()?.encrypted) {
    throw connectionError("downgrade", `${stream.address} no longer offers TLS`);
  }
  if (!options.dangerouslyAllowPlaintext) {
    throw connectionError("tls-required", `${stream.address} offers no STARTTLS`);
  }
  if (!stream.loopback) {
    throw connectionError("plaintext-refused", `${stream.address} is not a loopback address`);
  }
  return features;
}

/** RFC 6120 §7.6. */
async function bindResource(stream: XmppStream, resource: string): Promise<Jid> {
  const id = randomUUID();
  const iq = new Element("iq", { type: "set", id });
  iq.c("bind", { xmlns: NS_BIND }).c("resource").t(resource);
  stream.send(iq);
  const answer = await stream.next();
  if (answer.getName() !== "iq" || attribute(answer, "id") !== id) {
    throw connectionError(
      "protocol",
      `expected the answer to bind, got <${answer.name.slice(0, 40)}/>`,
    );
  }
  if (attribute(answer, "type") === "error") {
    const { condition } = decodeStanzaError(answer);
    throw connectionError(
      condition,
      `the server refused the resource "${resource}" with ${condition}`,
    );
  }
  const bind = answer.getChild("bind", NS_BIND);
  const jid = parseJid((bind && childText(bind, "jid")) ?? "");
  if (jid?.resource === undefined)
    throw connectionError("protocol", "the server bound us to no JID");
  return jid;
}
