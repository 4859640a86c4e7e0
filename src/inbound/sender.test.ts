import { describe, expect, it } from "vitest";
import type { Occupant, Rooms } from "../client/rooms.ts";
import { parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { isOwnArchived, parseOccupantKey, resolveArchivedSender, resolveSender } from "./sender.ts";

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

describe("of a message from a room's archive", () => {
  const BOT = "bot@example.com" as BareJid;
  const alice = { affiliation: "member", role: "participant", realJid: ALICE } as const;
  /** Who is there today; by nick nobody may be looked up. */
  function today(
    about: object,
    occupants: readonly Partial<Occupant>[] = [],
    self?: object,
  ): Rooms {
    return {
      get: () => ({ room: ROOM, nick: "Bot", ...about }),
      occupant: (_: BareJid, nick: string) => {
        if (nick !== "Bot") throw new Error("looked up by nick");
        return self;
      },
      occupantBy: (_: BareJid, key: object) =>
        occupants.find((each) =>
          Object.entries(key).every(([name, value]) => each[name as keyof Occupant] === value),
        ),
    } as unknown as Rooms;
  }
  const shows = { conference: "text", nonAnonymous: true, occupantIds: true };
  const resolve = (about: object, message: object, occupants?: Partial<Occupant>[]) => {
    const facts = { archivedAuthor: undefined, occupantId: undefined, ...message };
    return resolveArchivedSender(IN_ROOM, today(about, occupants), believed, facts);
  };

  it("the author's real JID counts in a room that shows them", () => {
    expect(resolve(shows, { archivedAuthor: alice, occupantId: "o1" })).toMatchObject({
      id: ALICE,
      grade: "jid",
      jid: ALICE,
      label: "Alice",
      occupant: { jid: ALICE, occupantId: "o1", affiliation: "member", role: "participant" },
    });
  });

  it.each([
    ["hides them", { nonAnonymous: false }],
    ["does not say", { nonAnonymous: undefined }],
    ["is another network's", { conference: "irc" }],
  ])("the real JID counts for nothing in a room that %s", (_, about) => {
    const facts = { archivedAuthor: alice, occupantId: "o1" };
    expect(resolve({ ...shows, ...about }, facts)).toMatchObject({
      id: `${ROOM}#occupant:o1`,
      grade: "occupant-id",
      jid: undefined,
      occupant: { jid: undefined, affiliation: "none", role: "none" },
    });
  });

  it("an occupant id counts only where the room announces them", () => {
    const sender = resolve(
      { ...shows, occupantIds: false, nonAnonymous: false },
      { occupantId: "o1" },
    );
    expect(sender).toMatchObject({
      grade: "nick",
      occupant: { affiliation: "none", role: "none" },
    });
    expect(sender.occupant.occupantId).toBeUndefined();
  });

  it("nothing counts in a room that is not believed", () => {
    const facts = { archivedAuthor: alice, occupantId: "o1" };
    const sender = resolveArchivedSender(IN_ROOM, today(shows), () => false, facts);
    expect(sender).toMatchObject({ grade: "nick", jid: undefined, occupant: { role: "none" } });
  });

  it("what the room says today of the same person counts more than what it said then", () => {
    const here = { nick: "Al", realJid: ALICE, occupantId: "o1", affiliation: "owner" } as const;
    const sender = resolve(shows, { archivedAuthor: alice }, [{ ...here, role: "moderator" }]);
    expect(sender.occupant).toMatchObject({ affiliation: "owner", role: "moderator" });
    const masked = { ...shows, nonAnonymous: false };
    expect(resolve(masked, { occupantId: "o1" }, [here])).toMatchObject({
      id: ALICE,
      grade: "jid",
    });
  });

  it("their stay and software are known only under the same nick", () => {
    const here = { realJid: ALICE, stay: "s7", caps: "c#1" } as const;
    const under = (nick: string) => resolve(shows, { archivedAuthor: alice }, [{ ...here, nick }]);
    expect(under("Alice")).toMatchObject({ stay: "s7", caps: "c#1" });
    expect(under("Al")).not.toMatchObject({ stay: "s7" });
    expect(under("Al").caps).toBeUndefined();
  });

  it("two identities that contradict each other are none", () => {
    const bob = { nick: "Alice", realJid: "bob@example.com" as BareJid, occupantId: "o1" };
    const sender = resolve(shows, { archivedAuthor: alice, occupantId: "o1" }, [bob]);
    expect(sender).toMatchObject({
      grade: "nick",
      jid: undefined,
      occupant: { affiliation: "none" },
    });
  });

  it.each([
    ["our occupant id", true, "Al", { occupantId: "us" }, shows],
    ["another occupant id under our nick", false, "Bot", { occupantId: "eve" }, shows],
    ["our real JID", true, "Al", { archivedAuthor: { ...alice, realJid: BOT } }, shows],
    ["another real JID under our nick", false, "Bot", { archivedAuthor: alice }, shows],
    [
      "a real JID under our nick, that may be forged",
      true,
      "Bot",
      { archivedAuthor: alice },
      { ...shows, nonAnonymous: false },
    ],
    ["our nick, and no more", true, "Bot", {}, shows],
    ["another nick, and no more", false, "Alice", {}, shows],
  ])("%s: ours is %s", (_, isOwn, nick, message, about) => {
    const from = parseJid(`${ROOM}/${nick}`);
    const facts = { from, archivedAuthor: undefined, occupantId: undefined, ...message };
    expect(isOwnArchived(facts, today(about, [], { occupantId: "us" }), BOT)).toBe(isOwn);
  });
});
