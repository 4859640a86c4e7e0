/** What a person was sent by an agent, in a direct chat or in a room where it is "bot". */
import { parse, type Element } from "ltx";
import type { StanzaEvent } from "./slixmpp.ts";

export const childOf = ({ xml }: StanzaEvent, name: string, xmlns: string): Element | undefined =>
  parse(xml).getChild(name, xmlns);

/** Whether it is a message of the agent. */
export const isFromBot = ({ event, from }: StanzaEvent, bot: string, room: string): boolean =>
  event === "message" && (from.startsWith(bot) || from === `${room}/bot`);

/** What the room called it, or in a direct chat its sender. */
export function nameOf({ stanzaId, xml }: StanzaEvent, room: string): string {
  const inRoom = parse(xml).getChildren("stanza-id", "urn:xmpp:sid:0");
  const own = inRoom.find((each) => each.attrs["by"] === room);
  return String(own?.attrs["id"] ?? stanzaId);
}
