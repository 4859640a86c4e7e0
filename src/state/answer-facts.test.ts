/** What an answer has beside its text outlives the process, and not for ever. */
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { expect, it, vi } from "vitest";
import type { FullJid } from "../protocol/jid.ts";
import { createAnswerFacts } from "./answer-facts.ts";
import { createIngressDatabase } from "./ingress-database.ts";

const FACTS = {
  thread: { id: "t1", parent: undefined },
  prefix: "alice: ",
  reply: { id: "question", to: "alice@example/phone" as FullJid },
  quote: { text: "why?", author: undefined },
};
const WEEK_MS = 7 * 24 * 60 * 60_000;

function setUp() {
  const file = join(mkdtempSync(join(tmpdir(), "facts-")), "ingress.sqlite");
  const log = { warn: vi.fn() };
  const clock = { now: 1_000_000_000_000 };
  const open = () => {
    const database = createIngressDatabase(file, { log });
    return { database, facts: createAnswerFacts(database, { now: () => clock.now, log }) };
  };
  return { file, open, clock, log };
}

it("another process finds it, until it was sent", () => {
  const { open } = setUp();
  const { database, facts } = open();
  facts.note("row", FACTS);
  facts.note("bare", {});
  database.close();
  const later = open().facts;
  expect(later.find("row")).toEqual(FACTS);
  expect(later.find("bare")).toEqual({});
  expect(later.find("other")).toBeUndefined();
  later.settle("row");
  expect(later.find("row")).toBeUndefined();
});

it("is kept for a week, and of a thousand answers", () => {
  const { open, clock } = setUp();
  const { facts } = open();
  facts.note("old", FACTS);
  clock.now += WEEK_MS + 1;
  expect(facts.find("old")).toBeUndefined();
  for (let number = 0; number <= 1_000; number++) facts.note(`row-${number}`, FACTS);
  expect(facts.find("row-0")).toBeUndefined();
  expect(facts.find("row-1")).toEqual(FACTS);
});

it("what cannot be read, or written, costs no answer", () => {
  const { file, open, log } = setUp();
  const { database, facts } = open();
  facts.note("row", FACTS);
  const db = new DatabaseSync(file);
  db.exec(`UPDATE answer_facts SET facts = '{"reply":1}'`);
  db.close();
  expect(facts.find("row")).toBeUndefined();
  database.close();
  facts.note("row", FACTS);
  facts.settle("row");
  expect(log.warn).toHaveBeenCalledTimes(3);
});
