/**
 * XEP-0153 vCard-Based Avatars 1.1.1, https://xmpp.org/extensions/xep-0153.html
 */
import { Element } from "ltx";
import { childText, onlyChild } from "./element.ts";

export const VCARD_UPDATE = "vcard-temp:x:update";

/** What a presence says of the photo in its sender's vCard; `photo` is absent where there is none. */
export type VCardUpdate = {
  /** SHA-1 of the octets, in lower-case hexadecimal digits, as in XEP-0084. */
  photo?: string | undefined;
};

/** undefined when the presence leaves open whether there is a photo (§4.1.2), or says something else than a hash. */
export function decodeVCardUpdate(presence: Element): VCardUpdate | undefined {
  const update = onlyChild(presence, "x", VCARD_UPDATE);
  const photo = update && onlyChild(update, "photo", VCARD_UPDATE);
  if (!update || !photo) return undefined;
  const hash = childText(update, "photo", VCARD_UPDATE)?.toLowerCase();
  if (hash === undefined) return {};
  return /^[0-9a-f]{40}$/.test(hash) ? { photo: hash } : undefined;
}

/** For every presence that we send; undefined as long as we do not know what is in our vCard (§4.1.2). */
export function encodeVCardUpdate(update: VCardUpdate | undefined): Element {
  const x = new Element("x", { xmlns: VCARD_UPDATE });
  const photo = update && x.c("photo");
  if (update?.photo !== undefined) photo?.t(update.photo);
  return x;
}
