/**
 * XEP-0439 Quick Response 0.1.0, https://xmpp.org/extensions/xep-0439.html
 * Responses only. Nothing announces them: a client that does not know them shows the text, and a response that is
 * chosen is a message like any other.
 */
import { Element } from "ltx";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const QUICK_RESPONSE = "urn:xmpp:tmp:quick-response";

export type QuickResponse = {
  /** What the client sends as the body where this one is chosen. */
  value: string;
  /** What it shows in place of that. */
  label?: string | undefined;
};

/** More would be no quick choice. */
const MAX_RESPONSES = 25;

/** The `<response/>` elements, 25 at most; of several with one value, or one label, the first (§4.1). */
export function encodeQuickResponses(responses: readonly QuickResponse[]): Element[] {
  const values = new Set<string>();
  const labels = new Set<string>();
  const elements: Element[] = [];
  for (const each of responses) {
    const value = stripInvalidXmlChars(each.value).trim();
    const label = stripInvalidXmlChars(each.label ?? "").trim();
    if (value === "" || values.has(value) || labels.has(label || value)) continue;
    values.add(value);
    labels.add(label || value);
    const attributes = { xmlns: QUICK_RESPONSE, value, ...(label ? { label } : {}) };
    elements.push(new Element("response", attributes));
    if (elements.length === MAX_RESPONSES) break;
  }
  return elements;
}
