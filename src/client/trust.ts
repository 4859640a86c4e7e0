/**
 * Whom we trust, and how we speak TLS (RFC 6125, RFC 7590): TLS 1.2 or newer, the certificate
 * verified for one name, authorities from Node, NODE_EXTRA_CA_CERTS and the operator's own file.
 */
import { readFileSync } from "node:fs";
import { isIP } from "node:net";
import { checkServerIdentity, createSecureContext, getCACertificates } from "node:tls";
import type { ConnectionOptions, SecureContext } from "node:tls";
import { domainToASCII } from "node:url";
import { connectionError } from "./conditions.ts";

/** Building a context from a list of authorities takes some 20 ms, so each list is built once. */
const contexts = new Map<string, SecureContext>();

/**
 * @param system adds the operating system's store. Reading it blocks for some 100 ms, so it is
 *   asked for only when the other authorities did not suffice.
 * @throws XmppConnectionError `certificate` when `caFile` cannot be read or holds no certificate
 */
export function trustedAuthorities(caFile: string | undefined, system: boolean): SecureContext {
  const own = caFile === undefined ? "" : readAuthorities(caFile);
  const key = `${system}:${own}`;
  const known = contexts.get(key);
  if (known) return known;
  const ca = [
    ...getCACertificates("default"), // Node's own and NODE_EXTRA_CA_CERTS
    ...(system ? getCACertificates("system") : []),
    ...(own === "" ? [] : [own]),
  ];
  const isDefault = own === "" && !system;
  const context = createSecureContext({ minVersion: "TLSv1.2", ...(isDefault ? {} : { ca }) });
  contexts.set(key, context);
  return context;
}

function readAuthorities(caFile: string): string {
  const advice = "Set `tls.caFile` to a readable PEM file with the authority's certificate.";
  let pem: string;
  try {
    pem = readFileSync(caFile, "utf8");
  } catch (cause) {
    throw connectionError("certificate", `cannot read the CA file ${caFile}`, { advice, cause });
  }
  if (!pem.includes("-----BEGIN CERTIFICATE-----")) {
    throw connectionError("certificate", `the CA file ${caFile} holds no certificate`, { advice });
  }
  return pem;
}

/**
 * Options for `tls.connect` that accept only a certificate for `name` (SNI says the same name).
 * For XMPP over TCP this is the domain of the JID, whatever host we connected to (RFC 6120 §13.7.2).
 */
export function tlsOptions(name: string, secureContext: SecureContext): ConnectionOptions {
  const ascii = isIP(name) === 0 ? domainToASCII(name) : name;
  return {
    secureContext,
    rejectUnauthorized: true,
    ...(isIP(ascii) === 0 ? { servername: ascii } : {}), // RFC 6066 §3: no IP addresses in SNI
    checkServerIdentity: (_host, certificate) => checkServerIdentity(ascii, certificate),
  };
}

/** Whether an address as sockets report it is this machine's loopback. */
export function isLoopback(address: string | undefined): boolean {
  return address !== undefined && /^(::1|(::ffff:)?127\.\d+\.\d+\.\d+)$/.test(address);
}

/** Whether a host name in a URL is this machine's loopback, whatever DNS may say. */
export function isLoopbackName(hostname: string): boolean {
  const name = hostname.replace(/^\[|\]$/g, "").toLowerCase();
  return name === "localhost" || isLoopback(name);
}
