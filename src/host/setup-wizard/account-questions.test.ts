import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenClawConfig } from "openclaw/plugin-sdk/setup";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { scriptedPrompter } from "../../../test/support/scripted-prompter.ts";
import { bareJid } from "../../protocol/jid.ts";
import { resolveAccount } from "../account.ts";
import { askPassword, problemsHere, readPassword } from "./account-questions.ts";

const folder = mkdtempSync(join(tmpdir(), "openclaw-xmpp-secrets-"));
const secrets = join(folder, "secrets.json");
const printer = join(folder, "printer");
writeFileSync(secrets, JSON.stringify({ xmpp: { bot: "in a file" } }), { mode: 0o600 });
writeFileSync(printer, "#!/bin/sh\nprintf %s 'of a program'\n", { mode: 0o700 });
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  vi.stubEnv("OPENCLAW_STATE_DIR", join(folder, "state"));
  vi.stubEnv("BOT_PASSWORD", "in the environment");
});
afterEach(() => vi.unstubAllEnvs());

async function read(password: object): Promise<string | undefined> {
  const cfg = {
    secrets: {
      providers: {
        files: { source: "file", path: secrets, mode: "json" },
        printer: { source: "exec", command: printer, jsonOnly: false },
      },
    },
    channels: { xmpp: { jid: "bot@example.com", password } },
  } as OpenClawConfig;
  const account = resolveAccount(cfg, "default");
  // That only the Gateway resolves it is nothing wrong with the account.
  expect(problemsHere(account)).toEqual([]);
  return await readPassword(cfg, account);
}

describe("the password to test an account with, of a reference that", () => {
  it.each([
    ["env", "default", "BOT_PASSWORD", "in the environment"],
    ["file", "files", "/xmpp/bot", "in a file"],
    ["exec", "printer", "anything", "of a program"],
  ])("is %s, is what the reference leads to", async (source, provider, id, expected) => {
    expect(await read({ source, provider, id })).toBe(expected);
  });

  it.each([
    ["env", "default", "NOWHERE"],
    ["file", "files", "/xmpp/nowhere"],
    ["exec", "nowhere", "anything"],
    ["store", "default", "NOWHERE"],
  ])("is %s and leads nowhere, is none", async (source, provider, id) => {
    expect(await read({ source, provider, id })).toBeUndefined();
  });
});

describe("the password that is asked for", () => {
  it("is asked for again where a secret is not in the store", async () => {
    const prompter = scriptedPrompter([
      ["Password of the agent's account", "Reference to a secret"],
      ["Where is", "OpenClaw secret store"],
      ["Secret store name", "NOWHERE"],
      ["Password of the agent's account", "Type it"],
      ["Password (hidden)", "crayon"],
    ]);
    const account = resolveAccount({} as OpenClawConfig, "default");
    const jid = bareJid("bot@example.com")!;
    expect(await askPassword(prompter, {} as OpenClawConfig, account, jid, undefined)).toEqual({
      kind: "value",
      value: "crayon",
      resolved: "crayon",
    });
    expect(prompter.shown.join("\n")).toMatch(/\[That reference leads nowhere\] .*NOWHERE/);
  });
});
