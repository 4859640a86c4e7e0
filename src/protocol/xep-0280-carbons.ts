/**
 * XEP-0280 Message Carbons 1.0.1, https://xmpp.org/extensions/xep-0280.html
 */
import { Element } from "ltx";

export const CARBONS = "urn:xmpp:carbons:2";

/** Any version of a wrapper that shows somebody else's message: carbon, archive result (XEP-0313), plain forward. */
const WRAPPER = /^urn:xmpp:(?:carbons|mam|forward):/;

/** Whether the message wraps another one. What is inside was not said by the one in `from`. */
export function hasForwarded(message: Element): boolean {
  return message
    .getChildElements()
    .some((child) => WRAPPER.test(child.getNS() ?? "") && !isArchiveMark(child));
}

/** What ejabberd puts on every message that it archives (`urn:xmpp:mam:tmp`, XEP-0313 0.2): it wraps nothing. */
function isArchiveMark(child: Element): boolean {
  return child.getName() === "archived" && child.getChildElements().length === 0;
}

/** The payload of the request that switches carbons on or off for this resource. */
export function encodeCarbons(action: "enable" | "disable"): Element {
  return new Element(action, CARBONS);
}
