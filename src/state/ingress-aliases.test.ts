import { afterEach, expect, it } from "vitest";
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
    prune: (before: number) => transact((sql) => pruneAliases(sql, before)),
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

it("takes what the sender gave no id for a message of its own", () => {
  const { arrives } = setUp();
  expect(arrives({ eventId: "x" })).toBe("x");
  expect(arrives({ eventId: "y" })).toBe("y");
});

it("forgets after a while", () => {
  const { arrives, prune } = setUp();
  arrives(bare("x"), 1);
  prune(2);
  expect(arrives(bare("y"))).toBe("y");
});
