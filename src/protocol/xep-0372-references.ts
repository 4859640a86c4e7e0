/**
 * XEP-0372 References 0.5.0, https://xmpp.org/extensions/xep-0372.html
 * Only mentions (§3.2) are read.
 */
import type { Element } from "ltx";
import { attribute } from "./element.ts";
import type { FullJid } from "./jid.ts";
import { parseXmppUri } from "./rfc-5122-uri.ts";
import { decodeRange, type CharacterRange } from "./xep-0426-characters.ts";

export const REFERENCES = "urn:xmpp:reference:0";

/** `jid` is a person's, or an occupant's; the range, where given, is what names them in the body. */
export type Mention = Partial<CharacterRange> & { jid: FullJid };

const MAX_MENTIONS = 50;

/** Whom a message says it mentions, 50 at most; what belongs to another message (`anchor`) is left out. */
export function decodeMentions(message: Element): Mention[] {
  return message
    .getChildren("reference", REFERENCES)
    .filter((each) => attribute(each, "type") === "mention" && !attribute(each, "anchor"))
    .slice(0, MAX_MENTIONS)
    .flatMap((reference) => {
      const jid = parseXmppUri(attribute(reference, "uri") ?? "");
      return jid === undefined ? [] : { ...decodeRange(reference, "begin", "end"), jid };
    });
}
