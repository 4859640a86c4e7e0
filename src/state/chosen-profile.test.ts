import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import type { BareJid } from "../protocol/jid.ts";
import { createChosenProfiles } from "./chosen-profile.ts";

const BOT = "bot@example" as BareJid;
let folder: string;
beforeAll(() => void (folder = mkdtempSync(join(tmpdir(), "chosen-"))));
afterAll(() => rmSync(folder, { recursive: true }));

it("outlives the process; an empty field is taken out, one that is left out stays", () => {
  const file = join(folder, "chosen-profile.json");
  const log = createFakeLog();
  const first = createChosenProfiles(file, { log });
  expect(first.get(BOT)).toEqual({});
  first.change(BOT, { name: "Ariel", avatar: "data:image/png;base64,AA==" });
  first.change(BOT, { note: "Away" });
  first.change(BOT, { avatar: "" });
  expect(createChosenProfiles(file, { log }).get(BOT)).toEqual({ name: "Ariel", note: "Away" });
});

it("is nothing where the file holds something else", () => {
  const file = join(folder, "broken.json");
  writeFileSync(file, JSON.stringify({ [BOT]: { name: 7, note: "Away", what: "x" } }));
  expect(createChosenProfiles(file, { log: createFakeLog() }).get(BOT)).toEqual({ note: "Away" });
});
