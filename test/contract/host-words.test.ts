/** What we know of the host only by the words that it uses: here it shows when they change. */
import { readdirSync, readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { dirname, join } from "node:path";
import { expect, it } from "vitest";
import { createStoppingProbe } from "../../src/host/stopping.ts";
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

it("a host says whether it lets work begin to whoever asks for some", async () => {
  const isStopping = createStoppingProbe();
  expect(await isStopping()).toBe(false);
  await hostsOwn("command-queue-", "markGatewayDraining");
  expect(await isStopping()).toBe(true);
  await hostsOwn("gateway-work-admission-", "resetGatewayWorkAdmission");
  expect(await isStopping()).toBe(false);
});

/** Calls what the host calls as it stops; it is not public. */
async function hostsOwn(module: string, name: string): Promise<void> {
  const file = readdirSync(DIST).find((one) => one.startsWith(module) && one.endsWith(".mjs"));
  const exported: unknown[] = Object.values(await import(join(DIST, String(file))));
  const call = exported.find((one) => typeof one === "function" && one.name === name);
  if (typeof call !== "function") throw new Error(`the host has no ${name} any more`);
  call();
}
