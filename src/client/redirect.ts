/**
 * `<see-other-host/>` (RFC 6120 §4.9.3.19): the server sends us to another. There everything is as it was
 * here: the same `to`, the same TLS, a certificate for the same domain.
 */
import { addressOf, parseServer } from "./endpoint.ts";
import type { Endpoint } from "./types.ts";

/** How often one attempt lets itself be sent on. */
export const MAX_HOPS = 2;

/**
 * Where to go, or undefined where we do not. Who is not proved by a certificate may send us to
 * hosts of our own domain only: else anybody on the way could have us knock wherever he likes.
 * @param location `host`, `host:port` or `[ipv6]:port`, as it stands in the error
 * @param isProved the stream on which it came is encrypted, and the certificate verified
 */
export function redirectedEndpoint(
  location: string,
  from: Endpoint,
  isProved: boolean,
  domain: string,
): Endpoint | undefined {
  const text = location.trim();
  if (from.transport === "websocket" || text === "" || text.length > 300) return undefined;
  if (text.includes("/")) return undefined;
  const scheme = from.transport === "tls" ? "xmpps://" : "xmpp://";
  const isBareIpv6 = /^[^[]*:[^[]*:/.test(text);
  const address = parseServer(scheme + (isBareIpv6 ? `[${text}]` : text), domain);
  if (!("kind" in address) || address.kind !== "endpoint") return undefined;
  const { endpoint } = address;
  if (endpoint.transport === "websocket" || addressOf(endpoint) === addressOf(from))
    return undefined;
  const isOurs = endpoint.host === domain || endpoint.host.endsWith(`.${domain}`);
  return isProved || isOurs || endpoint.host === from.host ? endpoint : undefined;
}
