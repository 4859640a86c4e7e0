import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTempDir, type TempDir } from "../../test/support/at-exit.ts";
import type { BareJid } from "../protocol/jid.ts";
import { createPublishedProfiles } from "./published-profile.ts";

let temp: TempDir;
beforeAll(() => {
  temp = createTempDir("published-profile");
});
afterAll(() => temp.remove());

const JID = "bot@example" as BareJid;

describe("what was published", () => {
  const log = { warn: () => undefined };
  const open = (name: string) => createPublishedProfiles(join(temp.path, name), { log });

  it("outlasts the process", () => {
    const entry = { parts: { nick: "abc" }, fields: ["vcard.url"], photo: "0".repeat(40) };
    open("a.json").set(JID, entry);
    expect(open("a.json").get(JID)).toEqual(entry);
    expect(open("a.json").get("other@example" as BareJid)).toBeUndefined();
  });

  it.each([
    "x",
    {},
    { parts: {}, fields: [1] },
    { parts: {}, fields: [], photo: "<x/>" },
    { parts: "a", fields: [] },
  ])("takes no nonsense for it: %j", (entry) => {
    writeFileSync(join(temp.path, "b.json"), JSON.stringify({ [JID]: entry }));
    expect(open("b.json").get(JID)).toBeUndefined();
  });
});
