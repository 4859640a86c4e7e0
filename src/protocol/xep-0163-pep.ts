/**
 * XEP-0163 Personal Eventing Protocol 1.2.2, https://xmpp.org/extensions/xep-0163.html
 * Nodes of our own account that everybody may read, those included who are in a room with us.
 */
import type { Element } from "ltx";
import { encodeConfigure, encodePublish } from "./xep-0060-pubsub.ts";

/** A new node would be for those who have our presence only (§4.3.3). */
const PUBLIC_NODE = {
  "pubsub#persist_items": "true",
  "pubsub#access_model": "open",
};

/**
 * The iq that publishes one item for everybody. A node that is there already and is not for everybody is
 * refused with `conflict`: configure it, and publish again.
 */
export function encodePublishPublic(node: string, id: string, payload: Element): Element {
  return encodePublish(node, id, payload, PUBLIC_NODE);
}

/** The iq that opens our node to everybody. */
export function encodeConfigurePublic(node: string): Element {
  return encodeConfigure(node, PUBLIC_NODE);
}
