/**
 * XEP-0030 Service Discovery 2.5.0, https://xmpp.org/extensions/xep-0030.html
 * with the result forms of XEP-0128 1.0.1, https://xmpp.org/extensions/xep-0128.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { type FullJid, parseJid } from "./jid.ts";

export const DISCO_INFO = "http://jabber.org/protocol/disco#info";
export const DISCO_ITEMS = "http://jabber.org/protocol/disco#items";
const DATA_FORM = "jabber:x:data";

export type DiscoIdentity = {
  category: string;
  type: string;
  name?: string | undefined;
  lang?: string | undefined;
};

/** An XEP-0128 form; `fields` leaves out FORM_TYPE itself. */
export type DiscoForm = { formType: string; fields: { name: string; values: string[] }[] };

export type DiscoInfo = {
  node?: string | undefined;
  identities: DiscoIdentity[];
  features: string[];
  forms: DiscoForm[];
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
  for (const form of info.forms) query.append(encodeForm(form));
  return query;
}

function encodeForm(form: DiscoForm): Element {
  const x = new Element("x", { xmlns: DATA_FORM, type: "result" });
  x.c("field", { var: "FORM_TYPE", type: "hidden" }).c("value").t(form.formType);
  for (const { name, values } of form.fields) {
    const field = x.c("field", { var: name });
    for (const value of values) field.c("value").t(value);
  }
  return x;
}

/** What an iq with a disco#info answer says; undefined when it holds none. Nameless entries are left out. */
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

/** A form counts only when a hidden FORM_TYPE field says what it is about (XEP-0115 §5.4). */
function decodeForm(x: Element): DiscoForm | undefined {
  let formType: string | undefined;
  const fields: DiscoForm["fields"] = [];
  for (const field of x.getChildren("field", DATA_FORM)) {
    const name = attribute(field, "var");
    if (!name) continue;
    const values = field.getChildren("value", DATA_FORM).map((value) => value.getText());
    if (name !== "FORM_TYPE") fields.push({ name, values });
    else if (attribute(field, "type") === "hidden") formType = values[0];
  }
  return formType === undefined ? undefined : { formType, fields };
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
