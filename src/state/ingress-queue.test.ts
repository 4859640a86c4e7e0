import { mkdtempSync, rmSync, statSync, writeFileSync, existsSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createIngressDatabase, IngressStorageError } from "./ingress-database.ts";
import { createIngressQueue } from "./ingress-queue.ts";
import { describeIngressQueue } from "../../test/support/ingress-queue-contract.ts";

const cleanUp: (() => void)[] = [];
afterEach(() => {
  for (const task of cleanUp.splice(0).toReversed()) task();
});

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), "xmpp-ingress-"));
  cleanUp.push(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

function open(
  file: string,
  { now = Date.now, maxPages }: { now?: () => number; maxPages?: number } = {},
) {
  const warnings: string[] = [];
  const log = { warn: (line: string) => void warnings.push(line) };
  const database = createIngressDatabase(file, {
    log,
    ...(maxPages === undefined ? {} : { maxPages }),
  });
  cleanUp.push(() => database.close());
  const identity = { channelId: "xmpp", accountId: "default" };
  const queue = createIngressQueue<{ text: string }>({ database, ...identity, now });
  return { database, queue, warnings };
}

describeIngressQueue((now) => {
  const file = join(newFolder(), "ingress.sqlite");
  const { queue } = open(file, { now });
  return {
    queue,
    reopen: () => open(file, { now }).queue,
    corrupt(id) {
      const db = new DatabaseSync(file);
      db.prepare("UPDATE events SET payload = '{' WHERE id = ?").run(id);
      db.close();
    },
  };
});

describe("the file", () => {
  it("is for its owner only, in a folder for its owner only", async () => {
    const folder = join(newFolder(), "accounts", "default");
    const file = join(folder, "ingress.sqlite");
    const { queue } = open(file);
    await queue.enqueue("a", { text: "secret" });
    const modes = [folder, file, `${file}-wal`, `${file}-shm`].map(
      (path) => statSync(path).mode & 0o777,
    );
    expect(modes).toEqual([0o700, 0o600, 0o600, 0o600]);
  });

  it("is set aside when it is broken, with a line in the log, and a new one begun", async () => {
    const file = join(newFolder(), "ingress.sqlite");
    writeFileSync(file, "this is no database, however long it may be. ".repeat(200));
    const { queue, warnings } = open(file);
    expect(await queue.enqueue("a", { text: "b" })).toMatchObject({ kind: "accepted" });
    expect(existsSync(`${file}.corrupt`)).toBe(true);
    expect(warnings).toEqual([expect.stringContaining(`${file} is broken`)]);
  });

  it("of a newer version is left alone, and says so", async () => {
    const file = join(newFolder(), "ingress.sqlite");
    const db = new DatabaseSync(file);
    db.exec("PRAGMA user_version = 2");
    db.close();
    const { queue, warnings } = open(file);
    await expect(queue.enqueue("a", { text: "b" })).rejects.toThrow(/another version/);
    expect(warnings).toEqual([]);
  });

  it("takes nothing while the disk is full, keeps what it has, and goes on once there is room", async () => {
    const file = join(newFolder(), "ingress.sqlite");
    const { queue, database } = open(file, { maxPages: 30 });
    const big = { text: "x".repeat(8_000) };
    const taken: string[] = [];
    const fill = async () => {
      for (let n = 0; n < 100; n += 1) {
        await queue.enqueue(`${n}`, big);
        taken.push(`${n}`);
      }
    };
    const error = await fill().catch((thrown: unknown) => thrown);
    expect(error).toBeInstanceOf(IngressStorageError);
    expect(String(error)).toMatch(/ingress\.sqlite: .*full/);
    expect(taken.length).toBeGreaterThan(2);
    expect(await queue.listPending({ limit: "all" })).toHaveLength(taken.length);
    database.transact((sql) => sql.get("PRAGMA max_page_count = 10000"));
    expect(await queue.enqueue("later", big)).toMatchObject({ kind: "accepted" });
  });

  it("that breaks while it is open is set aside, too, and nothing is taken meanwhile", async () => {
    const file = join(newFolder(), "ingress.sqlite");
    const { queue, database, warnings } = open(file);
    await queue.enqueue("a", { text: "b" });
    database.transact((sql) => sql.get("SELECT 1"));
    const db = new DatabaseSync(file);
    db.exec("PRAGMA wal_checkpoint(TRUNCATE)");
    db.close();
    writeFileSync(file, "nonsense".repeat(10_000));
    await expect(queue.enqueue("b", { text: "c" })).rejects.toBeInstanceOf(IngressStorageError);
    expect(await queue.enqueue("b", { text: "c" })).toMatchObject({ kind: "accepted" });
    expect(warnings).toEqual([expect.stringContaining("is broken")]);
  });

  it("that is removed while it is open is made anew: nothing is written where nobody finds it", async () => {
    const folder = newFolder();
    const file = join(folder, "account", "ingress.sqlite");
    const { queue } = open(file);
    await queue.enqueue("a", { text: "b" });
    rmSync(join(folder, "account"), { recursive: true });
    expect(await queue.enqueue("b", { text: "c" })).toMatchObject({ kind: "accepted" });
    expect(existsSync(file)).toBe(true);
    expect(await open(file).queue.listPending()).toMatchObject([{ id: "b" }]);
  });

  it("is opened as soon as its folder can be", async () => {
    const folder = newFolder();
    writeFileSync(join(folder, "account"), "a file where the folder should be");
    const { queue } = open(join(folder, "account", "ingress.sqlite"));
    await expect(queue.enqueue("a", { text: "b" })).rejects.toBeInstanceOf(IngressStorageError);
    rmSync(join(folder, "account"));
    expect(await queue.enqueue("a", { text: "b" })).toMatchObject({ kind: "accepted" });
  });
});

it("lists what waits without reading what it says, which is there for who asks", async () => {
  const file = join(newFolder(), "ingress.sqlite");
  const { queue } = open(file);
  for (const id of ["a", "b"]) await queue.enqueue(id, { text: `the text of ${id}` });
  const parsing = vi.spyOn(JSON, "parse");
  const [first, second] = await queue.listPending();
  expect(parsing).not.toHaveBeenCalled();
  parsing.mockRestore();
  expect(first?.payload).toEqual({ text: "the text of a" });
  await queue.complete("b");
  expect(() => second?.payload).toThrow(/b does not wait any more/);
});

it("is on the disk before it counts, through a power cut, too; a claim need not be", async () => {
  const database = createIngressDatabase(join(newFolder(), "ingress.sqlite"), {
    log: { warn: () => undefined },
  });
  cleanUp.push(() => database.close());
  const levels: unknown[] = [];
  const queue = createIngressQueue({
    channelId: "xmpp",
    accountId: "default",
    database: {
      ...database,
      transact: (work, mayBeLost) =>
        database.transact((sql) => {
          levels.push(sql.get("PRAGMA synchronous")?.["synchronous"]);
          return work(sql);
        }, mayBeLost),
    },
  });
  await queue.enqueue("a", { text: "hello" });
  const claim = await queue.claim("a");
  await queue.complete(claim ?? "a");
  const [full, normal] = [2, 1];
  expect(levels).toEqual([full, normal, full]);
});
