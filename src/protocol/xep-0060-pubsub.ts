/**
 * XEP-0060 Publish-Subscribe 1.30.0, https://xmpp.org/extensions/xep-0060.html
 * as far as a node of one's own account needs it (XEP-0163 1.2.2, XEP-0223 1.1.1).
 */
import { Element } from "ltx";
import { attribute, onlyChild } from "./element.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import { encodeForm } from "./xep-0004-forms.ts";

export const PUBSUB = "http://jabber.org/protocol/pubsub";
export const PUBSUB_EVENT = "http://jabber.org/protocol/pubsub#event";
const PUBLISH_OPTIONS = "http://jabber.org/protocol/pubsub#publish-options";

/** The iq that asks our account for all items of a node (§6.5.2). */
export function encodeItemsRequest(node: string): Element {
  const pubsub = new Element("pubsub", { xmlns: PUBSUB });
  pubsub.c("items", { node });
  return encodeRequest("get", pubsub);
}

/** The items that answer it; none when the iq has no such node. */
export function decodeItems(iq: Element, node: string): Element[] {
  const pubsub = iq.getChild("pubsub", PUBSUB);
  const items = pubsub && onlyChild(pubsub, "items", PUBSUB);
  return items && attribute(items, "node") === node ? items.getChildren("item", PUBSUB) : [];
}

/**
 * The iq that publishes one item (§7.1). It is refused with `conflict` and `precondition-not-met` where
 * the node is not configured as `options` say (§7.1.5), so that nothing private becomes public.
 */
export function encodePublish(
  node: string,
  id: string,
  payload: Element,
  options: Readonly<Record<string, string>>,
): Element {
  const pubsub = new Element("pubsub", { xmlns: PUBSUB });
  pubsub.c("publish", { node }).c("item", { id }).append(payload);
  const fields = Object.entries(options).map(([name, value]) => ({ name, values: [value] }));
  pubsub.c("publish-options").append(encodeForm("submit", { formType: PUBLISH_OPTIONS, fields }));
  return encodeRequest("set", pubsub);
}

/** The iq that deletes one item and has everybody told who wants to know (§7.2). */
export function encodeRetract(node: string, id: string): Element {
  const pubsub = new Element("pubsub", { xmlns: PUBSUB });
  pubsub.c("retract", { node, notify: "true" }).c("item", { id });
  return encodeRequest("set", pubsub);
}

/** What a notification says of a node's items; `retracted` are item ids. */
export type ItemsEvent = { items: Element[]; retracted: string[] };

/**
 * The notification of a change in `node` (§7.1.2.1, §7.2.2.1); undefined when the message is none.
 * Anybody may send one: ask first whether `from` is the owner of the node.
 */
export function decodeItemsEvent(message: Element, node: string): ItemsEvent | undefined {
  if (attribute(message, "type") === "error") return undefined;
  const event = onlyChild(message, "event", PUBSUB_EVENT);
  const items = event && onlyChild(event, "items", PUBSUB_EVENT);
  if (!items || attribute(items, "node") !== node) return undefined;
  const retracted = items.getChildren("retract", PUBSUB_EVENT);
  return {
    items: items.getChildren("item", PUBSUB_EVENT),
    retracted: retracted.flatMap((retract) => attribute(retract, "id") || []),
  };
}
