import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenClawConfig, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import type { ChosenProfile } from "../state/chosen-profile.ts";
import { resolveAccount } from "./account.ts";
import { readProfile, sizeOfPng } from "./profile.ts";
import { setRuntime } from "./runtime.ts";

/** One transparent pixel. */
const PIXEL = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

let folder: string;
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), "profile-"));
  writeFileSync(join(folder, "pixel.png"), PIXEL);
  writeFileSync(join(folder, "words.png"), "no picture");
  const routing = { resolveAgentRoute: () => ({ agentId: "main" }) };
  setRuntime({ channel: { routing } } as unknown as PluginRuntime);
});
afterAll(() => rmSync(folder, { recursive: true }));

async function read(
  profile: object | undefined,
  identity: object = {},
  chosen: ChosenProfile = {},
) {
  const cfg = {
    agents: { list: [{ id: "main", default: true, workspace: folder, identity }] },
    channels: { xmpp: { jid: "bot@example", password: "x", nick: "puck", profile } },
  } as unknown as OpenClawConfig;
  const log = createFakeLog();
  const profileRead = await readProfile({ cfg, account: resolveAccount(cfg), chosen, log });
  return { read: profileRead, log };
}

describe("the profile of an account", () => {
  it("is nobody's business unless the operator says so", async () => {
    expect((await read(undefined)).read).toBeUndefined();
    expect((await read({ name: "Puck" })).read).toBeUndefined();
  });

  it("is the agent's identity, as far as the operator says nothing else", async () => {
    const identity = { name: "Robin", avatar: "pixel.png" };
    expect((await read({ publish: true }, identity)).read).toEqual({
      name: "Robin",
      avatar: { png: PIXEL, width: 1, height: 1 },
    });
    const own = { publish: true, name: "Puck", note: "An agent", url: "https://puck.example" };
    expect((await read(own)).read).toEqual({
      name: "Puck",
      note: "An agent",
      url: "https://puck.example",
    });
    expect((await read({ publish: true })).read).toMatchObject({ name: "puck" });
  });

  it("is what was chosen by the tool, where the operator says nothing", async () => {
    const identity = { name: "Robin", avatar: "words.png" };
    const avatar = `data:image/png;base64,${PIXEL.toString("base64")}`;
    const chosen = { name: "Ariel", note: "Away", avatar };
    const pixel = { png: PIXEL, width: 1, height: 1 };
    expect((await read({ publish: true }, identity, chosen)).read).toEqual({
      name: "Ariel",
      note: "Away",
      avatar: pixel,
    });
    const { read: configured } = await read({ publish: true, name: "Puck" }, identity, chosen);
    expect(configured).toMatchObject({ name: "Puck", note: "Away", avatar: pixel });
  });

  it.each(["missing.png", "words.png", ".", "http://127.0.0.1/a.png"])(
    "leaves the avatar open that cannot be had: %s",
    async (source) => {
      const avatar = source.includes(":") ? source : join(folder, source);
      const { read: profile, log } = await read({ publish: true, avatar });
      expect(profile?.avatar).toBe("unknown");
      expect(log.lines.join()).toContain("avatar");
    },
  );
});

describe("the size of a PNG", () => {
  it("is read from its header, and of nothing else", () => {
    expect(sizeOfPng(PIXEL)).toEqual({ width: 1, height: 1 });
    expect(sizeOfPng(PIXEL.subarray(0, 20))).toBeUndefined();
    expect(sizeOfPng(Buffer.alloc(30))).toBeUndefined();
  });
});
