import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import { createArchiveCursors } from "../state/archive-cursors.ts";
import { createArchiveTrack, MAX_FOLLOWED } from "./archive-track.ts";

const OWN = "bot@example" as BareJid;
const DONE = Promise.resolve();
const START = { id: "start", stamp: 1, floor: 0, showedJids: false };

let folder = "";
beforeEach(() => {
  vi.useFakeTimers();
  folder = mkdtempSync(join(tmpdir(), "archive-track-"));
});
afterEach(() => {
  vi.useRealTimers();
  rmSync(folder, { recursive: true });
});

function setUp() {
  const log = { warn: () => undefined };
  const cursors = createArchiveCursors(join(folder, "cursors.json"), { log });
  const track = createArchiveTrack(OWN, cursors, () => false);
  track.moveTo(START);
  return { track, at: () => track.cursor?.id };
}
const settle = async () => void (await vi.advanceTimersByTimeAsync(0));

/** Resolves to what has been let through so far. */
function passing(track: ReturnType<typeof createArchiveTrack>, ...conversations: string[]) {
  const passed: string[] = [];
  for (const each of conversations) {
    void (track.openingFor(each) ?? DONE).then(() => passed.push(each));
  }
  return passed;
}

test("the cursor follows what is live, in order, once nothing lies in between", async () => {
  const { track, at } = setUp();
  track.fallBehind(1_000);
  track.follow("a", DONE);
  await settle();
  expect(at()).toBe("start");
  track.catchUp(new Set());
  expect(at()).toBe("a");
});

test(`more than ${MAX_FOLLOWED} that are handled late leave the cursor where it was, until the next catch-up`, async () => {
  const { track, at } = setUp();
  track.catchUp(new Set());
  const late = Promise.withResolvers<void>();
  for (let id = 1; id <= MAX_FOLLOWED; id++) track.follow(`${id}`, late.promise);
  track.follow("one too many", DONE);
  late.resolve();
  await settle();
  expect(at()).toBe("start");
  track.fallBehind(1_000);
  track.catchUp(new Set());
  track.follow("later", DONE);
  await settle();
  expect(at()).toBe("later");
});

test(`up to ${MAX_FOLLOWED} are handled late without a gap`, async () => {
  const { track, at } = setUp();
  track.catchUp(new Set());
  const late = Promise.withResolvers<void>();
  for (let id = 1; id <= MAX_FOLLOWED; id++) track.follow(`${id}`, late.promise);
  late.resolve();
  await settle();
  expect(at()).toBe(`${MAX_FOLLOWED}`);
});

test("the gate opens to all but those whose older messages are not handed on yet", async () => {
  const { track } = setUp();
  expect(track.openingFor("ann")).toBeUndefined();
  track.fallBehind(1_000);
  const passed = passing(track, "ann", "bob", "ann");
  await settle();
  expect(passed).toEqual([]);
  track.openExcept(new Set(["ann"]));
  expect(track.openingFor("carol")).toBeUndefined();
  const later = passing(track, "ann", "carol");
  await settle();
  expect([passed, later]).toEqual([["bob"], ["carol"]]);
  track.catchUp(new Set());
  await settle();
  expect([passed, later]).toEqual([
    ["bob", "ann", "ann"],
    ["carol", "ann"],
  ]);
});

test("nobody waits for longer than that", async () => {
  const { track } = setUp();
  track.fallBehind(1_000);
  const passed = passing(track, "ann", "bob");
  track.openExcept(new Set(["ann"]));
  await vi.advanceTimersByTimeAsync(999);
  expect(passed).toEqual(["bob"]);
  await vi.advanceTimersByTimeAsync(1);
  expect(passed).toEqual(["bob", "ann"]);
});
