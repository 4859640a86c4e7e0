/** What people's clients send beside a text, as XML. */
import { ROOM } from "./room-xml.ts";

const SID = "urn:xmpp:sid:0";

export const originId = (id: string) => `<origin-id xmlns="${SID}" id="${id}"/>`;
export const stanzaId = (id: string, by: string = ROOM) =>
  `<stanza-id xmlns="${SID}" by="${by}" id="${id}"/>`;
export const replaces = (id: string) => `<replace xmlns="urn:xmpp:message-correct:0" id="${id}"/>`;
export const retracts = (id: string) =>
  `<retract xmlns="urn:xmpp:message-retract:1" id="${id}"/><fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:message-retract:1"/>`;
export const reacts = (id: string, ...signs: string[]) =>
  `<reactions xmlns="urn:xmpp:reactions:0" id="${id}">${signs.map((sign) => `<reaction>${sign}</reaction>`).join("")}</reactions>`;
