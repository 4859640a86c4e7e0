/**
 * XEP-0421 Occupant identifiers for semi-anonymous MUCs 1.0.1, https://xmpp.org/extensions/xep-0421.html
 */
import type { Element } from "ltx";
import { attribute, onlyChild } from "./element.ts";

export const OCCUPANT_ID = "urn:xmpp:occupant-id:0";

/** §4.1 allows 128; a room that gives longer ones is still believed. */
const MAX_LENGTH = 256;

/**
 * The id under which a room knows whoever sent a message or presence, the same at each visit;
 * undefined when there is none, or a second one that the room should have replaced (§4). Anybody can
 * write one: it is the room's word only where the room announces the feature (§2).
 */
export function decodeOccupantId(stanza: Element): string | undefined {
  const element = onlyChild(stanza, "occupant-id", OCCUPANT_ID);
  const id = element && attribute(element, "id");
  return id && id.length <= MAX_LENGTH ? id : undefined;
}
