/** What we know of the host only by the words that it uses: here it shows when they change. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { MISSING, RESTARTING } from "../../src/inbound/handover.ts";

const DIST = dirname(createRequire(import.meta.url).resolve("openclaw"));

/** The text literals that begin with a warning sign, in the modules whose names begin so. */
function notices(...modules: string[]): string[] {
  return readdirSync(DIST)
    .filter((file) => file.endsWith(".mjs") && modules.some((name) => file.startsWith(name)))
    .flatMap((file) => readFileSync(join(DIST, file), "utf8").match(/(?<=["`])⚠️[^"`]+/gu) ?? []);
}

it("the host has a notice for a turn that it does not begin as it stops", () => {
  expect(notices("agent-runner.runtime-").some((text) => RESTARTING.test(text))).toBe(true);
});

it("the host has a notice for an answer that it misses", () => {
  expect(notices("dispatch-from-config").some((text) => MISSING.test(text))).toBe(true);
});
