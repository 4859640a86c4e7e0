import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import { createPendingPairings } from "./pending-pairings.ts";

const ALICE = "alice@example.com" as BareJid;
const BOB = "bob@example.com" as BareJid;

describe("pending pairings", () => {
  let folder = "";
  let file = "";
  let now = 1000;
  const warn = () => undefined;
  const open = () => createPendingPairings(file, { ttlMs: 60_000, now: () => now, log: { warn } });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "xmpp-pairings-"));
    file = join(folder, "pairings.json");
    now = 1000;
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("survive a restart", () => {
    open().add(ALICE);
    open().add(BOB);
    expect(open().list()).toEqual([ALICE, BOB]);
    expect(open().remove(ALICE)).toBe(true);
    expect(open().remove(ALICE)).toBe(false);
    expect(open().list()).toEqual([BOB]);
  });

  it("with the code that was given; files of earlier versions have none", () => {
    open().add(ALICE, "CODE");
    expect(open().codeOf(ALICE)).toBe("CODE");
    expect(open().codeOf(BOB)).toBeUndefined();
    writeFileSync(file, JSON.stringify({ [BOB]: 1000, [ALICE]: { code: "X" } }));
    expect(open().list()).toEqual([BOB]);
    expect(open().codeOf(BOB)).toBeUndefined();
    now += 60_000;
    expect(open().codeOf(BOB)).toBeUndefined();
  });

  it("expire", () => {
    open().add(ALICE);
    now += 59_999;
    expect(open().list()).toEqual([ALICE]);
    now += 1;
    expect(open().list()).toEqual([]);
  });

  it("leave out an entry without a time", () => {
    writeFileSync(file, JSON.stringify({ [ALICE]: "soon", [BOB]: now }));
    expect(open().list()).toEqual([BOB]);
  });
});
