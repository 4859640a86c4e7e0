/** Where the account wants to be, and how it gets there: configuration, bookmarks and invitations together. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import type { Bookmark, Bookmarks } from "../client/bookmarks.ts";
import { createRooms } from "../client/rooms.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Invitation } from "../protocol/xep-0045-invitation.ts";
import { createInvitedRooms } from "../state/invited-rooms.ts";
import { resolveAccount } from "./account.ts";
import { createRoomMembership } from "./room-membership.ts";

const TEAM = "team@muc.example" as BareJid;
const HALL = "hall@muc.example" as BareJid;
const TRAP = "trap@muc.evil" as BareJid;
const EVE = "eve@evil" as BareJid;
const ACCOUNT = { jid: "bot@example", password: "secret", server: "localhost" };

/** Bookmarks whose requests the test answers. */
function createFakeBookmarks(initial: Bookmark[] | undefined) {
  const known = new Map((initial ?? []).map((bookmark) => [bookmark.room, bookmark]));
  const requests: { what: string; settle: (error?: Error) => Promise<void> }[] = [];
  let listener: ((bookmarks: readonly Bookmark[]) => void) | undefined;
  let loaded = initial !== undefined;
  let keeps = true;
  const emit = () => listener?.([...known.values()]);
  const request = (what: string, change: () => void) => {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const settle = async (error?: Error) => {
      if (error) return reject(error);
      change();
      emit();
      resolve();
      await promise;
    };
    requests.push({ what, settle });
    return promise;
  };
  const bookmarks: Bookmarks = {
    list: () => [...known.values()],
    get loaded() {
      return loaded;
    },
    get keepsExtensions() {
      return loaded && keeps;
    },
    set: (bookmark) =>
      request(`set ${bookmark.room}`, () => void known.set(bookmark.room, bookmark)),
    remove: (room) => request(`remove ${room}`, () => void known.delete(room)),
    onChange: (added) => {
      listener = added;
      return () => (listener = undefined);
    },
    stop: () => undefined,
  };
  return {
    bookmarks,
    /** What was asked for so far. */
    asked: () => requests.map(({ what }) => what),
    /** Answers the oldest open request. */
    answer: async (error?: Error) => await requests.shift()?.settle(error),
    /** Another client changed them. */
    become(now: Bookmark[]) {
      loaded = true;
      known.clear();
      for (const bookmark of now) known.set(bookmark.room, bookmark);
      emit();
    },
    unload: () => (loaded = false),
    /** The account's server has private storage only. */
    loseExtensions: () => (keeps = false),
  };
}

const bookmark = (room: BareJid, more: Partial<Bookmark> = {}): Bookmark => ({
  room,
  autojoin: true,
  ...more,
});

type Options = { config?: object; bookmarks?: Bookmark[] | "unknown"; file?: string };

function setUp(options: Options = {}) {
  let config: object = { ...ACCOUNT, ...options.config };
  const file =
    options.file ?? join(mkdtempSync(join(tmpdir(), "xmpp-invited-")), "invited-rooms.json");
  const session = createFakeSession();
  const log = createFakeLog();
  const rooms = createRooms({ session, log, nick: "bot", random: () => 0.5 });
  session.goOnline();
  const initial = options.bookmarks === "unknown" ? undefined : options.bookmarks;
  const fake = options.bookmarks ? createFakeBookmarks(initial) : undefined;
  const invited = createInvitedRooms(file, { now: Date.now, log });
  const membership = createRoomMembership({
    readAccount: () =>
      resolveAccount({ channels: { xmpp: config } } as Parameters<typeof resolveAccount>[0]),
    rooms,
    invited,
    bookmarks: fake?.bookmarks,
    log,
  });
  membership.apply();
  const invitation: Invitation = { kind: "direct", room: TRAP, by: EVE, password: "sesame" };
  return {
    session,
    log,
    rooms,
    invited,
    membership,
    file,
    fake: fake as NonNullable<typeof fake>,
    /** Where the account is, or is trying to be. */
    wanted: () => rooms.list().flatMap(({ room, state }) => (state === "leaving" ? [] : room)),
    configure(now: object) {
      config = { ...ACCOUNT, ...now };
      membership.apply();
    },
    invite: (room: BareJid = TRAP) =>
      membership.follow({ ...invitation, room }, { room, by: EVE, admitted: false }),
    enter: (room: BareJid) => session.receive(own(room, "", "110")),
    putOut: (room: BareJid, inside: string, ...codes: string[]) =>
      session.receive(
        own(room, inside, "110", ...codes).replace(" to=", ' type="unavailable" to='),
      ),
  };
}

function own(room: BareJid, inside: string, ...codes: string[]): string {
  const status = codes.map((code) => `<status code="${code}"/>`).join("");
  return `<presence from="${room}/bot" to="bot@example/openclaw"><x xmlns="http://jabber.org/protocol/muc#user"><item affiliation="none" role="none"/>${status}${inside}</x></presence>`;
}

describe("the configuration", () => {
  it("enters and leaves what has changed, and nothing else", () => {
    const { session, wanted, configure, enter } = setUp({ config: { rooms: [TEAM] } });
    enter(TEAM);
    session.takeSent();
    configure({ rooms: [TEAM, HALL] });
    expect(wanted()).toEqual([HALL, TEAM]);
    expect(session.takeSent().filter((xml) => xml.includes(TEAM))).toEqual([]);
    configure({ rooms: [HALL] });
    expect(wanted()).toEqual([HALL]);
    expect(session.takeSent().join()).toContain(`to="${TEAM}/bot"`);
  });

  it("asks for another nick, and does not leave for it", () => {
    const { session, rooms, configure, enter } = setUp({ config: { rooms: [TEAM] } });
    enter(TEAM);
    session.takeSent();
    configure({ rooms: [{ jid: TEAM, nick: "claw" }] });
    expect(session.takeSent()).toEqual([expect.stringContaining(`to="${TEAM}/claw"`)]);
    expect(rooms.get(TEAM)?.state).toBe("joined");
  });

  it("is the operator's choice, whoever invites there as well", () => {
    const { membership, invite } = setUp({ config: { rooms: [TRAP] } });
    invite(TRAP);
    expect(membership.originOf(TRAP)).toBeUndefined();
    expect([...membership.chosen()]).toEqual([TRAP]);
    expect(membership.leave(TRAP)).toBe(false);
  });

  it.each([
    [{ [TRAP]: { enabled: false } }, true],
    [{ "*": { enabled: false } }, true],
    [{ "*": { enabled: false }, [TRAP]: { requireMention: false } }, true],
    [{ "*": { enabled: false }, [TRAP]: { enabled: true } }, false],
    [{ [HALL]: { enabled: false } }, false],
  ])("%j keeps out of a room whatever leads there", (mucRooms, isDisabled) => {
    const { membership, wanted, invite } = setUp({
      config: { mucRooms, bookmarks: "read" },
      bookmarks: [bookmark(TRAP)],
    });
    invite();
    expect(membership.isDisabled(TRAP)).toBe(isDisabled);
    expect(wanted().includes(TRAP)).toBe(!isDisabled);
  });
});

describe("bookmarks", () => {
  const config = { bookmarks: "read" };

  it("are entered with their nick and password where they say so, and are the operator's choice", () => {
    const all = [bookmark(TEAM, { nick: "b", password: "p" }), bookmark(HALL, { autojoin: false })];
    const { session, membership, wanted } = setUp({ config, bookmarks: all });
    expect(wanted()).toEqual([TEAM]);
    expect(membership.originOf(TEAM)).toEqual({ kind: "bookmark" });
    expect([...membership.chosen()]).toEqual([TEAM]);
    const joins = session.takeSent().filter((xml) => xml.startsWith("<presence"));
    expect(joins.join()).toContain(`to="${TEAM}/b"`);
    expect(joins.join()).toContain("<password>p</password>");
  });

  it("unknown are not gone", () => {
    const { fake, membership, wanted } = setUp({ config, bookmarks: [bookmark(TEAM)] });
    fake.unload();
    membership.apply();
    expect(wanted()).toEqual([TEAM]);
    fake.become([]);
    expect(wanted()).toEqual([]);
  });

  it("that come are entered", () => {
    const { fake, wanted } = setUp({ config, bookmarks: "unknown" });
    expect(wanted()).toEqual([]);
    fake.become([bookmark(HALL)]);
    expect(wanted()).toEqual([HALL]);
  });

  it("that are only read are left until the next start", () => {
    const { fake, membership, wanted } = setUp({ config, bookmarks: [bookmark(TEAM)] });
    expect(membership.leave(TEAM)).toBe(true);
    membership.apply();
    expect(wanted()).toEqual([]);
    expect(fake.asked()).toEqual([]);
    expect(membership.leave(HALL)).toBe(false);
  });

  it("are not written by an account that only reads them", () => {
    const { fake, membership, invite } = setUp({ config, bookmarks: [bookmark(TEAM)] });
    invite();
    fake.become([bookmark(HALL)]);
    membership.leave(TRAP);
    expect(fake.asked()).toEqual([]);
  });
});

describe("an invitation", () => {
  it("is followed with its password, and survives a restart", () => {
    const first = setUp();
    first.invite();
    const origin = { kind: "invitation", by: EVE, admitted: false };
    for (const { session, membership, wanted } of [first, setUp({ file: first.file })]) {
      expect(wanted()).toEqual([TRAP]);
      expect(session.takeSent().join()).toContain("<password>sesame</password>");
      expect(membership.originOf(TRAP)).toEqual(origin);
      expect(membership.isWanted(TRAP)).toBe(true);
      expect([...membership.chosen()]).toEqual([]);
    }
  });

  it("that declines one of ours leads nowhere", () => {
    const { membership, wanted } = setUp();
    const declined: Invitation = { kind: "declined", room: TRAP, by: EVE };
    membership.follow(declined, { room: TRAP, by: EVE, admitted: true });
    expect(wanted()).toEqual([]);
  });

  it.each<[string, string, string[]]>([
    ["kicked", "", ["307"]],
    ["banned", "", ["301"]],
    ["not a member any more", "", ["321"]],
    ["put out as the room was destroyed", "<destroy/>", []],
  ])("ends when we are %s", (_, inside, codes) => {
    const { log, membership, wanted, invite, enter, putOut, file } = setUp();
    invite();
    enter(TRAP);
    putOut(TRAP, inside, ...codes);
    expect(wanted()).toEqual([]);
    expect(membership.originOf(TRAP)).toBeUndefined();
    expect(log.lines.filter((line) => line.includes("is forgotten"))).toHaveLength(1);
    expect(setUp({ file }).wanted()).toEqual([]);
  });

  it.each<[string, string[]]>([
    ["the service shuts down", ["332"]],
    ["the room dropped us for a technical reason", ["333", "307"]],
  ])("stays when %s", (_, codes) => {
    const { rooms, invited, invite, enter, putOut } = setUp();
    invite();
    enter(TRAP);
    putOut(TRAP, "", ...codes);
    expect(rooms.get(TRAP)).toMatchObject({ state: "lost", retry: "soon" });
    expect(invited.get(TRAP)).toBeDefined();
  });

  it("lasts through the end of the connection", () => {
    const { session, invited, wanted, invite, enter } = setUp();
    invite();
    enter(TRAP);
    session.goOffline();
    expect(invited.get(TRAP)).toBeDefined();
    expect(wanted()).toEqual([TRAP]);
  });

  it("does not end for a room of the configuration", () => {
    const { rooms, enter, putOut } = setUp({ config: { rooms: [TEAM] } });
    enter(TEAM);
    putOut(TEAM, "", "307");
    expect(rooms.get(TEAM)).toMatchObject({ state: "lost", retry: "slow" });
  });

  it("is over when the operator leaves the room", () => {
    const { session, membership, wanted, invite, enter, file } = setUp();
    invite();
    enter(TRAP);
    session.takeSent();
    expect(membership.leave(TRAP)).toBe(true);
    expect(session.takeSent()).toEqual([expect.stringContaining('type="unavailable"')]);
    expect(wanted()).toEqual([]);
    expect(setUp({ file }).wanted()).toEqual([]);
  });
});

describe("in sync", () => {
  const config = { bookmarks: "sync" };

  it("an invited room is bookmarked, and is none of the operator's choices for that", async () => {
    const { fake, membership, invite } = setUp({ config, bookmarks: [] });
    invite();
    expect(fake.asked()).toEqual([`set ${TRAP}`]);
    await fake.answer();
    const [ours] = fake.bookmarks.list();
    expect(ours).toMatchObject({ room: TRAP, autojoin: true, nick: undefined });
    expect(ours?.password).toBeUndefined();
    expect(membership.originOf(TRAP)?.kind).toBe("invitation");
    expect([...membership.chosen()]).toEqual([]);
  });

  it("nothing is bookmarked where our mark would not be kept", () => {
    const { fake, invite } = setUp({ config, bookmarks: [] });
    fake.loseExtensions();
    invite();
    expect(fake.asked()).toEqual([]);
  });

  it("is told later what happened while the bookmarks were unknown", () => {
    const { file, invite } = setUp();
    invite();
    const { fake } = setUp({ config, bookmarks: "unknown", file });
    fake.become([bookmark(TEAM)]);
    expect(fake.asked()).toEqual([`set ${TRAP}`]);
  });

  it("a bookmark that another client removes takes us out", async () => {
    const { fake, invited, wanted, invite } = setUp({ config, bookmarks: [] });
    invite();
    await fake.answer();
    fake.become([bookmark(HALL)]);
    expect(wanted()).toEqual([HALL]);
    expect(invited.list()).toEqual([]);
  });

  it("leaving keeps the bookmark, and takes autojoin out of it", async () => {
    const team = bookmark(TEAM, { name: "The Team" });
    const { fake, membership, wanted } = setUp({ config, bookmarks: [team] });
    expect(membership.leave(TEAM)).toBe(true);
    expect(wanted()).toEqual([]);
    expect(fake.asked()).toEqual([`set ${TEAM}`]);
    await fake.answer();
    expect(fake.bookmarks.list()).toEqual([{ ...team, autojoin: false }]);
    expect(wanted()).toEqual([]);
    fake.become([bookmark(TEAM)]);
    expect(wanted()).toEqual([TEAM]);
  });

  it("a bookmark of somebody else is not touched by an invitation", async () => {
    const trap = bookmark(TRAP, { autojoin: false, name: "The Trap" });
    const { fake, membership, invite } = setUp({ config, bookmarks: [trap] });
    invite();
    expect(fake.asked()).toEqual([]);
    expect(fake.bookmarks.list()).toEqual([trap]);
    expect(membership.originOf(TRAP)?.kind).toBe("invitation");
  });

  it("our bookmark brings the invitation back where its file is lost, and no more than that", async () => {
    const { fake, invite } = setUp({ config, bookmarks: [] });
    invite();
    await fake.answer();
    for (const mode of ["sync", "read"]) {
      const bookmarks = fake.bookmarks.list();
      const { membership } = setUp({ config: { bookmarks: mode }, bookmarks });
      expect(membership.originOf(TRAP)).toEqual({ kind: "invitation", by: EVE, admitted: false });
      expect([...membership.chosen()]).toEqual([]);
    }
  });

  it.each([
    ["before our bookmark of it is gone", async () => undefined],
    [
      "though our bookmark of it cannot be removed",
      async (fake: ReturnType<typeof createFakeBookmarks>) => {
        await fake.answer(new Error("no"));
        fake.become([bookmark(TRAP), bookmark(HALL)]);
      },
    ],
  ])("a room that puts us out is never the operator's choice, %s", async (_, then) => {
    const { fake, membership, wanted, invite, enter, putOut, file } = setUp({
      config,
      bookmarks: [],
    });
    invite();
    await fake.answer();
    enter(TRAP);
    putOut(TRAP, "", "307");
    expect(fake.asked()).toEqual([`remove ${TRAP}`]);
    await then(fake);
    expect(wanted()).not.toContain(TRAP);
    expect([...membership.chosen()]).not.toContain(TRAP);
    const restarted = setUp({ config, bookmarks: fake.bookmarks.list(), file });
    expect([...restarted.membership.chosen()]).not.toContain(TRAP);
  });

  it("nor one that puts us out before it is bookmarked", async () => {
    const { fake, membership, wanted, invite, enter, putOut, file } = setUp({
      config,
      bookmarks: [],
    });
    invite();
    enter(TRAP);
    putOut(TRAP, "", "307");
    expect(fake.asked()).toEqual([`set ${TRAP}`, `remove ${TRAP}`]);
    await fake.answer();
    expect([...membership.chosen()]).toEqual([]);
    await fake.answer();
    expect(wanted()).toEqual([]);
    expect(setUp({ file }).wanted()).toEqual([]);
  });

  it("a new invitation counts, though the last one is still being forgotten", async () => {
    const { fake, membership, wanted, invite, enter, putOut } = setUp({ config, bookmarks: [] });
    invite();
    await fake.answer();
    enter(TRAP);
    putOut(TRAP, "", "307");
    invite();
    await fake.answer();
    await fake.answer();
    expect(wanted()).toEqual([TRAP]);
    expect(membership.originOf(TRAP)?.kind).toBe("invitation");
  });

  it("what cannot be bookmarked is in the log", async () => {
    const { fake, log, wanted, invite } = setUp({ config, bookmarks: [] });
    invite();
    await fake.answer(new Error("full"));
    await expect.poll(() => log.lines.join("\n")).toContain("could not be bookmarked: full");
    expect(wanted()).toEqual([TRAP]);
  });
});

describe("a room that the operator enters by a command", () => {
  it("is kept, with its nick, as one of the configuration is, also after it put us out", () => {
    const { membership, session, wanted, enter, putOut, file } = setUp();
    expect(membership.enter(TEAM, { nick: "claw" })).toBe(true);
    expect(session.takeSent().join()).toContain(`to="${TEAM}/claw"`);
    expect(membership.originOf(TEAM)).toEqual({ kind: "operator" });
    expect([...membership.chosen()]).toEqual([TEAM]);
    enter(TEAM);
    putOut(TEAM, "", "307");
    expect(wanted()).toEqual([TEAM]);
    const restarted = setUp({ file });
    expect(restarted.wanted()).toEqual([TEAM]);
    expect(restarted.session.takeSent().join()).toContain(`to="${TEAM}/claw"`);
    expect(restarted.membership.leave(TEAM)).toBe(true);
    expect(setUp({ file }).wanted()).toEqual([]);
  });

  it("is the operator's from then on, where somebody had invited to it", () => {
    const { membership, invite } = setUp();
    invite(TRAP);
    expect([...membership.chosen()]).toEqual([]);
    membership.enter(TRAP);
    expect([...membership.chosen()]).toEqual([TRAP]);
  });

  it("takes another nick on another word, and keeps the last one on none", () => {
    const { membership, session, rooms } = setUp();
    membership.enter(TEAM, { nick: "claw", password: "sesame" });
    session.takeSent();
    membership.enter(TEAM);
    expect(session.takeSent()).toEqual([]);
    membership.enter(TEAM, { nick: "paw" });
    expect(session.takeSent().join()).toMatch(/team@muc.example\/paw.*sesame/);
    expect(rooms.list()).toHaveLength(1);
  });

  it("is not entered against the configuration", () => {
    const config = { rooms: [HALL], mucRooms: { [TRAP]: { enabled: false } } };
    const { membership, wanted, invited } = setUp({ config });
    expect(() => membership.enter(TRAP)).toThrow(/enabled: false/);
    expect(() => membership.enter(HALL, { nick: "claw" })).toThrow(/in the configuration/);
    expect(membership.enter(HALL)).toBe(true);
    expect(wanted()).toEqual([HALL]);
    expect(invited.list()).toEqual([]);
  });

  it("is bookmarked as a choice, and left for other clients as well", async () => {
    const config = { bookmarks: "sync" };
    const { membership, fake, wanted } = setUp({ config, bookmarks: [] });
    membership.enter(TEAM);
    expect(fake.asked()).toEqual([`set ${TEAM}`]);
    await fake.answer();
    expect(fake.bookmarks.list()[0]?.extensions?.children).toEqual([]);
    expect(membership.leave(TEAM)).toBe(true);
    await fake.answer();
    expect(fake.bookmarks.list()).toEqual([expect.objectContaining({ autojoin: false })]);
    expect(wanted()).toEqual([]);
  });
});

it("stops listening", () => {
  const { membership, invited, invite, enter, putOut } = setUp();
  invite();
  enter(TRAP);
  membership.stop();
  putOut(TRAP, "", "301");
  expect(invited.get(TRAP)).toBeDefined();
});
