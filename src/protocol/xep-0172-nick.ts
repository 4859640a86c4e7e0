/**
 * XEP-0172 User Nickname 1.1, https://xmpp.org/extensions/xep-0172.html
 * A nick is what somebody calls themselves: it proves nothing (§7).
 */
import { Element } from "ltx";
import { onlyChild } from "./element.ts";
import { decodeItemsEvent } from "./xep-0060-pubsub.ts";
import { encodePublishPublic } from "./xep-0163-pep.ts";
import { oneLine } from "./xml-text.ts";

/** Namespace of the element, and name of the PEP node. */
export const NICK = "http://jabber.org/protocol/nick";

const MAX_LENGTH = 256;

/** The nick in a message, a presence or a pubsub item, on one line; undefined when there is none, or more than one. */
export function decodeNick(parent: Element): string | undefined {
  return oneLine(onlyChild(parent, "nick", NICK)?.getText(), MAX_LENGTH);
}

/** Not for presence that goes to everybody (§4.1). */
export function encodeNick(nick: string): Element {
  return new Element("nick", { xmlns: NICK }).t(oneLine(nick, MAX_LENGTH) ?? "");
}

/** The iq that tells everybody how we call ourselves (§4.3); "" takes it back. */
export function encodePublishNick(nick: string): Element {
  return encodePublishPublic(NICK, "current", encodeNick(nick));
}

/**
 * What a notification says: the nick, or undefined in it when there is none any more; undefined when
 * the message is none. It is that of `from`, which is for the caller to read.
 */
export function decodeNickEvent(message: Element): { nick: string | undefined } | undefined {
  const event = decodeItemsEvent(message, NICK);
  const item = event?.items.at(-1);
  return event && { nick: item && decodeNick(item) };
}
