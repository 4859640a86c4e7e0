import { parse } from "ltx";
import { expect, test } from "vitest";
import { createRoadIn, enterRoom } from "../../test/support/road-in.ts";
import { ROOM } from "../../test/support/room-xml.ts";
import { decodeMessage } from "../protocol/stanza.ts";

const said = (text: string, extra = "") =>
  parse(
    `<message xmlns="jabber:client" from="${ROOM}/ann" type="groupchat"><body>${text}</body>${extra}</message>`,
  );

function addressed(keys: object, ...texts: string[]) {
  const road = createRoadIn({ keys: { groupPolicy: "open", rooms: [ROOM], ...keys } });
  enterRoom(road);
  const isAddressed = road.receiver.findAddressed(ROOM);
  return texts.filter((text) => isAddressed(decodeMessage(said(text))));
}

test("of a room's archive what names the agent may be an order, and what is a command", () => {
  const orders = ["bot: hi", "what do you say, @bot?", "/status"];
  expect(addressed({}, "hi", "robot", ...orders)).toEqual(orders);
});

test("where the agent need not be named all may be", () => {
  expect(addressed({ mucRooms: { [ROOM]: { requireMention: false } } }, "hi", "bot: hi")).toEqual([
    "hi",
    "bot: hi",
  ]);
});

test("and so may a reply to the agent", () => {
  const road = createRoadIn({ keys: { groupPolicy: "open", rooms: [ROOM] } });
  enterRoom(road);
  const reply = (nick: string) =>
    decodeMessage(said("yes", `<reply xmlns="urn:xmpp:reply:0" id="1" to="${ROOM}/${nick}"/>`));
  expect(["bot", "eve"].map(reply).map(road.receiver.findAddressed(ROOM))).toEqual([true, false]);
});
