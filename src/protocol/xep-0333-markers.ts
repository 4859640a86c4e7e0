/**
 * XEP-0333 Displayed Markers 1.0.0, https://xmpp.org/extensions/xep-0333.html
 * Versions before 0.5 had two more markers, which clients still send.
 */
import { Element } from "ltx";
import { onlyChild, referredId } from "./element.ts";

export const MARKERS = "urn:xmpp:chat-markers:0";

export type Marker = {
  type: "received" | "displayed" | "acknowledged";
  /** In rooms the stanza id that the room gave, elsewhere the message's id. All before it are meant as well. */
  id: string;
};

/** The furthest first: of several it says the most. */
const TYPES: readonly Marker["type"][] = ["acknowledged", "displayed", "received"];

/** Whether the sender would hear that the message was displayed. */
export function hasMarkable(message: Element): boolean {
  return message.getChild("markable", MARKERS) !== undefined;
}

/** How far the sender has got with our messages. */
export function decodeMarker(message: Element): Marker | undefined {
  for (const type of TYPES) {
    const element = onlyChild(message, type, MARKERS);
    const id = element && referredId(element);
    if (id !== undefined) return { type, id };
  }
  return undefined;
}

export function encodeMarkable(): Element {
  return new Element("markable", MARKERS);
}

/** Tells that the message with that id, and all before it, were displayed. */
export function encodeDisplayed(id: string): Element {
  return new Element("displayed", { xmlns: MARKERS, id });
}
