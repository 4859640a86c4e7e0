/** What a crash left unfinished on people's screens is finished once. */
import { DatabaseSync } from "node:sqlite";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it, vi } from "vitest";
import { createGrowingAnswers } from "./growing-answers.ts";
import { createIngressDatabase } from "./ingress-database.ts";

const ALICE = "alice@localhost";
const HOUR_MS = 60 * 60_000;

function setUp() {
  const file = join(mkdtempSync(join(tmpdir(), "growing-")), "ingress.sqlite");
  const log = { warn: vi.fn() };
  const clock = { now: 1_000_000_000_000 };
  const database = createIngressDatabase(file, { log });
  const growing = createGrowingAnswers(database, { now: () => clock.now, log });
  /** As if the rows were another process's. */
  const crash = () => {
    const db = new DatabaseSync(file);
    db.exec("UPDATE growing_answers SET process = 'earlier'");
    db.close();
  };
  return { growing, crash, clock, database, log };
}

it("the answer after a crash takes the place of what grew, and only that delivery does, however often", () => {
  const { growing, crash } = setUp();
  growing.note("a", ALICE);
  expect(growing.left("row", ALICE)).toBeUndefined();
  crash();
  expect(growing.left("row", "bob@localhost")).toBeUndefined();
  expect(growing.left("row", ALICE)).toBe("a");
  expect(growing.left("other", ALICE)).toBeUndefined();
  expect(growing.left("row", ALICE)).toBe("a");
});

it("what a delivery was about to replace is replaced by that one alone", () => {
  const { growing, crash } = setUp();
  growing.note("a", ALICE);
  growing.assign("a", "row");
  crash();
  expect(growing.left("other", ALICE)).toBeUndefined();
  expect(growing.left("row", ALICE)).toBe("a");
});

it("what was replaced or taken away is nothing any more", () => {
  const { growing, crash } = setUp();
  growing.note("a", ALICE);
  growing.settle("a");
  crash();
  expect(growing.left("row", ALICE)).toBeUndefined();
});

it("what is far above is nobody's any more, but for whom it was to be", () => {
  const { growing, crash } = setUp();
  growing.note("a", ALICE);
  growing.note("b", ALICE);
  growing.assign("b", "row");
  crash();
  growing.note("c", ALICE);
  growing.forgetLeft("bob@localhost");
  growing.forgetLeft(ALICE);
  expect(growing.left("another", ALICE)).toBeUndefined();
  expect(growing.left("row", ALICE)).toBe("b");
  crash();
  expect(growing.left("another", ALICE)).toBe("c");
});

it("of several the last one counts, and none of an hour before", () => {
  const { growing, crash, clock } = setUp();
  growing.note("a", ALICE);
  clock.now += 1;
  growing.note("b", ALICE);
  crash();
  expect(growing.left("row", ALICE)).toBe("b");
  clock.now += HOUR_MS;
  expect(growing.left("later", ALICE)).toBeUndefined();
});

it("a failing disk costs no answer", () => {
  const { growing, database, log } = setUp();
  database.close();
  growing.note("a", ALICE);
  expect(growing.left("row", ALICE)).toBeUndefined();
  expect(log.warn).toHaveBeenCalled();
});
