/**
 * XEP-0444 Message Reactions 0.2.0, https://xmpp.org/extensions/xep-0444.html
 */
import type { Element } from "ltx";

export const REACTIONS = "urn:xmpp:reactions:0";

/** Whether the message reacts to another; its body, if any, only says so for clients that do not know it. */
export function hasReactions(message: Element): boolean {
  return message.getChild("reactions", REACTIONS) !== undefined;
}
