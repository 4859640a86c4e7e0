/**
 * XEP-0474: SASL SCRAM Downgrade Protection, version 0.5.0
 * https://xmpp.org/extensions/xep-0474.html
 *
 * The server puts a hash of what it offered into its first SCRAM message, which the password signs.
 */
import { createHash } from "node:crypto";

/** What a server offered: SASL mechanisms, and channel-binding types where it announces any (XEP-0440). */
export type SaslOffer = {
  readonly mechanisms: readonly string[];
  readonly bindings?: readonly string[] | undefined;
};

/** By the attribute that bears the hash: `h` since version 0.4, `d` in 0.3. */
const FORMS = {
  h: { item: "\u001e", list: "\u001f" },
  d: { item: ",", list: "|" },
} as const;

export type DowngradeForm = keyof typeof FORMS;

/** The hash of an offer as the server computes it (§ "Server Sends Downgrade Protection Hash"), in base64. */
export function hashOffer(offer: SaslOffer, form: DowngradeForm, hash: string): string {
  const { item, list } = FORMS[form];
  // i;octet is the order of the bytes, and all of these are ASCII.
  const join = (names: readonly string[]) => names.toSorted(byBytes).join(item);
  const text =
    join(offer.mechanisms) + (offer.bindings === undefined ? "" : list + join(offer.bindings));
  return createHash(hash).update(text).digest("base64");
}

/**
 * Whether an offer is not what the server says that it sent; false also where the server does not speak
 * this, or only its first drafts (`d=ssdp`).
 * @param attributes of the server's first message
 * @param hash that of the SCRAM mechanism in use, as node:crypto calls it
 */
export function isOfferChanged(
  attributes: ReadonlyMap<string, string>,
  offer: SaslOffer,
  hash: string,
): boolean {
  for (const form of ["h", "d"] as const) {
    const given = attributes.get(form);
    if (given === undefined || (form === "d" && given === "ssdp")) continue;
    return given !== hashOffer(offer, form, hash);
  }
  return false;
}

function byBytes(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
