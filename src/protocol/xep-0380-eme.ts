/**
 * XEP-0380 Explicit Message Encryption 0.4.0, https://xmpp.org/extensions/xep-0380.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";

export const EME = "urn:xmpp:eme:0";
export const OMEMO_LEGACY = "eu.siacs.conversations.axolotl";
const OTR = "urn:xmpp:otr:0";

export type Encryption = {
  /** The namespace of the encryption, e.g. `eu.siacs.conversations.axolotl`. */
  namespace: string;
  /** How to call it to a person, e.g. "OMEMO". */
  name: string;
};

/** Names as XEP-0380 §4 lists them: of a known encryption the sender's own word is not taken. */
const NAMES: ReadonlyMap<string, string> = new Map([
  [OMEMO_LEGACY, "OMEMO"],
  ["urn:xmpp:omemo:1", "OMEMO"],
  ["urn:xmpp:omemo:2", "OMEMO"],
  ["urn:xmpp:openpgp:0", "OpenPGP"],
  ["jabber:x:encrypted", "Legacy OpenPGP"],
  [OTR, "OTR"],
]);

/** OTR (XEP-0364) puts its cipher text into the body, often without saying so. */
const OTR_BODY = /^\?OTR/;

/**
 * How a message is encrypted; undefined when it is not, or when it only carries keys (an OMEMO
 * element without payload). Whatever the body says then is a stopgap text, not what the sender wrote.
 */
export function decodeEncryption(message: Element): Encryption | undefined {
  const payload = message
    .getChildElements()
    .find((child) => NAMES.has(child.getNS() ?? "") && child.getNS() !== OTR);
  if (payload?.is("encrypted") && payload.getChild("payload") === undefined) return undefined;
  const marker = message.getChild("encryption", EME);
  const namespace =
    (marker && attribute(marker, "namespace")) ||
    payload?.getNS() ||
    (OTR_BODY.test(message.getChildText("body") ?? "") ? OTR : undefined);
  if (!namespace) return undefined;
  const name = NAMES.get(namespace) ?? ((marker && attribute(marker, "name")) || "unknown");
  return { namespace, name };
}

/** The marker to send beside an encrypted payload. */
export function encodeEncryption(encryption: Encryption): Element {
  return new Element("encryption", {
    xmlns: EME,
    namespace: encryption.namespace,
    name: encryption.name,
  });
}
