/**
 * XEP-0422 Message Fastening 0.2.0, https://xmpp.org/extensions/xep-0422.html
 * as far as retraction and moderation used it before they did without.
 */
import { Element } from "ltx";
import { onlyChild, referredId } from "./element.ts";

export const FASTENING = "urn:xmpp:fasten:0";

/** `id` of the message that something is fastened to; `element` holds what it is. */
export type Fastening = { id: string; element: Element };

/** What a message fastens to another; undefined when it is nothing, or several things. */
export function decodeFastening(message: Element): Fastening | undefined {
  const element = onlyChild(message, "apply-to", FASTENING);
  const id = element && referredId(element);
  return element && id !== undefined ? { id, element } : undefined;
}

export function encodeFastening(id: string, child: Element): Element {
  const element = new Element("apply-to", { xmlns: FASTENING, id });
  element.append(child);
  return element;
}
