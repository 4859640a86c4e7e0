/** What is owed outlives the process, and nothing that was settled does. */
import { DatabaseSync } from "node:sqlite";
import { mkdtempSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { beforeEach, expect, it, vi } from "vitest";
import { createIngressDatabase } from "./ingress-database.ts";
import { createOwedAnswers, type OwedAnswer } from "./owed-answers.ts";

const log = { warn: vi.fn() };
let file = "";

beforeEach(() => {
  file = join(mkdtempSync(join(tmpdir(), "owed-")), "ingress.sqlite");
  log.warn.mockClear();
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

const open = () => {
  const database = createIngressDatabase(file, { log });
  return { database, owed: createOwedAnswers("default", database, log) };
};

const answer = (messageId: string): OwedAnswer => ({
  messageId,
  agentId: "main",
  sessionKey: "agent:main:xmpp:direct:alice@localhost",
  to: "alice@localhost",
  since: 1,
});

/** As if the rows were another process's. */
const asAnotherProcess = () => change("UPDATE owed_answers SET process = 'earlier'");

function change(sql: string): void {
  const db = new DatabaseSync(file);
  db.exec(sql);
  db.close();
}

/** As if there were no room on the disk for that. */
const fill = (verb: "INSERT" | "DELETE") =>
  change(
    `CREATE TRIGGER full BEFORE ${verb} ON owed_answers BEGIN SELECT RAISE(ABORT, 'full'); END`,
  );
const makeRoom = () => change("DROP TRIGGER full");

it("is found by the next process, in order, and not by this one", async () => {
  const { owed } = open();
  await owed.note(answer("2"));
  await owed.note(answer("1"));
  expect(owed.left()).toEqual([]);
  asAnotherProcess();
  expect(owed.left()).toEqual([answer("2"), answer("1")]);
});

it("is noted once where the host takes the message over twice", async () => {
  const { owed } = open();
  await owed.note(answer("1"));
  await owed.note({ ...answer("1"), since: 2 });
  asAnotherProcess();
  expect(owed.left()).toEqual([{ ...answer("1"), since: 2 }]);
});

it("is gone once it is settled", async () => {
  const { owed } = open();
  await owed.note(answer("1"));
  await owed.note(answer("2"));
  owed.settle(answer("1"));
  asAnotherProcess();
  expect(owed.left()).toEqual([answer("2")]);
});

it("is settled by a turn that ends after its account was restarted", async () => {
  const first = open();
  await first.owed.note(answer("1"));
  first.database.close();
  const second = open();
  first.owed.settle(answer("1"));
  asAnotherProcess();
  expect(second.owed.left()).toEqual([]);
});

it("is settled with the next start where the account is stopped by then", async () => {
  const first = open();
  await first.owed.note(answer("1"));
  first.database.close();
  first.owed.settle(answer("1"));
  const second = open();
  asAnotherProcess();
  expect(second.owed.left()).toEqual([]);
});

it("is settled as soon as the disk takes it", async () => {
  const { owed } = open();
  await owed.note(answer("1"));
  fill("DELETE");
  owed.settle(answer("1"));
  makeRoom();
  vi.advanceTimersByTime(1_000);
  asAnotherProcess();
  expect(new DatabaseSync(file).prepare("SELECT * FROM owed_answers").all()).toEqual([]);
});

it("is settled as soon as the disk takes it, however long that was full", async () => {
  const { owed } = open();
  await owed.note(answer("1"));
  fill("DELETE");
  owed.settle(answer("1"));
  await vi.advanceTimersByTimeAsync(10 * 60_000);
  makeRoom();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(new DatabaseSync(file).prepare("SELECT * FROM owed_answers").all()).toEqual([]);
});

it("is noted by the account's next run where it was restarted while it waited", async () => {
  const first = open();
  await first.owed.note(answer("1"));
  fill("INSERT");
  const noted = first.owed.note(answer("2"));
  await vi.advanceTimersByTimeAsync(500);
  first.database.close();
  const second = open();
  makeRoom();
  await vi.advanceTimersByTimeAsync(1_000);
  await noted;
  expect(second.owed.has(answer("2"))).toBe(true);
});

it("waits until the disk takes it, and says so once", async () => {
  const { owed } = open();
  await owed.note(answer("1"));
  fill("INSERT");
  const noted = owed.note(answer("2")).then(() => "noted");
  await vi.advanceTimersByTimeAsync(3_600_000);
  expect(owed.has(answer("2"))).toBe(false);
  makeRoom();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await noted).toBe("noted");
  expect(owed.has(answer("2"))).toBe(true);
  expect(log.warn).toHaveBeenCalledOnce();
});

it("does not wait any more once the account has stopped", async () => {
  const { database, owed } = open();
  await owed.note(answer("1"));
  fill("INSERT");
  const noted = owed.note(answer("2")).catch(String);
  database.close();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await noted).toContain("closed");
});

it("is owed again where its message is asked again before the disk takes that it was settled", async () => {
  const { owed } = open();
  await owed.note(answer("1"));
  fill("DELETE");
  owed.settle(answer("1"));
  makeRoom();
  await owed.note(answer("1"));
  await vi.advanceTimersByTimeAsync(1_000);
  expect(owed.has(answer("1"))).toBe(true);
});

it("is not noted any more that was settled while it waited for the disk", async () => {
  const { owed } = open();
  await owed.note(answer("1"));
  fill("INSERT");
  const noted = owed.note(answer("2"));
  await vi.advanceTimersByTimeAsync(500);
  owed.settle(answer("2"));
  makeRoom();
  await vi.advanceTimersByTimeAsync(1_000);
  await noted;
  asAnotherProcess();
  expect(owed.left()).toEqual([answer("1")]);
});

it("is passed over where a row is unreadable", async () => {
  const { owed } = open();
  await owed.note(answer("1"));
  await owed.note(answer("2"));
  change("UPDATE owed_answers SET answer = '{' WHERE key LIKE '%,_1_]'");
  asAnotherProcess();
  expect(owed.left()).toEqual([answer("2")]);
  expect(owed.left()).toEqual([answer("2")]);
  expect(log.warn).toHaveBeenCalledOnce();
});

it("has its place in a file that an earlier version made", async () => {
  open().database.transact(() => undefined);
  change("DROP TABLE owed_answers");
  const { owed } = open();
  await owed.note(answer("1"));
  asAnotherProcess();
  expect(owed.left()).toHaveLength(1);
});

it("is another one where another room gave the same id", async () => {
  const { owed } = open();
  const elsewhere = { ...answer("1"), to: "room:team@muc.localhost" };
  await owed.note(answer("1"));
  await owed.note(elsewhere);
  expect([owed.has(answer("1")), owed.has(elsewhere)]).toEqual([true, true]);
  owed.settle(elsewhere);
  expect([owed.has(answer("1")), owed.has(elsewhere)]).toEqual([true, false]);
});
