import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import { createInvitedRooms, MAX_INVITED_ROOMS } from "./invited-rooms.ts";

const ALICE = "alice@example.com" as BareJid;
const BOB = "bob@example.com" as BareJid;
const CAVE = "cave@rooms.example.com" as BareJid;
const HEATH = "heath@rooms.example.com" as BareJid;

describe("invited rooms", () => {
  let folder = "";
  let file = "";
  let now = 1000;
  let lines: string[] = [];
  const log = { warn: (line: string) => void lines.push(line) };
  const open = () => createInvitedRooms(file, { now: () => now, log });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "xmpp-invited-"));
    file = join(folder, "account", "invited-rooms.json");
    now = 1000;
    lines = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const cave = {
    room: CAVE,
    by: ALICE,
    admitted: true,
    kind: "mediated",
    password: "hush",
    nick: "claw",
  } as const;
  const heath = { room: HEATH, by: BOB, admitted: true, kind: "direct" } as const;

  it("survive a restart, with password and nick", () => {
    expect(open().add(cave)).toBe(true);
    now = 2000;
    expect(open().add(heath)).toBe(true);
    expect(open().list()).toEqual([
      { ...cave, since: 1000 },
      { ...heath, since: 2000 },
    ]);
    expect(open().get(HEATH)).toEqual({ ...heath, since: 2000 });
    expect(open().get(ALICE)).toBeUndefined();
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(lines).toEqual([]);
  });

  it("are gone for good when removed", () => {
    const rooms = open();
    rooms.add(cave);
    expect(rooms.remove(CAVE)).toBe(true);
    expect(rooms.remove(CAVE)).toBe(false);
    expect(open().list()).toEqual([]);
    expect(readFileSync(file, "utf8")).not.toContain("hush");
  });

  it("take the newer invitation, and stay as old as they are", () => {
    open().add(cave);
    now = 2000;
    open().add({ room: CAVE, by: BOB, admitted: true, kind: "direct", password: "new" });
    expect(open().list()).toEqual([
      { room: CAVE, by: BOB, admitted: true, kind: "direct", password: "new", since: 1000 },
    ]);
  });

  it("are bounded: who came first stays", () => {
    const room = (n: number) => `room${n}@rooms.example.com` as BareJid;
    const entry = { by: ALICE, admitted: true, kind: "direct", since: 5 };
    const many = Array.from({ length: MAX_INVITED_ROOMS }, (_, n) => [room(n), entry]);
    open().add(cave);
    writeFileSync(file, JSON.stringify(Object.fromEntries(many)));
    const rooms = open();
    expect(rooms.list()).toHaveLength(200);
    expect(rooms.add(heath)).toBe(false);
    expect(rooms.get(HEATH)).toBeUndefined();
    expect(rooms.add({ ...heath, room: room(0) })).toBe(true);
    rooms.remove(room(0));
    expect(rooms.add(heath)).toBe(true);
    expect(open().list()).toHaveLength(200);
  });

  it.each([
    5,
    {},
    { by: "not a jid", kind: "direct", since: 1 },
    { by: ALICE, admitted: true, kind: "indirect", since: 1 },
    { by: ALICE, admitted: true, kind: "direct", since: "1" },
    { by: ALICE, admitted: true, kind: "direct", since: 1, password: 5 },
    { by: ALICE, admitted: true, kind: "direct", since: 1, nick: {} },
  ])("leave out a broken entry: %j", (broken) => {
    open().add(heath);
    const content = JSON.parse(readFileSync(file, "utf8")) as object;
    writeFileSync(file, JSON.stringify({ [CAVE]: broken, ...content }));
    expect(
      open()
        .list()
        .map(({ room }) => room),
    ).toEqual([HEATH]);
    expect(lines).toHaveLength(1);
  });
});
