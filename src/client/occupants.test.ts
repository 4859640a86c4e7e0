import { describe, expect, test } from "vitest";
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

describe("who is there", () => {
  test("the real JID only as the room sends it", () => {
    const { session, rooms } = setUpJoined();
    session.receive(presence("alice", item("Alice@Example.org/phone")));
    session.receive(presence("ghost", item()));
    expect(rooms.occupant(ROOM, "alice")).toEqual({
      nick: "alice",
      occupantJid: `${ROOM}/alice`,
      realJid: "alice@example.org",
      affiliation: "member",
      role: "participant",
      stay: expect.any(String),
    });
    expect(rooms.occupant(ROOM, "ghost")?.realJid).toBeUndefined();
    expect(rooms.occupants(ROOM).map(({ nick }) => nick)).toEqual(["bot", "alice", "ghost"]);
  });

  test("a nick taken over inherits nothing: after leaving", () => {
    const { session, rooms } = setUpJoined();
    session.receive(
      presence("alice", item("alice@example.org/a", 'affiliation="owner" role="moderator"')),
    );
    session.receive(gone("alice", item()));
    expect(rooms.occupant(ROOM, "alice")).toBeUndefined();
    session.receive(presence("alice", item("", 'affiliation="none" role="participant"')));
    expect(rooms.occupant(ROOM, "alice")).toMatchObject({ affiliation: "none" });
    expect(rooms.occupant(ROOM, "alice")?.realJid).toBeUndefined();
  });

  test("a nick taken over inherits nothing: after a change of nick (303)", () => {
    const { session, rooms } = setUpJoined();
    session.receive(presence("alice", item("alice@example.org/a")));
    session.receive(gone("alice", '<item nick="al" jid="alice@example.org/a"/>' + codes(303)));
    expect(rooms.occupant(ROOM, "alice")).toBeUndefined();
    expect(rooms.occupant(ROOM, "al")).toBeUndefined();
    session.receive(presence("al", item("alice@example.org/a")));
    session.receive(presence("alice", item("mallory@evil.example/m")));
    expect(rooms.occupant(ROOM, "al")?.realJid).toBe("alice@example.org");
    expect(rooms.occupant(ROOM, "alice")?.realJid).toBe("mallory@evil.example");
  });

  test("a nick taken over inherits nothing: even when the leaving was never seen", () => {
    const { session, rooms } = setUpJoined();
    session.receive(presence("alice", item("alice@example.org/a")));
    session.receive(presence("alice", item()));
    expect(rooms.occupant(ROOM, "alice")?.realJid).toBeUndefined();
  });

  test("a stay lasts through changes of status and nick, and is nobody else's", () => {
    const { session, rooms } = setUpJoined();
    const stayOf = (nick: string) => rooms.occupant(ROOM, nick)?.stay;
    session.receive(presence("alice", item()));
    const stay = stayOf("alice");
    expect(stay).toBeTruthy();
    session.receive(presence("alice", item()));
    expect(stayOf("alice")).toBe(stay);
    session.receive(gone("alice", '<item nick="al"/>' + codes(303)));
    session.receive(presence("al", item()));
    expect(stayOf("al")).toBe(stay);
    session.receive(presence("alice", item()));
    expect(stayOf("alice")).not.toBe(stay);
    session.receive(gone("al", item()));
    session.receive(presence("al", item()));
    expect(stayOf("al")).not.toBe(stay);
    const second = stayOf("al");
    session.receive(gone("al", '<item nick="queen"/>' + codes(303)));
    session.receive(presence("bob", item()));
    session.receive(presence("queen", item()));
    expect(stayOf("queen")).not.toBe(second);
  });

  test("our own change of nick", () => {
    const { session, rooms } = setUpJoined();
    rooms.join(ROOM, { nick: "claw" });
    expect(session.takeSent()).toEqual([`<presence to="${ROOM}/claw"/>`]);
    session.receive(gone("bot", '<item nick="claw"/>' + codes(303, 110)));
    expect(rooms.isReflection(ROOM, "bot")).toBe(false);
    expect(rooms.isReflection(ROOM, "claw")).toBe(true);
    session.receive(presence("bot", item("mallory@evil.example/m")));
    expect(rooms.isReflection(ROOM, "bot")).toBe(false);
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", nick: "claw" });
  });

  test("rooms that we did not join, or left, have no occupants", () => {
    const { session, rooms } = setUpJoined();
    session.receive(
      presence("alice", item("alice@example.org/a")).replace(ROOM, "other@chat.example"),
    );
    expect(rooms.list()).toHaveLength(1);
    session.receive(gone("bot", codes(110, 301)));
    session.receive(presence("alice", item("alice@example.org/a")));
    expect(rooms.occupants(ROOM)).toEqual([]);
  });

  test("occupants are bounded; beyond, nobody has an identity", () => {
    const { session, rooms } = setUpJoined();
    for (let i = 0; i < 20_050; i++) session.receive(presence(`n${i}`, item(`u${i}@example.org`)));
    expect(rooms.get(ROOM)?.occupantCount).toBe(20_000);
    expect(rooms.occupant(ROOM, "n20040")).toBeUndefined();
    session.receive(gone("n1", item()));
    expect(rooms.get(ROOM)?.occupantCount).toBe(19_999);
  });
});
