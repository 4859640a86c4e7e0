/**
 * XEP-0060 Publish-Subscribe 1.30.0, https://xmpp.org/extensions/xep-0060.html
 * as far as a node of one's own account needs it (XEP-0163 1.2.2, XEP-0223 1.1.1).
 */
import { Element } from "ltx";
import { attribute, onlyChild } from "./element.ts";
import type { BareJid } from "./jid.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import { encodeForm } from "./xep-0004-forms.ts";

export const PUBSUB = "http://jabber.org/protocol/pubsub";
const PUBSUB_OWNER = "http://jabber.org/protocol/pubsub#owner";
export const PUBSUB_EVENT = "http://jabber.org/protocol/pubsub#event";
const NODE_CONFIG = "http://jabber.org/protocol/pubsub#node_config";
/** Also the feature of a server that heeds them. */
export const PUBLISH_OPTIONS = "http://jabber.org/protocol/pubsub#publish-options";

/** The iq that asks for all items of a node (§6.5.2), or for one of them (§6.5.8): of our account, or of `to`. */
export function encodeItemsRequest(
  node: string,
  { to, id }: { to?: BareJid | undefined; id?: string | undefined } = {},
): Element {
  const pubsub = new Element("pubsub", { xmlns: PUBSUB });
  const items = pubsub.c("items", { node });
  if (id !== undefined) items.c("item", { id });
  return encodeRequest("get", pubsub, to);
}

/** The items that answer it, of whomever was asked; undefined when the iq has no such node, which is not an empty one. */
export function decodeItems(iq: Element, node: string): Element[] | undefined {
  const pubsub = iq.getChild("pubsub", PUBSUB);
  const items = pubsub && onlyChild(pubsub, "items", PUBSUB);
  return items && attribute(items, "node") === node ? items.getChildren("item", PUBSUB) : undefined;
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
  pubsub.c("publish-options").append(encodeOptions(PUBLISH_OPTIONS, options));
  return encodeRequest("set", pubsub);
}

/** The iq by which the owner configures a node (§8.2.4), with the same options. */
export function encodeConfigure(node: string, options: Readonly<Record<string, string>>): Element {
  const pubsub = new Element("pubsub", { xmlns: PUBSUB_OWNER });
  pubsub.c("configure", { node }).append(encodeOptions(NODE_CONFIG, options));
  return encodeRequest("set", pubsub);
}

function encodeOptions(formType: string, options: Readonly<Record<string, string>>): Element {
  const fields = Object.entries(options).map(([name, value]) => ({ name, values: [value] }));
  return encodeForm("submit", { formType, fields });
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

/** Whether the message tells that all items are gone, or the node with them (§8.4.2, §8.5.2). Anybody may send one. */
export function isNodeEmptied(message: Element, node: string): boolean {
  if (attribute(message, "type") === "error") return false;
  const event = onlyChild(message, "event", PUBSUB_EVENT);
  const emptied = ["purge", "delete"].map((name) => event?.getChild(name, PUBSUB_EVENT));
  return emptied.some((element) => element && attribute(element, "node") === node);
}
