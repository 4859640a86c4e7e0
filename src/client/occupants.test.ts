import { expect, test } from "vitest";
import {
  ROOM,
  codes,
  description,
  gone,
  item,
  occupantId,
  presence,
  setUpJoined,
  setUpRooms,
} from "../../test/support/room-xml.ts";
import { type BareJid, bareJid } from "../protocol/jid.ts";

const DISCO_INFO = "http://jabber.org/protocol/disco#info";
const ALICE = bareJid("alice@example.org") as BareJid;

const withId = (nick: string, id: string, inner = item()) =>
  presence(nick, inner, "", occupantId(id));

function setUpAnnounced() {
  const all = setUpRooms();
  all.session.onRequest(DISCO_INFO, description("urn:xmpp:occupant-id:0"));
  all.session.goOnline();
  all.rooms.join(ROOM);
  return all;
}

test("an occupant id counts only where the room announces them", () => {
  const { session, rooms } = setUpJoined();
  session.receive(withId("alice", "id-1"));
  expect(rooms.occupant(ROOM, "alice")?.occupantId).toBeUndefined();
  expect(rooms.occupantBy(ROOM, { occupantId: "id-1" })).toBeUndefined();
  session.onRequest(DISCO_INFO, description("urn:xmpp:occupant-id:0"));
  session.receive(
    `<message type="groupchat" from="${ROOM}"><x xmlns="http://jabber.org/protocol/muc#user">${codes(104)}</x></message>`,
  );
  expect(rooms.occupant(ROOM, "alice")?.occupantId).toBe("id-1");
  expect(rooms.occupantBy(ROOM, { occupantId: "id-1" })?.nick).toBe("alice");
});

test("a stay ends where somebody with another occupant id has the nick", () => {
  const { session, rooms } = setUpAnnounced();
  const stay = () => rooms.occupant(ROOM, "alice")?.stay;
  session.receive(withId("alice", "id-1"));
  const first = stay();
  session.receive(withId("alice", "id-1"));
  expect(stay()).toBe(first);
  session.receive(withId("alice", "id-2"));
  const second = stay();
  expect(second).not.toBe(first);
  session.receive(presence("alice", item()));
  expect(stay()).not.toBe(second);
  expect(rooms.occupant(ROOM, "alice")?.occupantId).toBeUndefined();
});

test("a stay goes on under another nick, but not for who brings another id", () => {
  const { session, rooms } = setUpAnnounced();
  session.receive(withId("alice", "id-1"));
  const stay = rooms.occupant(ROOM, "alice")?.stay;
  session.receive(gone("alice", `<item nick="al"/>${codes(303)}`));
  session.receive(withId("al", "id-1"));
  expect(rooms.occupant(ROOM, "al")?.stay).toBe(stay);
  session.receive(gone("al", `<item nick="queen"/>${codes(303)}`));
  session.receive(withId("queen", "id-9"));
  expect(rooms.occupant(ROOM, "queen")?.stay).not.toBe(stay);
});

test("occupants are found by real JID, occupant id and stay; by nothing, nobody is", () => {
  const { session, rooms } = setUpAnnounced();
  session.receive(presence("ghost", item()));
  session.receive(withId("alice", "id-1", item(`${ALICE}/phone`)));
  const stay = rooms.occupant(ROOM, "alice")?.stay ?? "";
  for (const key of [{ realJid: ALICE }, { occupantId: "id-1" }, { stay }]) {
    expect(rooms.occupantBy(ROOM, key)?.nick).toBe("alice");
  }
  for (const key of [{ realJid: bareJid("bob@example.org") }, { occupantId: "x" }, { stay: "" }]) {
    expect(rooms.occupantBy(ROOM, key as { stay: string })).toBeUndefined();
  }
  for (const key of [{ realJid: undefined }, { occupantId: undefined }]) {
    expect(rooms.occupantBy(ROOM, key as never)).toBeUndefined();
  }
  expect(rooms.occupantBy(bareJid("other@chat.example") as BareJid, { stay })).toBeUndefined();
});

test("the software of an occupant, while it is of a reasonable length", () => {
  const { session, rooms } = setUpJoined();
  const caps = (node: string) =>
    `<c xmlns="http://jabber.org/protocol/caps" hash="sha-1" node="${node}" ver="v="/>`;
  session.receive(presence("alice", item(), "", caps("https://client.example")));
  session.receive(presence("mallory", item(), "", caps("x".repeat(300))));
  expect(rooms.occupant(ROOM, "alice")?.caps).toBe("https://client.example#v=");
  expect(rooms.occupant(ROOM, "mallory")?.caps).toBeUndefined();
  session.receive(presence("alice", item()));
  expect(rooms.occupant(ROOM, "alice")?.caps).toBeUndefined();
});

test("a presence of another occupant tells no listener", () => {
  const { session, log, views } = setUpJoined();
  const before = [views.length, log.lines.length];
  session.receive(presence("alice", item(`${ALICE}/phone`)));
  session.receive(presence("alice", item(`${ALICE}/phone`), "", "<show>away</show>"));
  session.receive(gone("alice", item()));
  expect([views.length, log.lines.length]).toEqual(before);
});
