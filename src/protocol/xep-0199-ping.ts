/**
 * XEP-0199 XMPP Ping 2.0.1, https://xmpp.org/extensions/xep-0199.html
 */
import { Element } from "ltx";
import { decodeRequest } from "./rfc-6120-iq.ts";

export const PING = "urn:xmpp:ping";

/** The payload of a ping; the answer has none. */
export function encodePing(): Element {
  return new Element("ping", { xmlns: PING });
}

/** Whether the iq is a ping. */
export function isPing(iq: Element): boolean {
  return decodeRequest(iq, "get", "ping", PING) !== undefined;
}
