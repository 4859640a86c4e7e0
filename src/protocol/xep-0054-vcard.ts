/**
 * XEP-0054 vcard-temp 1.3.0, https://xmpp.org/extensions/xep-0054.html
 *
 * A vCard is replaced as a whole (§3.3), so a change is read, change, write; whatever stands in it that we do
 * not know goes along.
 */
import { Element, clone } from "ltx";
import { appendChild, detached, onlyChild } from "./element.ts";
import type { FullJid } from "./jid.ts";
import { parseBase64, toBase64 } from "./rfc-4648-base64.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import { oneLine, severalLines, stripInvalidXmlChars } from "./xml-text.ts";

export const VCARD_TEMP = "vcard-temp";

/** What somebody says of themselves. */
export type VCard = {
  fullName?: string | undefined;
  nickname?: string | undefined;
  url?: string | undefined;
  description?: string | undefined;
  photo?: VCardPhoto | undefined;
};

/** `type` is a hint that the octets may belie (XEP-0153 §4.6). */
export type VCardPhoto = { type?: string | undefined; bytes: Buffer };

/** What is not named stays as it is; `null` takes it out. */
export type VCardChange = { [Key in keyof VCard]?: VCard[Key] | null };

const MAX_NAME = 256;
const MAX_URL = 2_000;
const MAX_DESCRIPTION = 4_000;
/** 8 KiB are asked for (XEP-0153 §4.4), and many send more. */
const MAX_PHOTO_BYTES = 512 * 1024;

/** The iq that asks for a vCard: our own account's, or that of a person, an occupant or a room. */
export function encodeVCardRequest(to?: FullJid): Element {
  return encodeRequest("get", new Element("vCard", { xmlns: VCARD_TEMP }), to);
}

/** The vCard that answers it; all absent in an empty one, undefined when the iq holds none. */
export function decodeVCard(iq: Element): VCard | undefined {
  const vCard = onlyChild(iq, "vCard", VCARD_TEMP);
  if (!vCard) return undefined;
  const line = (name: string, maxLength: number) => oneLine(textOf(vCard, name), maxLength);
  return {
    fullName: line("FN", MAX_NAME),
    nickname: line("NICKNAME", MAX_NAME),
    url: line("URL", MAX_URL),
    description: severalLines(textOf(vCard, "DESC"), MAX_DESCRIPTION),
    photo: decodePhoto(vCard),
  };
}

/** The same as it stands, for `encodeVCardChange`; undefined when the iq holds none. */
export function decodeVCardDocument(iq: Element): Element | undefined {
  const vCard = onlyChild(iq, "vCard", VCARD_TEMP);
  return vCard && detached(vCard);
}

function textOf(parent: Element, name: string): string | undefined {
  return parent.getChild(name, VCARD_TEMP)?.getText();
}

function decodePhoto(vCard: Element): VCardPhoto | undefined {
  const photo = vCard.getChild("PHOTO", VCARD_TEMP);
  const bytes = photo && parseBase64(textOf(photo, "BINVAL") ?? "", MAX_PHOTO_BYTES);
  if (!bytes || bytes.length === 0) return undefined;
  const type = textOf(photo, "TYPE")?.trim().toLowerCase() ?? "";
  return { type: /^image\/[a-z0-9.+-]{1,60}$/.test(type) ? type : undefined, bytes };
}

/** The iq that writes our vCard: `document` with the change; undefined where we have none yet. It is left as it is. */
export function encodeVCardChange(document: Element | undefined, change: VCardChange): Element {
  const vCard = document ? clone(document) : new Element("vCard", { xmlns: VCARD_TEMP });
  replace(vCard, "FN", change.fullName);
  replace(vCard, "NICKNAME", change.nickname);
  replace(vCard, "URL", change.url);
  replace(vCard, "DESC", change.description);
  if (change.photo !== undefined) vCard.remove("PHOTO", VCARD_TEMP);
  if (change.photo) {
    const photo = appendChild(vCard, "PHOTO");
    if (change.photo.type !== undefined) appendChild(photo, "TYPE").t(change.photo.type);
    appendChild(photo, "BINVAL").t(toBase64(change.photo.bytes));
  }
  return encodeRequest("set", vCard);
}

function replace(vCard: Element, name: string, value: string | null | undefined): void {
  if (value === undefined) return;
  vCard.remove(name, VCARD_TEMP);
  if (value !== null) appendChild(vCard, name).t(stripInvalidXmlChars(value));
}
