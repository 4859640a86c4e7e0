/**
 * XEP-0308 Last Message Correction 1.2.1, https://xmpp.org/extensions/xep-0308.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";

export const CORRECTION = "urn:xmpp:message-correct:0";

/** The id of the first version of the message that this one replaces. */
export function decodeReplaceId(message: Element): string | undefined {
  const replace = message.getChild("replace", CORRECTION);
  return (replace && attribute(replace, "id")) || undefined;
}

export function encodeReplaceId(id: string): Element {
  return new Element("replace", { xmlns: CORRECTION, id });
}
