import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readdirSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import { loadEntries, saveEntries } from "./json-file.ts";

const ALICE = "alice@example.com" as BareJid;
const BOB = "bob@example.com" as BareJid;

describe("a JSON file of the state", () => {
  let folder = "";
  let file = "";
  let lines: string[] = [];
  const log = { warn: (line: string) => void lines.push(line) };
  const load = () =>
    loadEntries(
      file,
      (jid, value) => (typeof value === "number" ? { jid, value } : undefined),
      log,
    );

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "xmpp-state-"));
    file = join(folder, "account", "entries.json");
    lines = [];
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const place = (content: string) => {
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, content, { mode: 0o600 });
  };

  it("is empty where there is none", () => {
    expect(load()).toEqual([]);
    expect(lines).toEqual([]);
  });

  it("gives back what was saved, in order", () => {
    saveEntries(file, [
      [BOB, 2],
      [ALICE, 1],
    ]);
    saveEntries(file, [
      [BOB, 3],
      [ALICE, 1],
    ]);
    expect(load()).toEqual([
      { jid: BOB, value: 3 },
      { jid: ALICE, value: 1 },
    ]);
    expect(readdirSync(dirname(file))).toEqual(["entries.json"]);
    expect(lines).toEqual([]);
  });

  it("is for the owner's eyes only, also after one that was not", () => {
    saveEntries(file, [[ALICE, 1]]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
    expect(statSync(dirname(file)).mode & 0o777).toBe(0o700);
    chmodSync(file, 0o644);
    saveEntries(file, [[ALICE, 2]]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  it.each(["", "{", "null", "[1]", "5", '{"password": hush}'])(
    "is put aside when it cannot be read: %s",
    (content) => {
      place(content);
      expect(load()).toEqual([]);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(`${file}.corrupt`);
      expect(lines[0]).not.toContain("hush");
      expect(existsSync(file)).toBe(false);
      saveEntries(file, [[BOB, 1]]);
      expect(readFileSync(`${file}.corrupt`, "utf8")).toBe(content);
      expect(load()).toEqual([{ jid: BOB, value: 1 }]);
    },
  );

  it("keeps the good entries, and a copy of the bad ones", () => {
    const content = `{"not a jid":5,"Alice@example.com":5,"${ALICE}":"soon","${BOB}":7,"__proto__":1}`;
    place(content);
    expect(load()).toEqual([
      { jid: BOB, value: 7 },
      { jid: "__proto__", value: 1 },
    ]);
    expect(lines).toEqual([expect.stringContaining("3 entries")]);
    expect(readFileSync(`${file}.corrupt`, "utf8")).toBe(content);
    expect(statSync(`${file}.corrupt`).mode & 0o777).toBe(0o600);
    expect(readFileSync(file, "utf8")).toBe(content);
  });

  it("starts empty even when it cannot be put aside", () => {
    mkdirSync(join(file, "folder"), { recursive: true });
    mkdirSync(join(`${file}.corrupt`, "folder"), { recursive: true });
    expect(load()).toEqual([]);
    expect(lines).toEqual([expect.stringContaining("could not be kept")]);
  });

  it("leaves the old content and nothing else when a save fails", () => {
    mkdirSync(join(file, "folder"), { recursive: true });
    expect(() => saveEntries(file, [[ALICE, 1]])).toThrow("rename");
    expect(readdirSync(dirname(file))).toEqual(["entries.json"]);
  });
});
