/**
 * xmpp: URIs: RFC 5122, https://www.rfc-editor.org/rfc/rfc5122
 */
import { parseJid, type FullJid } from "./jid.ts";

export type XmppUri = {
  /** Still percent-encoded: a JID, see `decodePath`. */
  path: string;
  /** What to do there ("message", "join"), in lower case; empty when nothing is said. */
  action: string;
};

/** The parts of a URI (§2.2); undefined for another scheme. "authority": it names the account to act from. */
export function splitXmppUri(text: string): XmppUri | "authority" | undefined {
  if (!/^xmpp:/i.test(text)) return undefined;
  const [uri = ""] = text.slice("xmpp:".length).split("#", 1);
  const query = uri.indexOf("?");
  const path = query < 0 ? uri : uri.slice(0, query);
  if (path.startsWith("//")) return "authority";
  const action = query < 0 ? "" : (uri.slice(query + 1).split(";", 1)[0] ?? "").toLowerCase();
  return { path, action };
}

/**
 * The text of the JID in a path; undefined when a "%" does not begin an escape. It is decoded part by
 * part, so that an encoded "@" or "/" makes no JID of the whole and does not divide anew.
 */
export function decodePath(path: string): string | undefined {
  const slash = path.indexOf("/");
  const address = slash < 0 ? path : path.slice(0, slash);
  try {
    const parts = address.split("@").map(decodeURIComponent);
    if (parts.some((part) => /[@/]/.test(part))) return parts.join("@").replace(/[@/]/g, " ");
    const resource = slash < 0 ? "" : `/${decodeURIComponent(path.slice(slash + 1))}`;
    return parts.join("@") + resource;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The JID that a URI names, whatever it says to do there; undefined when it names none. */
export function parseXmppUri(text: string): FullJid | undefined {
  const uri = splitXmppUri(text);
  if (uri === undefined || uri === "authority") return undefined;
  return parseJid(decodePath(uri.path) ?? "")?.full;
}

/** The `xmpp:` URI of a JID (§2.7), which `parseXmppUri` reads back to the same JID. */
export function toXmppUri(jid: FullJid): string {
  const slash = jid.indexOf("/");
  const address = slash < 0 ? jid : jid.slice(0, slash);
  const bare = address.split("@").map(encodePart).join("@");
  return slash < 0 ? `xmpp:${bare}` : `xmpp:${bare}/${encodePart(jid.slice(slash + 1))}`;
}

/** What RFC 5122 leaves as it is, besides letters and digits of ASCII. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replace(
    /%(?:21|24|28|29|2A|2B|2C|3B|3D|5B|5D)/gi,
    decodeURIComponent,
  );
}
