/**
 * XEP-0156 Discovering Alternative XMPP Connection Methods 1.4.0, https://xmpp.org/extensions/xep-0156.html
 */
import { type Element, parse } from "ltx";
import { attribute } from "./element.ts";

const XRD = "http://docs.oasis-open.org/ns/xri/xrd-1.0";
const WEBSOCKET_REL = "urn:xmpp:alt-connections:websocket";
const MAX_LINKS = 20;

/**
 * The encrypted WebSocket addresses (RFC 7395) in a host-meta file, JSON (RFC 6415 Appendix A) or XML, in its
 * order; none where it is neither.
 */
export function parseHostMeta(text: string): string[] {
  const links = text.trimStart().startsWith("{") ? jsonLinks(text) : xmlLinks(text);
  return links
    .filter(({ rel }) => rel === WEBSOCKET_REL)
    .flatMap(({ href }) => {
      const url = URL.parse(href);
      // As a URL is written: whatever else stands in the file is not shown to anybody.
      return url?.protocol === "wss:" ? [url.href] : [];
    })
    .slice(0, MAX_LINKS);
}

type Link = { rel: string; href: string };

function jsonLinks(text: string): Link[] {
  let read: unknown;
  try {
    read = JSON.parse(text);
  } catch {
    return []; // no host-meta, then
  }
  const links = typeof read === "object" && read !== null && "links" in read ? read.links : [];
  if (!Array.isArray(links)) return [];
  return links.flatMap((link: unknown) => {
    if (typeof link !== "object" || link === null || !("rel" in link) || !("href" in link))
      return [];
    const { rel, href } = link;
    return typeof rel === "string" && typeof href === "string" ? { rel, href } : [];
  });
}

function xmlLinks(text: string): Link[] {
  let root: Element;
  try {
    root = parse(text);
  } catch {
    return []; // no host-meta, then
  }
  if (!root.is("XRD", XRD)) return [];
  return root.getChildren("Link", XRD).flatMap((link) => {
    const rel = attribute(link, "rel");
    const href = attribute(link, "href");
    return rel && href ? { rel, href } : [];
  });
}
