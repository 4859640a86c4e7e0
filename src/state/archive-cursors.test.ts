import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { createTempDir, type TempDir } from "../../test/support/at-exit.ts";
import { prepared } from "../../test/support/xmpp-subjects.ts";
import { createArchiveCursors, MAX_ARCHIVES, type ArchiveCursor } from "./archive-cursors.ts";

const OWN = prepared("bot@chat.example");
const ROOM = prepared("den@rooms.chat.example");
const AT: ArchiveCursor = { id: "7", stamp: 1_000, floor: 500, showedJids: true };

describe("the cursors of archives", () => {
  let temp: TempDir;
  let file = "";
  const lines: string[] = [];
  const log = { warn: (line: string) => void lines.push(line) };
  const open = () => createArchiveCursors(file, { log });
  const written = () => JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
  const write = (text: string) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, text);
  };

  beforeEach(() => {
    vi.useFakeTimers();
    temp = createTempDir("archive-cursors");
    file = join(temp.path, "account", "archive-cursors.json");
    lines.length = 0;
  });
  afterEach(() => {
    vi.useRealTimers();
    temp.remove();
  });

  it("outlast the process, that of an empty archive too, for the owner's eyes only", () => {
    const cursors = open();
    expect(cursors.get(OWN)).toBeUndefined();
    cursors.set(OWN, { id: undefined, stamp: 0, floor: 0, showedJids: false });
    cursors.set(ROOM, AT);
    cursors.stop();
    const later = open();
    expect(later.get(OWN)).toEqual({ id: undefined, stamp: 0, floor: 0, showedJids: false });
    expect(later.get(ROOM)).toEqual(AT);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(lines).toEqual([]);
  });

  it("are written once a second, however often they move", () => {
    const cursors = open();
    cursors.set(ROOM, AT);
    vi.advanceTimersByTime(1_000);
    for (let id = 8; id <= 20; id++) cursors.set(ROOM, { ...AT, id: String(id) });
    expect(written()).toEqual({ [ROOM]: AT });
    vi.advanceTimersByTime(1_000);
    expect(written()).toEqual({ [ROOM]: { ...AT, id: "20" } });
  });

  it("are forgotten for good", () => {
    const cursors = open();
    cursors.set(ROOM, AT);
    cursors.set(OWN, AT);
    vi.advanceTimersByTime(1_000);
    cursors.forget(ROOM);
    cursors.forget(prepared("never@rooms.chat.example"));
    cursors.stop();
    expect(written()).toEqual({ [OWN]: AT });
  });

  it(`are ${MAX_ARCHIVES} at most: the one that moved the longest time ago goes, after a restart too`, () => {
    const room = (n: number) => prepared(`r${n}@rooms.chat.example`);
    const cursors = open();
    for (let n = 0; n < MAX_ARCHIVES; n++) cursors.set(room(n), AT);
    cursors.set(room(0), { ...AT, id: "8" });
    cursors.set(OWN, AT);
    expect(cursors.get(room(1))).toBeUndefined();
    cursors.stop();
    const later = open();
    expect(later.get(room(0))).toEqual({ ...AT, id: "8" });
    later.set(room(1), AT);
    expect(later.get(room(2))).toBeUndefined();
    expect(later.get(room(0))).toBeDefined();
    expect(later.get(OWN)).toBeDefined();
  });

  it.each(["{", "[]", "null", ""])(
    "of a broken file are none, and the file is kept: %j",
    (text) => {
      write(text);
      const cursors = open();
      expect(cursors.get(OWN)).toBeUndefined();
      expect(lines.join()).toContain(`${file}.corrupt`);
      expect(readFileSync(`${file}.corrupt`, "utf8")).toBe(text);
      cursors.set(OWN, AT);
      cursors.stop();
      expect(open().get(OWN)).toEqual(AT);
    },
  );

  it.each([
    7,
    null,
    {},
    { ...AT, id: 7 },
    { ...AT, stamp: "1000" },
    { ...AT, floor: null },
    { ...AT, showedJids: "yes" },
  ])("take no nonsense for an entry, and the others for what they are: %j", (entry) => {
    write(JSON.stringify({ [ROOM]: entry, [OWN]: AT, "not a jid@": AT }));
    const cursors = open();
    expect(cursors.get(ROOM)).toBeUndefined();
    expect(cursors.get(OWN)).toEqual(AT);
    expect(lines.join()).toContain("2 entries are broken");
  });

  it("go on in memory where the disk does not take them, which is told once", () => {
    writeFileSync(dirname(file), "");
    const cursors = open();
    for (const id of ["8", "9"]) {
      cursors.set(OWN, { ...AT, id });
      vi.advanceTimersByTime(1_000);
    }
    expect(cursors.get(OWN)).toEqual({ ...AT, id: "9" });
    expect(lines.filter((line) => line.includes("cannot be written"))).toHaveLength(1);
  });
});
