/**
 * XEP-0030 Service Discovery 2.5.0, https://xmpp.org/extensions/xep-0030.html
 * with the result forms of XEP-0128 1.0.1, https://xmpp.org/extensions/xep-0128.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { type FullJid, parseJid } from "./jid.ts";
import { type DataForm, DATA_FORM, decodeForm, encodeForm } from "./xep-0004-forms.ts";

export const DISCO_INFO = "http://jabber.org/protocol/disco#info";
export const DISCO_ITEMS = "http://jabber.org/protocol/disco#items";

export type DiscoIdentity = {
  category: string;
  type: string;
  name?: string | undefined;
  lang?: string | undefined;
};

export type DiscoInfo = {
  node?: string | undefined;
  identities: DiscoIdentity[];
  features: string[];
  forms: DataForm[];
};

export type DiscoItem = { jid: FullJid; node?: string | undefined; name?: string | undefined };

/** The empty `<query/>` that asks. */
export function encodeDiscoQuery(
  xmlns: typeof DISCO_INFO | typeof DISCO_ITEMS,
  node?: string | undefined,
): Element {
  return new Element("query", { xmlns, ...(node === undefined ? {} : { node }) });
}

/** The `<query/>` that answers disco#info. */
export function encodeDiscoInfo(info: DiscoInfo): Element {
  const query = encodeDiscoQuery(DISCO_INFO, info.node);
  for (const { category, type, name, lang } of info.identities) {
    const identity = query.c("identity", { category, type });
    if (name !== undefined) identity.attrs["name"] = name;
    if (lang !== undefined) identity.attrs["xml:lang"] = lang;
  }
  for (const feature of info.features) query.c("feature", { var: feature });
  for (const form of info.forms) query.append(encodeForm("result", form));
  return query;
}

/** What an iq with a disco#info answer says; undefined when it holds none. Nameless entries and untyped forms are left out. */
export function decodeDiscoInfo(iq: Element): DiscoInfo | undefined {
  const query = iq.getChild("query", DISCO_INFO);
  if (!query) return undefined;
  const identities: DiscoIdentity[] = [];
  for (const identity of query.getChildren("identity", DISCO_INFO)) {
    const category = attribute(identity, "category");
    const type = attribute(identity, "type");
    if (!category || !type) continue;
    const name = attribute(identity, "name");
    identities.push({ category, type, name, lang: attribute(identity, "xml:lang") });
  }
  const features = query
    .getChildren("feature", DISCO_INFO)
    .flatMap((feature) => attribute(feature, "var") || []);
  const forms = query
    .getChildren("x", DATA_FORM)
    .map(decodeForm)
    .filter((form) => form !== undefined);
  return { node: attribute(query, "node"), identities, features, forms };
}

/** The `<query/>` that answers disco#items. */
export function encodeDiscoItems(items: readonly DiscoItem[], node?: string | undefined): Element {
  const query = encodeDiscoQuery(DISCO_ITEMS, node);
  for (const item of items) {
    const element = query.c("item", { jid: item.jid });
    if (item.node !== undefined) element.attrs["node"] = item.node;
    if (item.name !== undefined) element.attrs["name"] = item.name;
  }
  return query;
}

/** The items of a disco#items answer; undefined when the iq holds none. Items without a valid JID are left out. */
export function decodeDiscoItems(iq: Element): DiscoItem[] | undefined {
  const query = iq.getChild("query", DISCO_ITEMS);
  if (!query) return undefined;
  const items: DiscoItem[] = [];
  for (const item of query.getChildren("item", DISCO_ITEMS)) {
    const jid = parseJid(attribute(item, "jid") ?? "");
    if (!jid) continue;
    items.push({ jid: jid.full, node: attribute(item, "node"), name: attribute(item, "name") });
  }
  return items;
}
