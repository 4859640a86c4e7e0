/**
 * What a failure means: whether trying again can help, and what the operator can do about it.
 * Every failure of a connection becomes an XmppConnectionError here.
 */
import type { Element } from "ltx";
import { XmppConnectionError } from "../errors.ts";
import { oneLine } from "../protocol/xml-text.ts";

const NS_STREAM_ERRORS = "urn:ietf:params:xml:ns:xmpp-streams";
export const NS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl";

/** What follows from a failure. */
export type Outcome =
  /** Only the operator can help; `advice` is the one sentence that says how. */
  | { leadsTo: "refuse"; advice: string }
  /** After a wait (supervisor.ts). */
  | { leadsTo: "retry" }
  /** To another host, where that is safe (redirect.ts); else after a wait. */
  | { leadsTo: "follow" };

const refuse = (advice: string): Outcome => ({ leadsTo: "refuse", advice });
const RETRY: Outcome = { leadsTo: "retry" };
const FOLLOW: Outcome = { leadsTo: "follow" };

/** By condition; one that is not here is tried again. See `DOUBTFUL` and `UnprovedError` for what a known server says. */
export const OUTCOMES: Readonly<Record<string, Outcome>> = {
  // SASL (RFC 6120 §6.5)
  "not-authorized": refuse("Check the account's `jid` and `password`."),
  "account-disabled": refuse("Ask the server's administrator to enable the account."),
  "credentials-expired": refuse("Set a new password for the account on the server, then here."),
  "invalid-authzid": refuse("Check the account's `jid`."),
  "mechanism-too-weak": refuse(
    "Ask the server's administrator to offer SCRAM-SHA-256 to this account.",
  ),
  "encryption-required": refuse(
    "Connect with TLS: leave out `dangerouslyAllowPlaintext`, or use xmpps:// or wss://.",
  ),
  // Streams (RFC 6120 §4.9.3) and resource binding (§7.7.2)
  conflict: refuse(
    "Another client uses the same `resource`: stop it, or give this account a `resource` of its own.",
  ),
  "host-unknown": refuse(
    "The server does not serve this domain: check the domain in `jid`, and `server`.",
  ),
  "host-gone": refuse(
    "The server no longer serves this domain: check the domain in `jid`, and `server`.",
  ),
  "not-allowed": refuse(
    "Ask the server's administrator whether this account may log in with this `resource`.",
  ),
  "unsupported-version": refuse("The server speaks no XMPP 1.0: check `server`."),
  // Streams: the server is away, or another one does it
  "system-shutdown": RETRY,
  reset: RETRY,
  "internal-server-error": RETRY,
  "resource-constraint": RETRY,
  "policy-violation": RETRY,
  "connection-timeout": RETRY,
  "remote-connection-failed": RETRY,
  "not-well-formed": RETRY,
  "invalid-xml": RETRY,
  "undefined-condition": RETRY,
  "see-other-host": FOLLOW,
  // SASL: not for good
  "temporary-auth-failure": RETRY,
  aborted: RETRY,
  "malformed-request": RETRY,
  // Our own
  unreachable: RETRY,
  network: RETRY,
  timeout: RETRY,
  dns: RETRY,
  protocol: RETRY,
  credentials: RETRY,
  "tls-required": refuse(
    "Enable TLS on the server, or use xmpps:// or wss://; on loopback only, `dangerouslyAllowPlaintext: true` goes without.",
  ),
  certificate: refuse(
    "Give the server a valid certificate for the domain of the `jid`, or name the file of its authority in `tls.caFile`.",
  ),
  "plaintext-refused": refuse(
    "Use TLS: a login without it is only possible to a loopback address with `dangerouslyAllowPlaintext: true`.",
  ),
  "server-signature": refuse(
    "The server could not prove that it knows the password: make sure that nobody stands between, then check `server`.",
  ),
  "no-mechanism": refuse("Enable SCRAM-SHA-256 (or SCRAM-SHA-1) for this account on the server."),
  "channel-binding": refuse(
    'Make sure that nobody stands between this machine and the server; if the server\'s TLS ends at a proxy, set `sasl.channelBinding` to "off".',
  ),
  downgrade: refuse(
    "Make sure that nobody stands between this machine and the server; if the change is meant, run `openclaw xmpp forget` with the server's domain.",
  ),
};

/**
 * What a server that is just starting says before all of it is up: from one that we have logged in to
 * before, it is believed only the sixth time in a row.
 */
export const DOUBTFUL: ReadonlySet<string> = new Set([
  "host-unknown",
  "host-gone",
  "no-mechanism",
  "downgrade",
]);

/**
 * A fatal error before TLS was up: anybody on the line can say it, or show a certificate of their own.
 * Whoever has been on the server itself before is not to be kept from it for good by that.
 */
export class UnprovedError extends XmppConnectionError {
  constructor({ condition, message, advice, cause }: XmppConnectionError) {
    super(condition, message, {
      fatal: true,
      ...(advice === undefined ? {} : { advice }),
      ...(cause === undefined ? {} : { cause }),
    });
  }
}

/** Builds the error for a condition, fatal with its advice when the table says `refuse`. */
export function connectionError(
  condition: string,
  message: string,
  options: { advice?: string; cause?: unknown } = {},
): XmppConnectionError {
  const outcome = Object.hasOwn(OUTCOMES, condition) ? OUTCOMES[condition] : undefined;
  const advice = options.advice ?? (outcome?.leadsTo === "refuse" ? outcome.advice : undefined);
  return new XmppConnectionError(condition, message, {
    fatal: outcome?.leadsTo === "refuse",
    ...(advice === undefined ? {} : { advice }),
    ...("cause" in options ? { cause: options.cause } : {}),
  });
}

/** The server sends us to another host (`see-other-host`); `location` as it wrote it. */
export class RedirectError extends XmppConnectionError {
  readonly location: string;
  constructor(location: string) {
    super("see-other-host", `the server sends us to ${JSON.stringify(location.slice(0, 300))}`);
    this.location = location;
  }
}

function definedCondition(element: Element, xmlns: string): { condition: string; text: string } {
  const condition = element
    .getChildElements()
    .find((child) => child.getNS() === xmlns && child.getName() !== "text");
  // Before TLS anybody on the way can say it, and it ends up in logs.
  const text = oneLine(element.getChildText("text") ?? undefined, 200);
  return {
    condition: condition?.getName().slice(0, 100) ?? "undefined-condition",
    text: text === undefined ? "" : `: ${text}`,
  };
}

/** The error that a `<stream:error/>` stands for (RFC 6120 §4.9). */
export function streamError(element: Element): XmppConnectionError {
  const { condition, text } = definedCondition(element, NS_STREAM_ERRORS);
  if (condition === "see-other-host") {
    return new RedirectError(element.getChildText("see-other-host", NS_STREAM_ERRORS) ?? "");
  }
  return connectionError(condition, `the server closed the stream with ${condition}${text}`);
}

/** The error that a SASL `<failure/>` stands for (RFC 6120 §6.5). */
export function saslError(element: Element): XmppConnectionError {
  const { condition, text } = definedCondition(element, NS_SASL);
  return connectionError(condition, `the server refused the login with ${condition}${text}`);
}

/** The OpenSSL verify results and Node's own host name check, by `code`. */
const CERTIFICATE_CODES =
  /^(CERT_|UNABLE_TO_|SELF_SIGNED_|DEPTH_ZERO_|ERR_TLS_CERT_|HOSTNAME_MISMATCH|INVALID_CA|INVALID_PURPOSE|PATH_LENGTH_EXCEEDED|CRL_|ERROR_IN_CERT_)/;
/** Those of them that another certificate authority could cure. */
const UNKNOWN_AUTHORITY =
  /^(UNABLE_TO_GET_ISSUER|UNABLE_TO_VERIFY_LEAF|SELF_SIGNED_CERT_IN_CHAIN|DEPTH_ZERO_SELF_SIGNED)/;
const DNS_CODES = new Set(["ENOTFOUND", "EAI_AGAIN", "EAI_FAIL", "EAI_NODATA", "EAI_NONAME"]);

function codeOf(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return typeof code === "string" ? code : "";
}

/** Whether the certificate's authority is unknown to us (so that more authorities are worth a try). */
export function isUnknownAuthority(error: XmppConnectionError): boolean {
  return error.condition === "certificate" && UNKNOWN_AUTHORITY.test(codeOf(error.cause));
}

function reasonOf(error: unknown): string {
  const reason = error instanceof Error && "reason" in error ? error.reason : undefined;
  return typeof reason === "string" ? reason : "";
}

/** Anything that a socket, TLS or WebSocket threw, as a connection error. `address` is for the message. */
export function transportError(error: unknown, address: string): XmppConnectionError {
  if (error instanceof XmppConnectionError) return error;
  const code = codeOf(error);
  const message = error instanceof Error && error.message ? error.message : code || String(error);
  if (CERTIFICATE_CODES.test(code)) {
    return connectionError(
      "certificate",
      `the certificate of ${address} is not valid: ${message}`,
      {
        cause: error,
      },
    );
  }
  if (DNS_CODES.has(code)) {
    return connectionError("dns", `${address} has no address in DNS (${code})`, {
      advice: "Check `server` and the domain of the `jid`.",
      cause: error,
    });
  }
  if (code.startsWith("ERR_SSL_") || code === "EPROTO") {
    // The message of OpenSSL is several lines with paths of its source.
    const reason = /reason:|routines:/.test(message) ? reasonOf(error) : message;
    return connectionError("protocol", `TLS with ${address} failed: ${reason || code}`, {
      advice:
        "Check whether the port in `server` expects STARTTLS (xmpp://) or direct TLS (xmpps://).",
      cause: error,
    });
  }
  return connectionError("network", `the connection to ${address} failed: ${message}`, {
    cause: error,
  });
}
