/**
 * From a connection to a bound stream, one step after the other (RFC 6120 §4.3, XEP-0170): TLS, SASL; then
 * either the stream of before is resumed, or a resource bound and stream management enabled (XEP-0198).
 *
 * The rule of this file: nothing that depends on the password is written before `encrypted()` said yes.
 */
import { randomUUID } from "node:crypto";
import { Element } from "ltx";
import { messageOf } from "../errors.ts";
import { attribute, childText } from "../protocol/element.ts";
import type { BindingType, SaslPolicy, ServerRecord } from "../policy/sasl.ts";
import { parseJid } from "../protocol/jid.ts";
import type { Jid } from "../protocol/jid.ts";
import { decodeStanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import { offersStreamManagement } from "../protocol/xep-0198-stream-management.ts";
import { decodeMaxBytes } from "../protocol/xep-0478-limits.ts";
import { connectionError } from "./conditions.ts";
import { enableManagement, openBoundStream, resumeStream } from "./resumption.ts";
import type { BoundStream, Resumption } from "./resumption.ts";
import { authenticate } from "./sasl.ts";
import type { Endpoint, LoginStep, SessionOptions } from "./types.ts";
import { NS_TLS } from "./xmppjs.ts";
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

/** A stream on which a password may be used; `features` are what it offers to whom is not logged in. */
export type Greeting = { stream: XmppStream; features: Element };

/**
 * @throws XmppConnectionError of any kind
 */
export async function greet(
  options: LoginOptions,
  endpoint: Endpoint,
  stream: XmppStream,
): Promise<Greeting> {
  const offered = await stream.open();
  return { stream, features: await encrypted(options, endpoint, stream, offered) };
}

/**
 * @throws XmppConnectionError of any kind; BindingRefusedError (sasl.ts)
 */
export async function negotiate(
  options: LoginOptions,
  endpoint: Endpoint,
  stream: XmppStream,
): Promise<Login> {
  const { features } = await greet(options, endpoint, stream);
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
