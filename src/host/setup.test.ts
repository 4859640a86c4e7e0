import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { resolveAccount } from "./account.ts";
import { XmppConfigSchema } from "./config-schema.ts";
import { applySetup, setupContract, validateSetup, type SetupInput } from "./setup.ts";
import { setupWizard } from "./setup-wizard.ts";

const folder = mkdtempSync(join(tmpdir(), "openclaw-xmpp-setup-"));
const passwordFile = join(folder, "password");
writeFileSync(passwordFile, "secret\n", { mode: 0o600 });
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const name of ["XMPP_JID", "XMPP_PASSWORD", "XMPP_SERVER"]) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

const GOOD = { jid: "bot@example.com", password: "secret" };
const config = (xmpp?: object) => (xmpp ? { channels: { xmpp } } : {}) as OpenClawConfig;

/** `channels.xmpp` as it is written; the input must be good. */
function add(input: SetupInput, xmpp?: object, accountId = "default"): unknown {
  const cfg = config(xmpp);
  expect(validateSetup(cfg, accountId, input)).toBeNull();
  const written = applySetup(cfg, accountId, input).channels?.["xmpp"];
  XmppConfigSchema.parse(written);
  return written;
}
const refused = (input: SetupInput, xmpp?: object, accountId = "default") =>
  validateSetup(config(xmpp), accountId, input) ?? "";

describe("channels add", () => {
  it("takes no second account that would be without a JID once the first has a place of its own", () => {
    expect(refused({ resource: "laptop" }, GOOD, "ops")).toContain("--jid");
    const named = { ...GOOD, accounts: { ops: { jid: "ops@example.com", password: "secret" } } };
    expect(refused({ resource: "laptop" }, named, "ops")).toBe("");
  });

  it("writes each flag where the configuration has it", () => {
    const written = add({
      ...GOOD,
      name: "Bot",
      server: " chat.example.com ",
      resource: "r",
      nick: "n",
      rooms: ["team@conference.example.com"],
      dmPolicy: "allowlist",
      allowFrom: ["alice@example.com"],
      groupPolicy: "allowlist",
      groupAllowFrom: ["*@example.com"],
      autoJoin: "off",
      bookmarks: "read",
      defaultTo: "alice@example.com",
      caFile: "/ca.pem",
      channelBinding: "require",
      allowPlain: false,
      downgradeProtection: "off",
      dangerouslyAllowPlaintext: false,
      dataDir: "/data",
      requireMention: false,
      adminJid: ["carol@example.com"],
      roomOwnerBypass: true,
      sharedSessions: "off",
      historyLimit: 0,
      mediaMaxMb: 5,
      sendReadReceipts: false,
      dynamicAgents: false,
      publishProfile: true,
      profileName: " Bot ",
      profileAvatar: "~/bot.png",
      xmppLogLevel: "debug",
    });
    expect(written).toEqual({
      ...GOOD,
      enabled: true,
      name: "Bot",
      server: "chat.example.com",
      resource: "r",
      nick: "n",
      rooms: ["team@conference.example.com"],
      dmPolicy: "allowlist",
      allowFrom: ["alice@example.com"],
      groupPolicy: "allowlist",
      groupAllowFrom: ["*@example.com"],
      autoJoin: "off",
      bookmarks: "read",
      defaultTo: "alice@example.com",
      tls: { caFile: "/ca.pem" },
      sasl: { allowPlain: false, channelBinding: "require", downgradeProtection: "off" },
      dangerouslyAllowPlaintext: false,
      dataDir: "/data",
      mucRooms: { "team@conference.example.com": { requireMention: false } },
      adminJid: ["carol@example.com"],
      roomOwnerBypass: true,
      sharedSessions: "off",
      historyLimit: 0,
      mediaMaxMb: 5,
      sendReadReceipts: false,
      dynamicAgentCreation: { enabled: false },
      profile: { publish: true, name: "Bot", avatar: "~/bot.png" },
      logLevel: "debug",
    });
  });

  describe("of rooms", () => {
    const [a, b] = ["a@conference.example.com", "b@conference.example.com"];
    const listed = { ...GOOD, groupPolicy: "allowlist", rooms: [a, b], mucRooms: { [a]: {} } };

    it("lets those in that it names, where only rooms with an entry are answered", () => {
      const input: SetupInput = { ...GOOD, rooms: [a], groupPolicy: "allowlist" };
      expect(add(input)).toMatchObject({ mucRooms: { [a]: {} } });
      expect(add({ rooms: [a, b] }, listed)).toMatchObject({ mucRooms: { [a]: {}, [b]: {} } });
      const open = { ...GOOD, rooms: [a, b] };
      expect(add({ groupPolicy: "allowlist" }, open)).toMatchObject({
        mucRooms: { [a]: {}, [b]: {} },
      });
      expect(add({ rooms: [a] }, open)).not.toHaveProperty("mucRooms");
    });

    it("lets none in that it does not name", () => {
      expect(add({ groupPolicy: "allowlist", nick: "n" }, listed)).toMatchObject({
        mucRooms: { [a]: {} },
      });
      expect(add({ requireMention: false }, listed)).toMatchObject({
        mucRooms: { [a]: { requireMention: false } },
      });
    });

    it("takes out what it no longer names: an entry would have it joined all the same", () => {
      const users = ["alice@example.com"];
      const mucRooms = { [a]: { requireMention: false }, [b]: { users } };
      expect(add({ rooms: ["c@conference.example.com"] }, { ...listed, mucRooms })).toMatchObject({
        rooms: ["c@conference.example.com"],
        mucRooms: { "c@conference.example.com": {}, [b]: { users, enabled: false } },
      });
      const off = { ...listed, rooms: [a], mucRooms: { [b]: { users, enabled: false } } };
      expect(add({ rooms: [b] }, off)).toMatchObject({
        rooms: [b],
        mucRooms: { [b]: { users, enabled: true } },
      });
      const kept = { ...off, rooms: [a, b] };
      expect(add({ rooms: [a, b] }, kept)).toEqual({
        ...kept,
        enabled: true,
        mucRooms: { [a]: {}, [b]: { users, enabled: false } },
      });
    });

    it("needs a mention where that is said, whatever holds for all rooms", () => {
      const groups = { "*": { requireMention: false } };
      expect(add({ rooms: [a], requireMention: true }, { ...GOOD, groups })).toMatchObject({
        mucRooms: { [a]: { requireMention: true } },
      });
    });

    it("says of each whether it needs a mention, and leaves what else is said of it", () => {
      const mucRooms = { [a]: { requireMention: false, users: ["alice@example.com"] } };
      expect(add({ requireMention: true }, { ...GOOD, rooms: [a, b], mucRooms })).toMatchObject({
        mucRooms: { [a]: { requireMention: true, users: ["alice@example.com"] } },
      });
    });
  });

  it("writes a second account beside the first, and inherits what stands at the root", () => {
    const root = { server: "chat.example.com", accounts: { bot: GOOD } };
    expect(add({ jid: "ops@example.com", passwordFile }, root, "ops")).toEqual({
      enabled: true,
      server: "chat.example.com",
      accounts: { bot: GOOD, ops: { enabled: true, jid: "ops@example.com", passwordFile } },
    });
  });

  it("changes the default account where it stands, and only what was asked for", () => {
    const accounts = { default: { ...GOOD, sasl: { downgradeProtection: "off" }, enabled: false } };
    expect(add({ allowPlain: true, nick: "n" }, { accounts })).toEqual({
      enabled: true,
      accounts: {
        default: {
          ...GOOD,
          enabled: true,
          nick: "n",
          sasl: { downgradeProtection: "off", allowPlain: true },
        },
      },
    });
  });

  it("puts one source of the password in place of the other", () => {
    expect(add({ passwordFile }, GOOD)).toEqual({ enabled: true, jid: GOOD.jid, passwordFile });
    expect(add({ password: "x" }, { jid: GOOD.jid, passwordFile })).toEqual({
      ...GOOD,
      enabled: true,
      password: "x",
    });
  });

  it("leaves a room the nick and password that it had", () => {
    const room = { jid: "team@conference.example.com", nick: "n", password: "x" };
    const rooms = [room.jid, "new@conference.example.com"];
    expect(add({ rooms }, { ...GOOD, rooms: [room, "old@conference.example.com"] })).toMatchObject({
      rooms: [room, "new@conference.example.com"],
    });
  });

  it("takes a reference that only the Gateway can resolve for a password", () => {
    const password = { source: "env", provider: "default", id: "NOT_SET_HERE" };
    expect(add({ nick: "n" }, { jid: GOOD.jid, password })).toMatchObject({ password, nick: "n" });
  });

  it("--use-env leaves identity and password to the environment", () => {
    vi.stubEnv("XMPP_JID", "env@example.com");
    vi.stubEnv("XMPP_PASSWORD", "from-env");
    const written = add({ useEnv: true, nick: "n" }, { ...GOOD, passwordFile, server: "old:1" });
    expect(written).toEqual({ enabled: true, nick: "n" });
    expect(resolveAccount(config(written as object)).jid).toBe("env@example.com");
  });
});

describe("what cannot be saved is told with its flag, and what would be right", () => {
  const cases: [string, SetupInput, RegExp][] = [
    ["no JID", { password: "x" }, /^XMPP needs --jid <user@domain> \(or --use-env\)\.$/],
    ["no password", { jid: GOOD.jid }, /^XMPP needs --password or --password-file/],
    ["a domain", { ...GOOD, jid: "example.com" }, /^--jid: .*should look like "bot@example\.com"/],
    ["a resource", { ...GOOD, jid: "bot@example.com/x" }, /^--jid: .*holds a resource/],
    ["a server", { ...GOOD, server: "http://x" }, /^--server: "http:"/],
    ["plaintext", { ...GOOD, server: "ws://127.0.0.1/ws" }, /^--server: ws:\/\/ is not encrypted/],
    ["a room", { ...GOOD, rooms: ["team"] }, /^--rooms: "team" .*team@conference\.example\.com/],
    ["nobody", { ...GOOD, allowFrom: ["al*@x.y"] }, /^--allow-from: "al\*@x\.y" matches nobody/],
    ["in rooms", { ...GOOD, groupAllowFrom: ["bob"] }, /^--group-allow-from: "bob" matches nobody/],
    ["a nick", { ...GOOD, nick: "a\nb" }, /^--nick: "a\\nb" cannot be one/],
    ["an operator", { ...GOOD, adminJid: ["carol"] }, /^--admin-jid: "carol" names nobody/],
    ["all as operators", { ...GOOD, adminJid: ["*"] }, /^--admin-jid: "\*" names nobody; write/],
    ["one memory", { ...GOOD, sharedSessions: "identified" }, /^--shared-sessions: .*dmScope/],
    ["a mention nowhere", { ...GOOD, requireMention: false }, /^--require-mention: .*--rooms\.$/],
    ["no file", { jid: GOOD.jid, passwordFile: "/no/where" }, /^--password-file: .*\/no\/where/],
    ["two passwords", { ...GOOD, passwordFile }, /^--password and --password-file are both there/],
  ];
  it.each(cases)("%s", (_what, input, message) => expect(refused(input)).toMatch(message));

  it("each on a line of its own", () => {
    expect(refused({ jid: "x", password: "y", rooms: ["z"] }).split("\n")).toHaveLength(2);
  });

  it("an account of the environment with another name than default", () => {
    expect(refused({ useEnv: true }, undefined, "ops")).toMatch(/^--use-env is for the account "d/);
  });

  it("a login that another account has", () => {
    expect(refused(GOOD, { accounts: { bot: GOOD } }, "twin")).toMatch(
      /^--resource: the account "bot" has the same JID and resource .*another `jid` or `resource`/,
    );
    expect(refused(GOOD, { accounts: { bot: GOOD } }, "a-twin")).toMatch(/^--resource: /);
  });

  it("an unknown choice, by the host", () => {
    const input = { ...GOOD, dmPolicy: "everyone" };
    expect(setupContract.parseInput(input)).toEqual({
      ok: false,
      error: 'dmPolicy must be one of: "pairing", "allowlist", "open", "disabled".',
    });
  });
});

describe("onboarding", () => {
  const password = { source: "env", provider: "default", id: "OURS" };
  it.each([
    ["a JID and a password", GOOD, true],
    ["a JID and a reference that the Gateway resolves", { ...GOOD, password }, true],
    ["a JID alone", { jid: GOOD.jid }, false],
    ["a password alone", { password: GOOD.password }, false],
  ])("takes it for set up: %s", async (_, xmpp, configured) => {
    const cfg = config(xmpp);
    const status = await setupWizard.getStatus({ cfg, accountOverrides: {} });
    expect(status.configured).toBe(configured);
  });
});
