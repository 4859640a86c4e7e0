/**
 * XEP-0292 vCard4 Over XMPP 0.12.0, https://xmpp.org/extensions/xep-0292.html
 * with the elements of RFC 6351, https://www.rfc-editor.org/rfc/rfc6351
 *
 * As with vcard-temp, a vCard is published as a whole (§3.2); what we do not know of it goes along.
 */
import { Element, clone } from "ltx";
import { appendChild, detached, onlyChild } from "./element.ts";
import { encodePublishPublic } from "./xep-0163-pep.ts";
import { oneLine, severalLines, stripInvalidXmlChars } from "./xml-text.ts";

export const VCARD4 = "urn:ietf:params:xml:ns:vcard-4.0";
/** The PEP node. */
export const VCARD4_NODE = "urn:xmpp:vcard4";

export type VCard4 = {
  fullName?: string | undefined;
  nickname?: string | undefined;
  note?: string | undefined;
  url?: string | undefined;
  /** RFC 6350 §6.1.4: "individual", "group", …; "application" for what is no person (§9). */
  kind?: string | undefined;
};

/** What is not named stays as it is; `null` takes it out. */
export type VCard4Change = { [Key in keyof VCard4]?: VCard4[Key] | null };

const MAX_NAME = 256;
const MAX_URL = 2_000;
const MAX_NOTE = 4_000;

/** A property's element and that of its value. */
const PROPERTIES = {
  fullName: ["fn", "text"],
  nickname: ["nickname", "text"],
  note: ["note", "text"],
  url: ["url", "uri"],
  kind: ["kind", "text"],
} as const satisfies Record<keyof VCard4, readonly [string, string]>;

/** The vCard in a pubsub item or an iq; undefined when there is none, or more than one. */
export function decodeVCard4(parent: Element): VCard4 | undefined {
  const vcard = onlyChild(parent, "vcard", VCARD4);
  if (!vcard) return undefined;
  const text = (key: keyof VCard4) => {
    const [name, value] = PROPERTIES[key];
    return vcard.getChild(name, VCARD4)?.getChild(value, VCARD4)?.getText();
  };
  return {
    fullName: oneLine(text("fullName"), MAX_NAME),
    nickname: oneLine(text("nickname"), MAX_NAME),
    note: severalLines(text("note"), MAX_NOTE),
    url: oneLine(text("url"), MAX_URL),
    kind: oneLine(text("kind"), MAX_NAME),
  };
}

/** The same as it stands, for `encodePublishVCard4`; undefined when there is none. */
export function decodeVCard4Document(parent: Element): Element | undefined {
  const vcard = onlyChild(parent, "vcard", VCARD4);
  return vcard && detached(vcard);
}

/** The iq that publishes our vCard: `document` with the change; undefined where we have none yet. It is left as it is. */
export function encodePublishVCard4(document: Element | undefined, change: VCard4Change): Element {
  const vcard = document ? clone(document) : new Element("vcard", { xmlns: VCARD4 });
  for (const key of Object.keys(PROPERTIES) as (keyof VCard4)[]) {
    const [name, type] = PROPERTIES[key];
    const value = change[key];
    if (value === undefined) continue;
    vcard.remove(name, VCARD4);
    if (value === null) continue;
    appendChild(appendChild(vcard, name), type).t(stripInvalidXmlChars(value));
  }
  return encodePublishPublic(VCARD4_NODE, "current", vcard);
}
