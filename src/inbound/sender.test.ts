import { describe, expect, it } from "vitest";
import type { Occupant, Rooms } from "../client/rooms.ts";
import { parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { parseOccupantKey, resolveSender } from "./sender.ts";

const ROOM = "coven@chat.example" as BareJid;
const ALICE = "alice@example.com" as BareJid;
const IN_ROOM = { kind: "room", room: ROOM, nick: "Alice" } as const;

function rooms(facts: Partial<Occupant>, conference?: string): Rooms {
  const occupant = {
    nick: "Alice",
    affiliation: "member",
    role: "moderator",
    stay: "s1",
    ...facts,
  };
  return { occupant: () => occupant, get: () => ({ conference }) } as unknown as Rooms;
}

const believed = () => true;

it("is the JID in a direct chat, whatever a room would say", () => {
  const conversation = { kind: "direct", peer: ALICE, replyTo: ALICE } as const;
  expect(resolveSender(conversation, rooms({}), believed)).toMatchObject({
    id: ALICE,
    grade: "jid",
    jid: ALICE,
    occupant: { affiliation: "none", role: "none" },
  });
});

describe("in a room it is the strongest that the room vouches for", () => {
  const facts = { affiliation: "member", role: "moderator" };
  it.each([
    [
      { realJid: ALICE, occupantId: "o1" },
      "jid",
      ALICE,
      { jid: ALICE, occupantId: "o1", ...facts },
    ],
    [{ occupantId: "o1" }, "occupant-id", `${ROOM}#occupant:o1`, { occupantId: "o1", ...facts }],
    [{}, "nick", `${ROOM}#stay:s1`, facts],
  ])("%j: %s", (occupant, grade, id, known) => {
    const sender = resolveSender(IN_ROOM, rooms(occupant), believed);
    expect(sender).toMatchObject({ id, grade, occupant: known, label: "Alice", stay: "s1" });
  });

  it("and nothing at all where the room is not believed", () => {
    const claims = rooms({ realJid: ALICE, occupantId: "o1", affiliation: "owner" });
    expect(resolveSender(IN_ROOM, claims, () => false)).toEqual({
      id: `${ROOM}#stay:s1`,
      grade: "nick",
      jid: undefined,
      occupant: { affiliation: "none", role: "none" },
      label: "Alice",
      stay: "s1",
    });
  });

  it("and no real JID where the room is another network's", () => {
    const jids = { realJid: ALICE, occupantId: "o1" };
    expect(resolveSender(IN_ROOM, rooms(jids, "text"), believed).jid).toBe(ALICE);
    const sender = resolveSender(IN_ROOM, rooms(jids, "irc"), believed);
    expect(sender).toMatchObject({ grade: "occupant-id", jid: undefined });
    expect(sender.occupant.jid).toBeUndefined();
  });

  it("and nobody where the message carries another occupant id than the nick's owner has", () => {
    const alice = rooms({ realJid: ALICE, occupantId: "o1" });
    expect(resolveSender(IN_ROOM, alice, believed, "o1").jid).toBe(ALICE);
    expect(resolveSender(IN_ROOM, alice, believed, "o2")).toMatchObject({
      grade: "nick",
      jid: undefined,
      occupant: { affiliation: "none", role: "none" },
    });
    expect(resolveSender(IN_ROOM, rooms({ realJid: ALICE }), believed, "o2").jid).toBe(ALICE);
  });

  it("nor for somebody whom the room has not announced", () => {
    const none = { occupant: () => undefined } as unknown as Rooms;
    const [one, other] = [1, 2].map(() => resolveSender(IN_ROOM, none, believed));
    expect(one?.grade).toBe("nick");
    expect(one?.id).not.toBe(other?.id);
  });
});

it("does not become a JID by a nick that looks like one", () => {
  const nick = "alice@example.com";
  const occupant = `${ROOM}/${nick}` as FullJid;
  const conversation = { kind: "room-private", room: ROOM, nick, occupant } as const;
  const sender = resolveSender(conversation, rooms({}), believed);
  expect(sender.jid).toBeUndefined();
  expect(parseJid(sender.id)).toBeUndefined();
});

it("an id of the lower grades is read back, and is never a JID", () => {
  expect(parseOccupantKey(`${ROOM}#occupant:a#stay:b`)).toEqual({
    room: ROOM,
    occupantId: "a#stay:b",
  });
  expect(parseOccupantKey(`${ROOM}#stay:s1`)).toEqual({ room: ROOM, stay: "s1" });
  const channel = "#python%irc.example@gateway.example";
  expect(parseOccupantKey(`${channel}#stay:s1`)).toEqual({ room: channel, stay: "s1" });
  expect(parseOccupantKey(ALICE)).toBeUndefined();
  expect(parseOccupantKey(`${ROOM}/nick`)).toBeUndefined();
});
