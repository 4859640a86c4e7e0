import { readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTempDir, type TempDir } from "../../test/support/at-exit.ts";
import { prepared } from "../../test/support/xmpp-subjects.ts";
import { createServerMemory } from "./server-memory.ts";

let temp: TempDir;
beforeAll(() => {
  temp = createTempDir("server-memory");
});
afterAll(() => temp.remove());

const DOMAIN = prepared("chat.example");
const LOGIN = { mechanism: "SCRAM-SHA-256", binding: "tls-exporter", encrypted: true } as const;

describe("the memory of servers", () => {
  const lines: string[] = [];
  const log = { warn: (line: string) => void lines.push(line) };
  const open = (name: string) => createServerMemory(join(temp.path, name), { log });

  it("outlasts the process, and forgets when told", () => {
    open("a.json").remember(DOMAIN, LOGIN);
    const later = open("a.json");
    expect(later.recall(DOMAIN)).toEqual(LOGIN);
    expect(later.recall(prepared("other.example"))).toBeUndefined();
    expect(later.forget(DOMAIN)).toBe(true);
    expect(later.forget(DOMAIN)).toBe(false);
    expect(open("a.json").recall(DOMAIN)).toBeUndefined();
  });

  it("writes only what is new", () => {
    const memory = open("b.json");
    memory.remember(DOMAIN, LOGIN);
    const before = statSync(join(temp.path, "b.json")).ino;
    memory.remember(DOMAIN, { ...LOGIN });
    expect(statSync(join(temp.path, "b.json")).ino).toBe(before);
    memory.remember(DOMAIN, { ...LOGIN, mechanism: "SCRAM-SHA-512" });
    expect(readFileSync(join(temp.path, "b.json"), "utf8")).toContain("SCRAM-SHA-512");
  });

  it.each([
    { mechanism: "MAGIC", encrypted: true },
    { mechanism: "SCRAM-SHA-1" },
    { mechanism: "SCRAM-SHA-1", encrypted: "yes" },
    "SCRAM-SHA-1",
    null,
  ])("takes no nonsense for a record: %j", (entry) => {
    const file = join(temp.path, "c.json");
    writeFileSync(file, JSON.stringify({ [DOMAIN]: entry }));
    expect(open("c.json").recall(DOMAIN)).toBeUndefined();
  });

  it("costs no login when it cannot be written", () => {
    writeFileSync(join(temp.path, "file"), "");
    const memory = open("file/server-memory.json");
    lines.length = 0;
    memory.remember(DOMAIN, LOGIN);
    expect(lines.join("\n")).toContain("cannot be written");
    expect(memory.recall(DOMAIN)).toEqual(LOGIN);
  });
});
