/**
 * Entries of `allowFrom`, `groupAllowFrom` and a room's `users`.
 *
 * | entry             | lets in                                                    |
 * | ----------------- | ---------------------------------------------------------- |
 * | `alice@host`      | this bare JID, from any of its devices                     |
 * | `*@host`          | every account of this domain, not of its subdomains        |
 * | `*`               | everybody                                                  |
 * | `xmpp:…`, `jabber:…` | the same, with the prefix that other programs write     |
 * | anything else     | nobody                                                     |
 *
 * An entry with a resource is nobody's: an operator who names one device would not expect the whole
 * account to be let in, and a sender's resource proves nothing. A bare domain is nobody's either,
 * because it could be meant as `*@host`; a bare-domain sender is not a person and only matches `*`.
 */
import { parseJid, prepareDomain, type BareJid } from "../protocol/jid.ts";

export type AllowEntry =
  { kind: "jid"; jid: BareJid } | { kind: "domain"; domain: string } | { kind: "any" };

const PREFIX = /^(?:xmpp|jabber):/i;

/** What an entry means; undefined when it lets nobody in. Blanks around it do not count. */
export function parseAllowEntry(text: string): AllowEntry | undefined {
  const entry = text.trim().replace(PREFIX, "");
  if (entry === "*") return { kind: "any" };
  if (entry.startsWith("*@")) {
    const domain = prepareDomain(entry.slice(2));
    return domain === undefined ? undefined : { kind: "domain", domain };
  }
  // A star elsewhere would be legal in a JID, but it is meant as a pattern that we do not have.
  if (entry.includes("*")) return undefined;
  const jid = parseJid(entry);
  if (jid?.local === undefined || jid.resource !== undefined) return undefined;
  return { kind: "jid", jid: jid.bare };
}

/** The one spelling of an entry, to store and to compare; "" when it lets nobody in. */
export function normalizeAllowEntry(text: string): string {
  const entry = parseAllowEntry(text);
  if (!entry) return "";
  if (entry.kind === "any") return "*";
  return entry.kind === "domain" ? `*@${entry.domain}` : entry.jid;
}

/** Whether one of `entries` lets `jid` in. An empty list lets nobody in. */
export function matchesAllowlist(entries: readonly string[], jid: BareJid): boolean {
  const sender = parseJid(jid);
  if (!sender) return false;
  return entries.some((text) => {
    const entry = parseAllowEntry(text);
    switch (entry?.kind) {
      case "any":
        return true;
      case "domain":
        return sender.local !== undefined && sender.domain === entry.domain;
      case "jid":
        return sender.bare === entry.jid;
      default:
        return false;
    }
  });
}
