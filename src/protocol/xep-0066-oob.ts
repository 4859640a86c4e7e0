/**
 * XEP-0066 Out of Band Data 1.5, https://xmpp.org/extensions/xep-0066.html
 * Only the form inside a message (§3) is read.
 */
import type { Element } from "ltx";

export const OOB = "jabber:x:oob";

/** The URLs that a message hands over; not checked in any way. */
export function decodeOobUrls(message: Element): string[] {
  return message.getChildren("x", OOB).flatMap((oob) => oob.getChildText("url", OOB)?.trim() || []);
}
