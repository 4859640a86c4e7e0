/**
 * XEP-0184 Message Delivery Receipts 1.4.0, https://xmpp.org/extensions/xep-0184.html
 */
import { Element } from "ltx";
import { onlyChild, referredId } from "./element.ts";

export const RECEIPTS = "urn:xmpp:receipts";

/** Whether the sender wants to hear that the message arrived; without an id of the message there is nothing to say. */
export function hasReceiptRequest(message: Element): boolean {
  return message.getChild("request", RECEIPTS) !== undefined;
}

/** The id of the message that arrived at the sender of this one; undefined for none, and for several. */
export function decodeReceipt(message: Element): string | undefined {
  const received = onlyChild(message, "received", RECEIPTS);
  return received && referredId(received);
}

export function encodeReceiptRequest(): Element {
  return new Element("request", RECEIPTS);
}

export function encodeReceipt(id: string): Element {
  return new Element("received", { xmlns: RECEIPTS, id });
}
