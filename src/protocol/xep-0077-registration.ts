/**
 * XEP-0077 In-Band Registration 2.4, https://xmpp.org/extensions/xep-0077.html
 */
import { Element } from "ltx";
import { childText } from "./element.ts";
import { type FormField, decodeFormFields } from "./xep-0004-form-fields.ts";
import { DATA_FORM } from "./xep-0004-forms.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const REGISTER = "jabber:iq:register";
const REGISTER_FEATURE = "http://jabber.org/features/iq-register";
const OOB = "jabber:x:oob";
const MAX_TEXT = 2_000;

/** The elements of §14.1 that ask something; the order is theirs in the schema. */
const LEGACY_FIELDS = [
  "username",
  "nick",
  "password",
  "name",
  "first",
  "last",
  "email",
  "address",
  "city",
  "state",
  "zip",
  "phone",
  "url",
  "date",
  "misc",
  "text",
] as const;

/** What a server wants to know before it makes an account. */
export type RegistrationOffer = {
  /** `form`: answers go into a data form; `fields`: into elements of their own (§3.1.1). */
  kind: "form" | "fields";
  instructions?: string | undefined;
  fields: FormField[];
  /** A web page for it (§5). */
  url?: string | undefined;
};

/** Whether the stream's features offer registration (§8). */
export function hasRegistration(features: Element): boolean {
  return features.getChild("register", REGISTER_FEATURE) !== undefined;
}

/** The empty `<query/>` that asks what is needed. */
export function encodeRegistrationQuery(): Element {
  return new Element("query", { xmlns: REGISTER });
}

/** What an iq with the answer asks for; undefined when it holds none. A form goes before the fields. */
export function decodeRegistration(iq: Element): RegistrationOffer | undefined {
  const query = iq.getChild("query", REGISTER);
  if (!query) return undefined;
  const url = childText(query.getChild("x", OOB) ?? query, "url", OOB)?.slice(0, MAX_TEXT);
  const form = query.getChild("x", DATA_FORM);
  const said =
    (form && childText(form, "instructions", DATA_FORM)) ??
    childText(query, "instructions", REGISTER);
  const instructions = said?.slice(0, MAX_TEXT);
  if (form) return { kind: "form", instructions, fields: decodeFormFields(form), url };
  const fields = LEGACY_FIELDS.filter((name) => query.getChild(name, REGISTER)).map((name) => ({
    name,
    type: name === "password" ? "text-private" : "text-single",
    // §3.1.1: every element that stands in the answer has to be given.
    isRequired: true,
    values: [],
    options: [],
    hasMedia: false,
  }));
  return { kind: "fields", instructions, fields, url };
}

/** The `<query/>` that hands the answers in, by the fields' names; a hidden field goes back as it came. */
export function encodeRegistration(
  offer: RegistrationOffer,
  answers: ReadonlyMap<string, readonly string[]>,
): Element {
  const query = encodeRegistrationQuery();
  const parent = offer.kind === "form" ? query.c("x", { xmlns: DATA_FORM, type: "submit" }) : query;
  for (const { name, type, values } of offer.fields) {
    const given = answers.get(name) ?? (type === "hidden" ? values : undefined);
    if (name === "" || given === undefined) continue;
    if (offer.kind === "fields") query.c(name).t(stripInvalidXmlChars(given[0] ?? ""));
    else {
      const field = parent.c("field", { var: name, type });
      for (const value of given) field.c("value").t(stripInvalidXmlChars(value));
    }
  }
  return query;
}

/** The `<query/>` by which an account that is logged in ends itself (§3.2). */
export function encodeRegistrationRemoval(): Element {
  const query = encodeRegistrationQuery();
  query.c("remove");
  return query;
}
