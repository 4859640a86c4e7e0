/**
 * Where the server is: what the operator wrote as `server`, or DNS (RFC 6120 §3.2, XEP-0368).
 */
import { Resolver } from "node:dns/promises";
import { isIP } from "node:net";
import { domainToASCII } from "node:url";
import { XmppConnectionError } from "../errors.ts";
import type { Endpoint, ServerAddress } from "./types.ts";

const STARTTLS_PORT = 5222;
const DIRECT_TLS_PORT = 5223;
const FORMS =
  'use "host", "host:port", "[ipv6]:port", "xmpp://host[:port]", "xmpps://host[:port]" or a "wss://" URL';

/**
 * Reads the `server` setting; absent or blank means discovery for `domain`.
 * A plain host or host:port means STARTTLS, as does `xmpp://`; `xmpps://` means direct TLS.
 * @returns `problem`, one sentence, when the text is none of the accepted forms
 */
export function parseServer(
  value: string | undefined,
  domain: string,
): ServerAddress | { problem: string } {
  const text = value?.trim();
  if (!text) return { kind: "discover", domain };
  const bareIpv6 = isIP(text) === 6;
  const url = URL.parse(text.includes("://") ? text : `xmpp://${bareIpv6 ? `[${text}]` : text}`);
  if (!url) return { problem: `${JSON.stringify(text)} is not a server; ${FORMS}` };
  if (url.username || url.password) {
    return { problem: `must not hold a user or password; ${FORMS}` };
  }
  switch (url.protocol) {
    case "ws:":
    case "wss:":
      if (url.hash) return { problem: "a WebSocket URL has no fragment" };
      return { kind: "endpoint", endpoint: { transport: "websocket", url: url.href } };
    case "xmpp:":
    case "xmpps:": {
      if ((url.pathname !== "" && url.pathname !== "/") || url.search || url.hash) {
        return { problem: `a host and a port, nothing after them; ${FORMS}` };
      }
      const host = toHost(url.hostname);
      if (!host) return { problem: `${JSON.stringify(text)} names no host; ${FORMS}` };
      const direct = url.protocol === "xmpps:";
      const port = url.port ? Number(url.port) : direct ? DIRECT_TLS_PORT : STARTTLS_PORT;
      if (port === 0) return { problem: "port 0 is not a port; use 1 to 65535" };
      return { kind: "endpoint", endpoint: { transport: direct ? "tls" : "tcp", host, port } };
    }
    default:
      return { problem: `${JSON.stringify(url.protocol)} is not a scheme of XMPP; ${FORMS}` };
  }
}

/** The host of a URL with a non-special scheme, where URL neither lower-cases nor checks it. */
function toHost(hostname: string): string | undefined {
  const ipv6 = /^\[(.+)\]$/.exec(hostname)?.[1];
  if (ipv6 !== undefined) return isIP(ipv6) === 6 ? ipv6 : undefined;
  let decoded: string;
  try {
    decoded = decodeURIComponent(hostname);
  } catch {
    return undefined; // a stray % is no host name
  }
  const ascii = domainToASCII(decoded);
  return /^[a-z0-9_.-]+$/.test(ascii) ? ascii : undefined;
}

/** As node:dns gives them. */
export type SrvRecord = { name: string; port: number; priority: number; weight: number };

export type SrvResolver = (name: string) => Promise<SrvRecord[]>;

/** Asks the system's name servers; `signal` cancels what is open. */
export function systemResolver(signal?: AbortSignal): SrvResolver {
  const resolver = new Resolver({ timeout: 2000, tries: 2 });
  signal?.addEventListener("abort", () => resolver.cancel(), { once: true });
  return (name) => resolver.resolveSrv(name);
}

/**
 * The endpoints to try, in this order. For discovery: the SRV records of both services merged by
 * priority, at random by weight within one (RFC 2782, XEP-0368), else the domain itself on 5222.
 * A DNS failure counts as "no records": the certificate decides whom we trust, not the DNS.
 * @param random a number in [0, 1)
 * @throws XmppConnectionError `dns` when the domain says that it offers no XMPP (target ".")
 */
export async function resolveEndpoints(
  address: ServerAddress,
  resolver: SrvResolver = systemResolver(),
  random: () => number = Math.random,
): Promise<Endpoint[]> {
  if (address.kind === "endpoint") return [address.endpoint];
  const domain = domainToASCII(address.domain) || address.domain.replace(/^\[(.*)\]$/, "$1");
  const fallback: Endpoint[] = [{ transport: "tcp", host: domain, port: STARTTLS_PORT }];
  // RFC 6761 §6.3: localhost is never looked up; an IP address has no SRV records.
  if (isIP(domain) !== 0 || domain === "localhost" || domain.endsWith(".localhost"))
    return fallback;
  const [direct, startTls] = await Promise.all([
    lookUp(resolver, `_xmpps-client._tcp.${domain}`),
    lookUp(resolver, `_xmpp-client._tcp.${domain}`),
  ]);
  const records = [
    ...direct.map((record) => ({ ...record, transport: "tls" as const })),
    ...startTls.map((record) => ({ ...record, transport: "tcp" as const })),
  ];
  if (records.length === 0) return fallback;
  const offered = records.filter((record) => !isRoot(record.name));
  if (offered.length === 0) {
    throw new XmppConnectionError("dns", `${domain} announces in DNS that it offers no XMPP`, {
      advice: "Check the domain of the account's JID, or set `server`.",
    });
  }
  return orderByPriority(offered, random).map(({ transport, name, port }) => ({
    transport,
    host: name.replace(/\.$/, ""),
    port,
  }));
}

async function lookUp(resolver: SrvResolver, name: string): Promise<SrvRecord[]> {
  try {
    return await resolver(name);
  } catch {
    return []; // no such name, or no answer: see above
  }
}

function isRoot(target: string): boolean {
  return target === "" || target === ".";
}

/** RFC 2782: lowest priority first; within one, drawn one after the other in proportion to weight. */
function orderByPriority<T extends SrvRecord>(records: T[], random: () => number): T[] {
  const ordered: T[] = [];
  const groups = Map.groupBy(records, (record) => record.priority);
  for (const priority of [...groups.keys()].toSorted((a, b) => a - b)) {
    // Weight 0 stands first, so that it keeps its "very small chance" when the draw is 0.
    const group = (groups.get(priority) ?? []).toSorted((a, b) => a.weight - b.weight);
    while (group.length > 0) {
      const total = group.reduce((sum, record) => sum + record.weight, 0);
      const draw = Math.floor(random() * (total + 1));
      let running = 0;
      const index = group.findIndex((record) => (running += record.weight) >= draw);
      ordered.push(...group.splice(Math.max(index, 0), 1));
    }
  }
  return ordered;
}

/** An endpoint as status and messages show it: `host:port`, or the URL without its query, which may hold a token. */
export function addressOf(endpoint: Endpoint): string {
  if (endpoint.transport === "websocket") return endpoint.url.replace(/\?.*/s, "");
  const { host, port } = endpoint;
  return host.includes(":") ? `[${host}]:${port}` : `${host}:${port}`;
}
