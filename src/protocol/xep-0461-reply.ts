/**
 * XEP-0461 Message Replies 0.2.1, https://xmpp.org/extensions/xep-0461.html
 */
import { Element } from "ltx";
import { attribute, onlyChild } from "./element.ts";
import { parseJid, type FullJid } from "./jid.ts";

export const REPLY = "urn:xmpp:reply:0";

export type Reply = {
  /** In rooms the stanza id that the room gave (XEP-0359), elsewhere the origin-id or id (§4.1). */
  id: string;
  /** Who wrote the message that is answered; the replier's word. */
  to?: FullJid | undefined;
};

/** Which message this one answers; undefined when it answers none, or claims to answer several. */
export function decodeReply(message: Element): Reply | undefined {
  const reply = onlyChild(message, "reply", REPLY);
  const id = reply && attribute(reply, "id");
  return id ? { id, to: parseJid(attribute(reply, "to") ?? "")?.full } : undefined;
}

export function encodeReply({ id, to }: Reply): Element {
  return new Element("reply", { xmlns: REPLY, ...(to === undefined ? {} : { to }), id });
}
