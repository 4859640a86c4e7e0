/**
 * XEP-0334 Message Processing Hints 1.0.0, https://xmpp.org/extensions/xep-0334.html
 */
import { Element } from "ltx";

export const HINTS = "urn:xmpp:hints";

export type Hint = "no-permanent-store" | "no-store" | "no-copy" | "store";

const ALL: readonly Hint[] = ["no-permanent-store", "no-store", "no-copy", "store"];

export function decodeHints(message: Element): Hint[] {
  return ALL.filter((hint) => message.getChild(hint, HINTS) !== undefined);
}

export function encodeHint(hint: Hint): Element {
  return new Element(hint, HINTS);
}
