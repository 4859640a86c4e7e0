/** What a room sends, as XML, for tests over a fake session. */
import { type BareJid, bareJid } from "../../src/protocol/jid.ts";
import { createFakeLog, createFakeSession } from "./fake-session.ts";
import { type RoomView, type RoomsOptions, createRooms } from "../../src/client/rooms.ts";

export const ROOM = bareJid("coven@chat.example") as BareJid;

const MUC_USER = "http://jabber.org/protocol/muc#user";
const STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas";

/** A presence of `nick`; `inner` stands in the room's extension, `beside` next to it. */
export function presence(nick: string, inner: string, type = "", beside = ""): string {
  const x = `<x xmlns="${MUC_USER}">${inner}</x>`;
  return `<presence from="${ROOM}/${nick}"${type && ` type="${type}"`}>${x}${beside}</presence>`;
}

export const item = (jid = "", attrs = 'affiliation="member" role="participant"') =>
  `<item ${attrs}${jid && ` jid="${jid}"`}/>`;
export const codes = (...all: number[]) => all.map((code) => `<status code="${code}"/>`).join("");
export const gone = (nick: string, inner: string) => presence(nick, inner, "unavailable");
export const occupantId = (id: string) =>
  `<occupant-id xmlns="urn:xmpp:occupant-id:0" id="${id}"/>`;

export function joinError(condition: string, nick = "bot", type = "cancel"): string {
  const error = `<error type="${type}"><${condition} xmlns="${STANZA_ERRORS}"/></error>`;
  return `<presence from="${ROOM}/${nick}" type="error">${error}</presence>`;
}

/** A message of the room itself about its configuration. */
export function configured(...all: number[]): string {
  const x = `<x xmlns="${MUC_USER}">${codes(...all)}</x>`;
  return `<message type="groupchat" from="${ROOM}">${x}</message>`;
}

/** The disco#info answer of a room with these features. */
export function description(...features: string[]): string {
  const inside = features.map((feature) => `<feature var="${feature}"/>`).join("");
  const identity = '<identity category="conference" type="text" name="A Dark Cave"/>';
  return `<iq type="result"><query xmlns="http://jabber.org/protocol/disco#info">${identity}${inside}</query></iq>`;
}

export function setUpRooms(options: Partial<RoomsOptions> = {}) {
  const session = createFakeSession();
  const log = createFakeLog();
  const rooms = createRooms({ session, log, nick: "bot", random: () => 0.5, ...options });
  const views: RoomView[] = [];
  rooms.onRoom((view) => views.push(view));
  return { session, log, rooms, views };
}

/** In `ROOM` as "bot", with these codes in self-presence. */
export function setUpJoined(extra: readonly number[] = [], options: Partial<RoomsOptions> = {}) {
  const all = setUpRooms(options);
  all.session.goOnline();
  all.rooms.join(ROOM);
  all.session.receive(presence("bot", item() + codes(110, ...extra)));
  all.session.takeSent();
  return all;
}

/** Occupant JIDs of the joins in what was sent. */
export const joinsIn = (sent: readonly string[]) =>
  sent.flatMap(
    (xml) =>
      /<presence to="([^"]+)"><x xmlns="http:\/\/jabber.org\/protocol\/muc"/.exec(xml)?.[1] ?? [],
  );
