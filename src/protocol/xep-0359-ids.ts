/**
 * XEP-0359 Unique and Stable Stanza IDs 0.7.0, https://xmpp.org/extensions/xep-0359.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { parseJid, type BareJid, type FullJid } from "./jid.ts";

export const STANZA_IDS = "urn:xmpp:sid:0";

/** The id that an archive gave to a message; anyone can write one, see `trustedStanzaId`. */
export type StanzaId = { id: string; by: FullJid };

/** The id that the sender gave to a message. */
export function decodeOriginId(message: Element): string | undefined {
  const originId = message.getChild("origin-id", STANZA_IDS);
  return (originId && attribute(originId, "id")) || undefined;
}

export function encodeOriginId(id: string): Element {
  return new Element("origin-id", { xmlns: STANZA_IDS, id });
}

/** Every complete stanza id on a message, in the order in which they stand. */
export function decodeStanzaIds(message: Element): StanzaId[] {
  return message.getChildren("stanza-id", STANZA_IDS).flatMap((stanzaId) => {
    const id = attribute(stanzaId, "id");
    const by = parseJid(attribute(stanzaId, "by") ?? "");
    return id && by ? [{ id, by: by.full }] : [];
  });
}

/**
 * The id that `by` (our own bare JID, or the room) gave: the last one of its name, because a server
 * appends its own and some leave a forged one standing before it. Ask only where `by` announces
 * urn:xmpp:sid:0 (§5); elsewhere every one is forged.
 */
export function trustedStanzaId(ids: readonly StanzaId[], by: BareJid): string | undefined {
  return ids.findLast((stanzaId) => stanzaId.by === by)?.id;
}
