/**
 * A MUC service (XEP-0045) that does what the test says, right or wrong: on top of a component of
 * the test's server, so that real clients reach it over a real stream.
 */
import type { Element } from "ltx";

import type { Component } from "./component.ts";
import { answerTo, createFakeRoom, split } from "./muc-room.ts";
import { type FakeRoom, type FakeRoomOptions, ROOM_DEFAULTS } from "./muc-room-types.ts";
import { discoInfoXml, errorXml, resultXml } from "./muc-stanzas.ts";

export type * from "./muc-room-types.ts";
export type { FakeOccupant, Refusal } from "./muc-stanzas.ts";

const MUC = "http://jabber.org/protocol/muc";
const DISCO_INFO = "http://jabber.org/protocol/disco#info";
const DISCO_ITEMS = "http://jabber.org/protocol/disco#items";

export interface MucService {
  readonly domain: string;
  /** Opens a room. */
  room(name: string, options?: Partial<FakeRoomOptions>): FakeRoom;
  /** Everybody is put out of every room with status 332. */
  shutDown(): void;
  /** Ends listening; the component stays connected. */
  stop(): void;
}

/** Rooms at the component's domain; addresses without one answer `item-not-found`. */
export function createMucService(component: Component): MucService {
  const { domain } = component;
  const rooms = new Map<string, ReturnType<typeof createFakeRoom>>();

  function receive(stanza: Element): void {
    const [bare] = split(String(stanza.attrs["to"]));
    const room = rooms.get(bare);
    if (room) return room.receive(stanza);
    const { type } = stanza.attrs;
    if (type === "error" || type === "result" || type === "unavailable") return;
    const head = answerTo(stanza);
    const xmlns = stanza.is("iq") ? stanza.getChildElements()[0]?.getNS() : undefined;
    if (bare === domain && xmlns === DISCO_INFO) {
      component.send(resultXml(head, discoInfoXml("Fake rooms", [MUC])));
    } else if (bare === domain && xmlns === DISCO_ITEMS) {
      const items = [...rooms.keys()].map((jid) => `<item jid="${jid}"/>`).join("");
      component.send(resultXml(head, `<query xmlns="${DISCO_ITEMS}">${items}</query>`));
    } else {
      component.send(errorXml(stanza.getName(), head, "item-not-found"));
    }
  }

  const stop = component.onStanza(receive);
  return {
    domain,
    stop,
    room(name, options = {}) {
      const jid = `${name}@${domain}`;
      const room = createFakeRoom(component, jid, { name, ...ROOM_DEFAULTS, ...options });
      rooms.set(jid, room);
      return room;
    },
    shutDown() {
      for (const room of rooms.values()) {
        for (const { nick } of room.visitors) room.remove(nick, { codes: [332] });
      }
    },
  };
}
