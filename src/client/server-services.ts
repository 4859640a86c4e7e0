/**
 * The services that our own server announces as its own (XEP-0030 §3.2, disco#items of its domain):
 * asked for after each login, kept while offline.
 */
import { messageOf } from "../errors.ts";
import { parseJid, type FullJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { DISCO_ITEMS, decodeDiscoItems, encodeDiscoQuery } from "../protocol/xep-0030-disco.ts";
import type { Logger, XmppSession } from "./types.ts";

export type ServerServices = {
  /** Domains, our server's own among them. */
  domains(): ReadonlySet<string>;
  /** Resolves when the answer to the last question is there, or will not come. */
  settled(): Promise<void>;
  stop(): void;
};

const MAX_SERVICES = 200;

/** `domain`: of our own account. */
export function createServerServices(
  session: XmppSession,
  domain: string,
  log: Logger,
): ServerServices {
  let domains: ReadonlySet<string> = new Set([domain]);
  let asking: Promise<void> = Promise.resolve();

  async function ask(): Promise<void> {
    // A bare domain is a JID (RFC 7622 §3.1).
    const iq = encodeRequest("get", encodeDiscoQuery(DISCO_ITEMS), domain as FullJid);
    try {
      const items = decodeDiscoItems(await session.request(iq)) ?? [];
      const found = items.slice(0, MAX_SERVICES).flatMap(({ jid, node }) => {
        const service = parseJid(jid);
        return service && service.local === undefined && node === undefined ? service.domain : [];
      });
      domains = new Set([domain, ...found]);
    } catch (error) {
      log.debug?.(`${domain} does not tell its services: ${messageOf(error)}`);
    }
  }

  const stop = session.onState(({ kind }) => {
    if (kind === "online") asking = ask();
  });
  return { domains: () => domains, settled: () => asking, stop };
}
