/**
 * XEP-0424 Message Retraction 0.4.2, https://xmpp.org/extensions/xep-0424.html, and version 0.3, which
 * clients still send (by way of XEP-0422); moderation of rooms (XEP-0425) uses the same elements.
 */
import { Element } from "ltx";
import { onlyChild, referredId } from "./element.ts";
import { decodeFastening, FASTENING } from "./xep-0422-fastening.ts";

export const RETRACTION = "urn:xmpp:message-retract:1";
export const RETRACTION_0 = "urn:xmpp:message-retract:0";

/** What clients show that do not know retraction (§3): a body to send with a fallback for `RETRACTION`. */
export const RETRACTION_BODY = "/me took a message back, which this app cannot hide.";

/**
 * `id` of the message that its own sender takes back: in rooms the stanza id that the room gave, elsewhere
 * the message's id (before version 1: its origin-id). Believe it of the same bare JID or occupant-id only.
 */
export type Retraction = { id: string };

/** Whether the message takes another back; its body, if any, only says so for clients that do not know it. */
export function hasRetraction(message: Element): boolean {
  if (message.getChild("retract", RETRACTION) !== undefined) return true;
  // What is fastened to another message is never one of its own.
  return (
    message.getChild("retract", RETRACTION_0) !== undefined ||
    message.getChild("apply-to", FASTENING) !== undefined
  );
}

/** Which message the sender takes back; undefined for none, for several, and for a moderator's act. */
export function decodeRetraction(message: Element): Retraction | undefined {
  const retractions = message.getChildren("retract", RETRACTION);
  if (retractions.length > 1 || retractions.some(isModerated)) return undefined;
  const id = retractions[0] ? referredId(retractions[0]) : olderId(message);
  return id === undefined ? undefined : { id };
}

function olderId(message: Element): string | undefined {
  const fastening = decodeFastening(message);
  if (fastening?.element.getChild("retract", RETRACTION_0)) {
    return isModerated(fastening.element) ? undefined : fastening.id;
  }
  const direct = onlyChild(message, "retract", RETRACTION_0);
  return direct && !isModerated(direct) ? referredId(direct) : undefined;
}

function isModerated(element: Element): boolean {
  return element.getChild("moderated") !== undefined;
}

/** Whether an archive put it in the place of a message that was taken back or moderated away (§4; XEP-0425 §4). */
export function hasTombstone(message: Element): boolean {
  const versions = [RETRACTION, RETRACTION_0];
  return versions.some(
    (xmlns) =>
      message.getChild("retracted", xmlns) !== undefined ||
      message.getChildren("moderated").some((each) => each.getChild("retracted", xmlns)),
  );
}

/** The `<retract/>` of version 1, to go with `RETRACTION_BODY`. */
export function encodeRetraction({ id }: Retraction): Element {
  return new Element("retract", { xmlns: RETRACTION, id });
}
