import { afterEach, describe, expect, it } from "vitest";
import { pruneAliases, resolveEvent, type Arrival } from "./ingress-aliases.ts";
import { createIngressDatabase } from "./ingress-database.ts";

const MINUTE = 60_000;
const databases: { close(): void }[] = [];
afterEach(() => {
  for (const database of databases.splice(0)) database.close();
});

function setUp() {
  const database = createIngressDatabase(":memory:", { log: { warn: () => undefined } });
  databases.push(database);
  const { transact } = database;
  return {
    prune: (before: number, most = 1_000) => transact((sql) => pruneAliases(sql, before, most)),
    count: () => Number(transact((sql) => sql.get("SELECT count(*) AS n FROM aliases"))?.["n"]),
    arrives: (arrival: Partial<Arrival>, at = 0) =>
      transact((sql) =>
        resolveEvent(sql, { isCertain: false, saidAt: 0, eventId: "?", ...arrival }, at),
      ),
  };
}

const archived = (eventId: string, saidAt = 0) => ({
  eventId,
  isCertain: true,
  alias: "hello",
  saidAt,
});
const bare = (eventId: string, saidAt = 0) => ({ eventId, alias: "hello", saidAt });

it("takes a copy with and one without the archive's id for one message, whichever is first", () => {
  const first = setUp();
  expect(first.arrives(archived("S"))).toBe("S");
  expect(first.arrives(bare("x", 2 * MINUTE))).toBe("S");
  expect(first.arrives(archived("S"))).toBe("S");
  const second = setUp();
  expect(second.arrives(bare("x"))).toBe("x");
  expect(second.arrives(archived("S", 2 * MINUTE))).toBe("x");
  expect(second.arrives(archived("S", 2 * MINUTE))).toBe("x");
  expect(second.arrives(bare("y"))).toBe("x");
});

it("takes two ids of an archive for two messages, however alike they are", () => {
  const { arrives } = setUp();
  expect(arrives(archived("S"))).toBe("S");
  expect(arrives(archived("T"))).toBe("T");
  const other = setUp();
  expect(other.arrives(bare("x"))).toBe("x");
  expect(other.arrives(archived("S"))).toBe("x");
  expect(other.arrives(archived("T"))).toBe("T");
});

it("takes copies without the archive's id for one, if they were said at one time", () => {
  const { arrives } = setUp();
  expect(arrives(bare("x"))).toBe("x");
  expect(arrives(bare("y", 15 * MINUTE))).toBe("x");
  expect(arrives(bare("z", 31 * MINUTE))).toBe("z");
});

describe("what the sender gave no id for", () => {
  const SECOND = 1_000;
  const live = (eventId: string, saidAt = 0) => ({ eventId, words: "yes", saidAt });
  const held = (eventId: string, saidAt = 0) => ({ ...live(eventId, saidAt), isHeld: true });
  const kept = (eventId: string, saidAt = 0) => ({ ...held(eventId, saidAt), isCertain: true });

  it("is a message of its own, however often it is said", () => {
    const { arrives } = setUp();
    for (const id of ["x", "y", "z"]) expect(arrives(live(id))).toBe(id);
  });

  it("is a copy where a server held it back, of what was said at that time", () => {
    const { arrives } = setUp();
    expect(arrives(live("x", 0))).toBe("x");
    expect(arrives(live("y", 40 * SECOND))).toBe("y");
    expect(arrives(held("a", -3 * SECOND))).toBe("x");
    expect(arrives(held("b", 45 * SECOND))).toBe("y");
    expect(arrives(held("c", 45 * SECOND))).toBe("y");
    expect(arrives({ ...held("d"), words: "no" })).toBe("d");
  });

  it("is none when it was said later, live or while we were away", () => {
    const { arrives } = setUp();
    expect(arrives(live("x"))).toBe("x");
    expect(arrives(held("y", 20 * SECOND))).toBe("y");
    expect(arrives(held("z", 25 * SECOND))).toBe("z");
    expect(arrives(held("again", 25 * SECOND))).toBe("z");
    expect(arrives(live("w", 25 * SECOND))).toBe("w");
  });

  it("is what an archive has, once: offline storage, archive and line hand over the same", () => {
    const { arrives } = setUp();
    expect(arrives(live("x"))).toBe("x");
    expect(arrives(kept("S", 2 * SECOND))).toBe("x");
    expect(arrives(kept("S", 2 * SECOND))).toBe("x");
    expect(arrives(kept("T", 4 * SECOND))).toBe("T");
    expect(arrives(held("y", 4 * SECOND))).toBe("T");
  });
});

it("forgets after a while", () => {
  const { arrives, prune } = setUp();
  arrives(bare("x"), 1);
  prune(2);
  expect(arrives(bare("y"))).toBe("y");
});

it("remembers only so many, the newest", () => {
  const { arrives, prune, count } = setUp();
  for (let n = 0; n < 10; n += 1) arrives({ ...bare(`x${n}`), alias: `alias ${n}` }, n);
  prune(0, 4);
  expect(count()).toBe(4);
  expect(arrives({ ...bare("y"), alias: "alias 9" })).toBe("x9");
  expect(arrives({ ...bare("y"), alias: "alias 5" })).toBe("y");
});
