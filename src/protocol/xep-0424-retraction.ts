/**
 * XEP-0424 Message Retraction 0.4.2, https://xmpp.org/extensions/xep-0424.html, and version 0.3, which
 * clients still send (by way of XEP-0422); moderation of rooms (XEP-0425) uses the same elements.
 */
import type { Element } from "ltx";

export const RETRACTION = "urn:xmpp:message-retract:1";
export const RETRACTION_0 = "urn:xmpp:message-retract:0";
const FASTENING = "urn:xmpp:fasten:0";

/** Whether the message takes another back; its body, if any, only says so for clients that do not know it. */
export function hasRetraction(message: Element): boolean {
  if (message.getChild("retract", RETRACTION) !== undefined) return true;
  // What is fastened to another message is never one of its own.
  return (
    message.getChild("retract", RETRACTION_0) !== undefined ||
    message.getChild("apply-to", FASTENING) !== undefined
  );
}
