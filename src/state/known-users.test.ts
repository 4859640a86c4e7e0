import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import { createKnownUsers, MAX_KNOWN_USERS, MAX_ROOMS_OF_USER } from "./known-users.ts";

const ALICE = "alice@example.com" as BareJid;
const BOB = "bob@example.com" as BareJid;
const MALLORY = "mallory@example.net" as BareJid;
const CAVE = "cave@rooms.example.com" as BareJid;
const HEATH = "heath@rooms.example.com" as BareJid;

describe("known users", () => {
  let folder = "";
  let file = "";
  let now = 1000;
  let lines: string[] = [];
  const log = { warn: (line: string) => void lines.push(line) };
  const open = () => createKnownUsers(file, { now: () => now, log });

  beforeEach(() => {
    vi.useFakeTimers();
    folder = mkdtempSync(join(tmpdir(), "xmpp-known-"));
    file = join(folder, "account", "known-users.json");
    now = 1000;
    lines = [];
  });
  afterEach(() => {
    vi.useRealTimers();
    rmSync(folder, { recursive: true });
  });

  it("survive a restart with all that was learnt", () => {
    const users = open();
    users.know(ALICE);
    users.know(BOB);
    users.learn(CAVE, { jid: ALICE, nick: "First Witch", occupantId: "id-1" });
    users.learn(HEATH, { jid: ALICE, nick: "Thane" });
    now = 2000;
    users.know(ALICE);
    users.stop();
    const again = open();
    expect(again.list()).toEqual([
      { jid: BOB, since: 1000, lastSeen: 1000, nicks: {}, occupantIds: {} },
      {
        jid: ALICE,
        since: 1000,
        lastSeen: 2000,
        nicks: { [CAVE]: "First Witch", [HEATH]: "Thane" },
        occupantIds: { [CAVE]: "id-1" },
      },
    ]);
    expect(again.byOccupantId(CAVE, "id-1")).toBe(ALICE);
    expect(again.nickOf(ALICE)).toBe("Thane");
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it("learn nothing of who never wrote to us", () => {
    const users = open();
    users.learn(CAVE, { jid: MALLORY, nick: "mallory", occupantId: "id-9" });
    expect(users.list()).toEqual([]);
    expect(users.byOccupantId(CAVE, "id-9")).toBeUndefined();
    users.stop();
    expect(existsSync(file)).toBe(false);
  });

  it("are named by the nick that was new last, or by that of one room", () => {
    const users = open();
    users.know(ALICE);
    expect(users.nickOf(ALICE)).toBeUndefined();
    users.learn(CAVE, { jid: ALICE, nick: "one" });
    users.learn(HEATH, { jid: ALICE, nick: "two" });
    users.learn(CAVE, { jid: ALICE, nick: "one" });
    expect(users.nickOf(ALICE)).toBe("two");
    expect(users.nickOf(ALICE, CAVE)).toBe("one");
    users.learn(CAVE, { jid: ALICE, nick: "three" });
    expect(users.nickOf(ALICE)).toBe("three");
    expect(users.nickOf(ALICE, HEATH)).toBe("two");
    expect(users.nickOf(ALICE, MALLORY)).toBeUndefined();
    expect(users.nickOf(BOB)).toBeUndefined();
  });

  it("have one occupant id a room, kept through presences without one", () => {
    const users = open();
    users.know(ALICE);
    users.learn(CAVE, { jid: ALICE, nick: "one", occupantId: "id-1" });
    users.learn(CAVE, { jid: ALICE, nick: "two" });
    expect(users.byOccupantId(CAVE, "id-1")).toBe(ALICE);
    expect(users.byOccupantId(HEATH, "id-1")).toBeUndefined();
    users.learn(CAVE, { jid: ALICE, nick: "two", occupantId: "id-2" });
    expect(users.byOccupantId(CAVE, "id-1")).toBeUndefined();
    expect(users.byOccupantId(CAVE, "id-2")).toBe(ALICE);
  });

  it.each([
    ["known", BOB, BOB],
    ["unknown", MALLORY, undefined],
  ])("lose an occupant id to a person who is %s", (_, taker, owner) => {
    const users = open();
    users.know(ALICE);
    users.know(BOB);
    users.learn(CAVE, { jid: ALICE, nick: "one", occupantId: "id-1" });
    users.learn(HEATH, { jid: ALICE, nick: "one", occupantId: "id-1" });
    users.flush();
    users.learn(CAVE, { jid: taker, nick: "other", occupantId: "id-1" });
    expect(users.byOccupantId(CAVE, "id-1")).toBe(owner);
    expect(users.byOccupantId(HEATH, "id-1")).toBe(ALICE);
    expect(users.nickOf(ALICE, CAVE)).toBe("one");
    users.stop();
    expect(open().byOccupantId(CAVE, "id-1")).toBe(owner);
    expect(open().list()[0]?.occupantIds).toEqual({ [HEATH]: "id-1" });
  });

  it("are forgotten at once and altogether", () => {
    const users = open();
    users.know(ALICE);
    users.know(BOB);
    users.learn(CAVE, { jid: ALICE, nick: "one", occupantId: "id-1" });
    users.flush();
    expect(users.forget(ALICE)).toBe(true);
    expect(users.forget(ALICE)).toBe(false);
    expect(readFileSync(file, "utf8")).not.toContain("alice");
    expect(readFileSync(file, "utf8")).toContain("bob");
    expect(users.byOccupantId(CAVE, "id-1")).toBeUndefined();
    expect(users.nickOf(ALICE)).toBeUndefined();
  });

  it("are written once a second at most, and only when something changed", () => {
    const users = open();
    const changes = () => {
      const has = existsSync(file);
      rmSync(file, { force: true });
      return has;
    };
    users.know(ALICE);
    users.learn(CAVE, { jid: ALICE, nick: "one", occupantId: "id-1" });
    vi.advanceTimersByTime(999);
    expect(changes()).toBe(false);
    vi.advanceTimersByTime(1);
    expect(changes()).toBe(true);
    users.learn(CAVE, { jid: ALICE, nick: "one", occupantId: "id-1" });
    users.learn(CAVE, { jid: ALICE, nick: "one" });
    users.learn(CAVE, { jid: MALLORY, nick: "m", occupantId: "id-9" });
    vi.advanceTimersByTime(5000);
    users.flush();
    expect(changes()).toBe(false);
    users.learn(CAVE, { jid: ALICE, nick: "two" });
    users.know(BOB);
    users.stop();
    expect(changes()).toBe(true);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("stay in memory while the disk fails, are told once, and written with the next change", () => {
    const users = open();
    mkdirSync(join(file, "in the way"), { recursive: true });
    users.know(ALICE);
    vi.advanceTimersByTime(1000);
    users.know(BOB);
    vi.advanceTimersByTime(1000);
    expect(lines).toEqual([expect.stringContaining("cannot be written")]);
    expect(() => users.forget(BOB)).toThrow("rename");
    rmSync(file, { recursive: true });
    users.learn(CAVE, { jid: ALICE, nick: "one" });
    vi.advanceTimersByTime(1000);
    expect(
      open()
        .list()
        .map(({ jid }) => jid),
    ).toEqual([ALICE]);
  });

  it("are bounded: the least recently seen goes, with its links", () => {
    const users = open();
    const person = (n: number) => `p${n}@example.com` as BareJid;
    for (let n = 0; n < MAX_KNOWN_USERS; n += 1) users.know(person(n));
    users.learn(CAVE, { jid: person(0), nick: "zero", occupantId: "id-0" });
    users.learn(CAVE, { jid: person(1), nick: "one", occupantId: "id-1" });
    users.know(person(0));
    users.know(ALICE);
    expect(users.list()).toHaveLength(10_000);
    expect(users.byOccupantId(CAVE, "id-0")).toBe(person(0));
    expect(users.byOccupantId(CAVE, "id-1")).toBeUndefined();
    users.stop();
    expect(open().list().at(-1)?.jid).toBe(ALICE);
  });

  it("are bounded in their rooms: the one where nothing was new for longest goes", () => {
    const users = open();
    const room = (n: number) => `r${n}@rooms.example.com` as BareJid;
    users.know(ALICE);
    for (let n = 0; n <= MAX_ROOMS_OF_USER; n += 1) {
      users.learn(room(n), { jid: ALICE, nick: "a", occupantId: "id" });
    }
    expect(Object.keys(users.list()[0]?.nicks ?? {})).toHaveLength(100);
    expect(users.byOccupantId(room(0), "id")).toBeUndefined();
    expect(users.byOccupantId(room(1), "id")).toBe(ALICE);
    users.learn(CAVE, { jid: ALICE, nick: "x".repeat(1024) });
    users.learn(CAVE, { jid: ALICE, nick: "x", occupantId: "x".repeat(1024) });
    expect(users.nickOf(ALICE, CAVE)).toBeUndefined();
  });

  it.each([
    5,
    { since: 1, lastSeen: 1, nicks: {} },
    { since: 1, lastSeen: 1, nicks: [], occupantIds: {} },
    { since: "1", lastSeen: 1, nicks: {}, occupantIds: {} },
    { since: 1, lastSeen: 1, nicks: { "not a jid": "x" }, occupantIds: {} },
    { since: 1, lastSeen: 1, nicks: { [CAVE]: 5 }, occupantIds: {} },
    { since: 1, lastSeen: 1, nicks: { [CAVE]: "x" }, occupantIds: { [CAVE]: 5 } },
  ])("leave out a broken entry: %j", (broken) => {
    const good = { since: 1, lastSeen: 1, nicks: {}, occupantIds: {} };
    mkdirSync(dirname(file));
    writeFileSync(file, JSON.stringify({ [ALICE]: broken, [BOB]: good }));
    expect(open().list()).toEqual([{ jid: BOB, ...good }]);
    expect(lines).toHaveLength(1);
  });

  it("keep an occupant id that the file gives to somebody else, too", () => {
    const user = { since: 1, nicks: { [CAVE]: "x" }, occupantIds: { [CAVE]: "id-1" } };
    const content = { [BOB]: { ...user, lastSeen: 2 }, [ALICE]: { ...user, lastSeen: 1 } };
    mkdirSync(dirname(file));
    writeFileSync(file, JSON.stringify(content));
    const users = open();
    users.learn(CAVE, { jid: ALICE, nick: "x", occupantId: "id-2" });
    expect(users.byOccupantId(CAVE, "id-1")).toBe(BOB);
    expect(users.byOccupantId(CAVE, "id-2")).toBe(ALICE);
  });

  it("of a broken file are put aside", () => {
    mkdirSync(dirname(file));
    writeFileSync(file, "[");
    chmodSync(file, 0o600);
    expect(open().list()).toEqual([]);
    expect(readFileSync(`${file}.corrupt`, "utf8")).toBe("[");
  });
});
