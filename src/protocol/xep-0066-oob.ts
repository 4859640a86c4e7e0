/**
 * XEP-0066 Out of Band Data 1.5, https://xmpp.org/extensions/xep-0066.html
 * Only the form inside a message (§3).
 */
import { Element } from "ltx";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const OOB = "jabber:x:oob";

const MAX_URLS = 20;
const MAX_URL_LENGTH = 8000;

/** The URLs that a message hands over, 20 at most; not checked in any other way. */
export function decodeOobUrls(message: Element): string[] {
  return message
    .getChildren("x", OOB)
    .slice(0, MAX_URLS)
    .flatMap((oob) => oob.getChildText("url", OOB)?.trim() || [])
    .filter((url) => url.length <= MAX_URL_LENGTH);
}

/**
 * The URL to hand over. Clients show the file in place of the text only where the body is the same URL and
 * nothing else.
 */
export function encodeOobUrl(url: string, description?: string | undefined): Element {
  const oob = new Element("x", { xmlns: OOB });
  oob.c("url").t(stripInvalidXmlChars(url));
  if (description !== undefined) oob.c("desc").t(stripInvalidXmlChars(description));
  return oob;
}
