import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { seedConfig } from "../../test/support/seed-config.ts";
import {
  hasEnvironmentAccount,
  listAccountIds,
  resolveAccount,
  resolveDefaultAccountId,
} from "./account.ts";
import { describeProblems } from "./account-problems.ts";
import { XmppConfigSchema } from "./config-schema.ts";

const folder = mkdtempSync(join(tmpdir(), "openclaw-xmpp-account-"));
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const name of ["XMPP_JID", "XMPP_PASSWORD", "XMPP_SERVER"]) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

const GOOD = { jid: "bot@example.com", password: "secret" };

/** A configuration whose channel section the schema accepts too. */
function config(xmpp: object, rest: object = {}): OpenClawConfig {
  XmppConfigSchema.parse(xmpp);
  return { channels: { xmpp }, ...rest } as OpenClawConfig;
}

function account(xmpp: object, accountId?: string) {
  return resolveAccount(config(xmpp), accountId);
}

/** The problems as one text, the account being unusable for them. */
function problemsOf(xmpp: object, accountId?: string): string {
  const { configured, problems } = account(xmpp, accountId);
  expect(configured).toBe(false);
  return describeProblems(problems);
}

describe("the seeds' configurations", () => {
  it("resolve to the same kind of account", () => {
    const old = resolveAccount(seedConfig("seed-000.json") as OpenClawConfig);
    expect(old).toMatchObject({
      accountId: "default",
      enabled: true,
      configured: true,
      problems: [],
      jid: "bot@your-server.com",
      password: "your-password",
      server: {
        kind: "endpoint",
        endpoint: { transport: "tcp", host: "your-server.com", port: 5222 },
      },
      rooms: ["general@conference.your-server.com"],
      allowFrom: ["admin@your-server.com"],
      dmPolicy: "pairing",
      groupPolicy: "open",
      resource: "openclaw",
      nick: "bot",
      config: { dataDir: "/path/to/data" },
    });
    const now = resolveAccount(seedConfig("seed-001.json5") as OpenClawConfig);
    expect(now).toMatchObject({
      accountId: "default",
      enabled: true,
      configured: true,
      problems: [],
      jid: "bot@example.com",
      password: "secret",
      server: {
        kind: "endpoint",
        endpoint: { transport: "tcp", host: "chat.example.com", port: 5222 },
      },
      rooms: ["room@conference.example.com"],
      allowFrom: ["admin@example.com", "trusted@example.com"],
      groupAllowFrom: ["moderator@example.com"],
      dmPolicy: "pairing",
      groupPolicy: "open",
      resource: "openclaw",
      roomSettings: {
        "room@conference.example.com": {
          requireMention: true,
          users: ["user1@example.com", "user2@example.com"],
          skills: ["web-search"],
        },
      },
    });
    expect(Object.keys(old).toSorted()).toEqual(Object.keys(now).toSorted());
  });

  it("pass the schema, lists and rooms too", () => {
    for (const file of ["seed-000.json", "seed-001.json5", "seed-001-lists.json5"] as const) {
      const { channels } = seedConfig(file) as { channels: { xmpp: object } };
      expect(XmppConfigSchema.safeParse(channels.xmpp).error).toBeUndefined();
    }
    const lists = resolveAccount(seedConfig("seed-001-lists.json5") as OpenClawConfig);
    expect(lists).toMatchObject({
      configured: true,
      server: {
        endpoint: { transport: "websocket", url: "wss://example.com/ws" },
      },
      allowFrom: ["admin@example.com", "user@example.com", "*@company.com"],
      rooms: ["support@conference.example.com"],
    });
  });
});

describe("defaults", () => {
  it("are those of the documentation", () => {
    expect(account(GOOD)).toMatchObject({
      resource: "openclaw",
      nick: "bot",
      rooms: [],
      dmPolicy: "pairing",
      groupPolicy: "open",
      allowFrom: [],
      groupAllowFrom: [],
      server: { kind: "discover", domain: "example.com" },
      serverText: undefined,
      passwordSource: "config",
    });
  });

  it("let channels.defaults.groupPolicy speak before ours, and the account before both", () => {
    const defaults = (xmpp: object) => ({
      channels: { defaults: { groupPolicy: "disabled" as const }, xmpp },
    });
    expect(resolveAccount(defaults(GOOD)).groupPolicy).toBe("disabled");
    const own = defaults({ ...GOOD, groupPolicy: "allowlist" });
    expect(resolveAccount(own).groupPolicy).toBe("allowlist");
  });

  it("prepare JIDs as RFC 7622 asks, and list each room once", () => {
    const resolved = account({
      ...GOOD,
      jid: "Bot@EXAMPLE.com",
      rooms: ["Team@Conference.Example.com", "off@conference.example.com"],
      groups: { "ops@conference.example.com": { requireMention: false } },
      mucRooms: {
        "team@conference.example.com": { users: ["a@example.com"] },
        "off@conference.example.com": { enabled: false },
      },
    });
    expect(resolved).toMatchObject({ configured: true, jid: "bot@example.com", nick: "bot" });
    expect(resolved.rooms).toEqual(["team@conference.example.com", "ops@conference.example.com"]);
  });
});

describe("server", () => {
  it.each([
    ["chat.example.com", { transport: "tcp", host: "chat.example.com", port: 5222 }],
    ["chat.example.com:5333", { transport: "tcp", host: "chat.example.com", port: 5333 }],
    ["xmpp://chat.example.com", { transport: "tcp", host: "chat.example.com", port: 5222 }],
    ["xmpp://chat.example.com:5333", { transport: "tcp", host: "chat.example.com", port: 5333 }],
    ["xmpps://chat.example.com", { transport: "tls", host: "chat.example.com", port: 5223 }],
    ["xmpps://chat.example.com:443", { transport: "tls", host: "chat.example.com", port: 443 }],
    ["ws://127.0.0.1:5280/ws", { transport: "websocket", url: "ws://127.0.0.1:5280/ws" }],
    ["wss://example.com/ws", { transport: "websocket", url: "wss://example.com/ws" }],
    ["[::1]:5222", { transport: "tcp", host: "::1", port: 5222 }],
  ])("%s", (server, endpoint) => {
    expect(account({ ...GOOD, server }).server).toEqual({ kind: "endpoint", endpoint });
    expect(account({ ...GOOD, service: server }).server).toEqual({ kind: "endpoint", endpoint });
  });

  it("empty does not hide the older name", () => {
    const older = { ...GOOD, server: "", service: "chat.example.com" };
    expect(account(older)).toMatchObject({ configured: true, serverText: "chat.example.com" });
  });

  it("without encryption is for loopback, and only if it was asked for", () => {
    const ws = (host: string, dangerouslyAllowPlaintext = true) => ({
      ...GOOD,
      server: `ws://${host}/ws`,
      dangerouslyAllowPlaintext,
    });
    expect(account(ws("127.0.0.1")).configured).toBe(true);
    expect(account(ws("[::1]")).configured).toBe(true);
    expect(problemsOf(ws("127.0.0.1", false))).toMatch(
      /^channels\.xmpp\.server: ws:\/\/ is not enc/,
    );
    expect(problemsOf(ws("192.0.2.7"))).toMatch(/^channels\.xmpp\.server: .*no loopback address/);
  });

  it("left out is found by DNS", () => {
    expect(account(GOOD).server).toEqual({ kind: "discover", domain: "example.com" });
  });
});

describe("the environment", () => {
  const environment = (values: Record<string, string>) => {
    for (const [name, value] of Object.entries(values)) vi.stubEnv(name, value);
  };

  it("alone makes the default account", () => {
    environment({ XMPP_JID: "env@example.com", XMPP_PASSWORD: "from-env", XMPP_SERVER: "host:1" });
    expect(hasEnvironmentAccount()).toBe(true);
    expect(listAccountIds({})).toEqual(["default"]);
    expect(resolveDefaultAccountId({})).toBe("default");
    expect(resolveAccount({})).toMatchObject({
      configured: true,
      enabled: true,
      jid: "env@example.com",
      password: "from-env",
      passwordSource: "env",
      server: { endpoint: { host: "host", port: 1 } },
    });
  });

  it("gives way to the configuration, and is for the default account only", () => {
    environment({ XMPP_JID: "env@example.com", XMPP_PASSWORD: "from-env", XMPP_SERVER: "host:1" });
    const written = { ...GOOD, server: "chat.example.com", accounts: { two: { jid: "b@c.d" } } };
    expect(account(written, "default")).toMatchObject({
      jid: "bot@example.com",
      password: "secret",
      serverText: "chat.example.com",
    });
    expect(problemsOf(written, "two")).toMatch(/^channels\.xmpp\.accounts\.two\.password: no pass/);
    expect(problemsOf(written, "two")).not.toContain("XMPP_PASSWORD");
  });

  it("needs JID and password to make an account", () => {
    environment({ XMPP_JID: "env@example.com" });
    expect(hasEnvironmentAccount()).toBe(false);
  });
});

describe("a password", () => {
  const file = (name: string, text: string, mode = 0o600) => {
    const path = join(folder, name);
    writeFileSync(path, text, { mode });
    return path;
  };

  it("may stand in a file", () => {
    const passwordFile = file("password", "from-file\n");
    expect(account({ jid: GOOD.jid, passwordFile })).toMatchObject({
      configured: true,
      password: "from-file",
      passwordSource: "passwordFile",
      tokenStatus: "available",
    });
  });

  it("that is missing names itself", () => {
    const link = join(folder, "link");
    symlinkSync(file("target", "x"), link);
    const cases: Array<[object, RegExp]> = [
      [{}, /^channels\.xmpp\.password: no password; set password .* or passwordFile, or XMPP_PASS/],
      [{ passwordFile: join(folder, "nowhere") }, /^channels\.xmpp\.passwordFile: .*nowhere/],
      [{ passwordFile: file("empty", "\n") }, /^channels\.xmpp\.passwordFile: /],
      [{ passwordFile: link }, /^channels\.xmpp\.passwordFile: .*symlink/i],
      [
        { password: { source: "env", provider: "default", id: "BOT_PASSWORD" } },
        /^channels\.xmpp\.password: .*env:BOT_PASSWORD could not be resolved/,
      ],
      [
        { password: { source: "exec", provider: "vault", id: "xmpp/bot" } },
        /^channels\.xmpp\.password: .*exec:xmpp\/bot could not be resolved/,
      ],
    ];
    for (const [source, expected] of cases) {
      expect(problemsOf({ jid: GOOD.jid, ...source })).toMatch(expected);
    }
  });

  it("of the root is never inherited by an account with a JID, or a source, of its own", () => {
    const passwordFile = file("other", "other-file");
    const root = {
      ...GOOD,
      resource: "shared",
      accounts: {
        heir: { nick: "heir" },
        stranger: { jid: "stranger@example.net" },
        filed: { passwordFile },
      },
    };
    expect(account(root, "heir")).toMatchObject({ password: "secret", resource: "shared" });
    expect(account(root, "stranger")).toMatchObject({ password: "", resource: "shared" });
    expect(problemsOf(root, "stranger")).toMatch(/no password/);
    expect(account(root, "filed")).toMatchObject({ password: "other-file" });
    const filedRoot = { jid: GOOD.jid, passwordFile, accounts: { s: { jid: "s@example.net" } } };
    expect(account(filedRoot, "s").password).toBe("");
  });
});

describe("what is wrong is named with its key, what is wrong and what would be right", () => {
  const rooms = (key: string, entry: object = {}) => ({ ...GOOD, mucRooms: { [key]: entry } });
  it.each<[string, object, RegExp]>([
    ["no JID", { password: "x" }, /^channels\.xmpp\.jid: missing; .*bot@example\.com/],
    [
      "a bare domain",
      { ...GOOD, jid: "example.com" },
      /^channels\.xmpp\.jid: "example\.com" is.*bot@/,
    ],
    ["two @", { ...GOOD, jid: "a@b@c" }, /^channels\.xmpp\.jid: "a@b@c" .*bot@example\.com/],
    ["a blank in it", { ...GOOD, jid: "my bot@example.com" }, /^channels\.xmpp\.jid: "my bot@/],
    [
      "an empty local part",
      { ...GOOD, jid: "@example.com" },
      /^channels\.xmpp\.jid: "@example\.com"/,
    ],
    [
      "a resource",
      { ...GOOD, jid: "bot@example.com/phone" },
      /^channels\.xmpp\.jid: .*write "bot@example\.com", and "phone" as `resource`/,
    ],
    ["a bad resource", { ...GOOD, resource: "a\nb" }, /^channels\.xmpp\.resource: "a\\nb" cannot/],
    ["a bad nick", { ...GOOD, nick: "n".repeat(1024) }, /^channels\.xmpp\.nick: "n{40}" cannot/],
    [
      "another domain",
      { ...GOOD, domain: "example.org" },
      /^channels\.xmpp\.domain: "example\.org" is not the domain of bot@example\.com; .*"example\.com"/,
    ],
    [
      "a strange scheme",
      { ...GOOD, server: "http://x.y" },
      /^channels\.xmpp\.server: "http:" is not.*xmpps:\/\//,
    ],
    ["a bad port", { ...GOOD, server: "x.y:99999" }, /^channels\.xmpp\.server: .*use "host"/],
    ["port 0", { ...GOOD, server: "x.y:0" }, /^channels\.xmpp\.server: port 0.*1 to 65535/],
    ["a path", { ...GOOD, server: "x.y/z" }, /^channels\.xmpp\.server: .*nothing after/],
    [
      "a user in it",
      { ...GOOD, server: "xmpp://u:p@x.y" },
      /^channels\.xmpp\.server: must not hold a user/,
    ],
    ["blanks", { ...GOOD, server: "chat example com" }, /^channels\.xmpp\.server: /],
    ["the older name", { ...GOOD, service: "ftp://x" }, /^channels\.xmpp\.service: "ftp:" is not/],
    [
      "a room without @",
      { ...GOOD, rooms: ["team"] },
      /^channels\.xmpp\.rooms: "team" .*team@conference/,
    ],
    [
      "a room with nick",
      { ...GOOD, rooms: ["a@b.c/nick"] },
      /^channels\.xmpp\.rooms: "a@b\.c\/nick"/,
    ],
    [
      "a room key",
      rooms("team"),
      /^channels\.xmpp\.mucRooms\["team"\]: not a room's JID.*team@conference/,
    ],
    [
      "an entry of a room",
      rooms("a@b.c", { users: ["bob"] }),
      /^channels\.xmpp\.mucRooms\["a@b\.c"\]\.users: "bob" matches nobody.*user@example\.com/,
    ],
    [
      "a bare domain allowed",
      { ...GOOD, allowFrom: ["example.com"] },
      /^channels\.xmpp\.allowFrom: "example\.com" matches nobody.*\*@example\.com/,
    ],
    ["a pattern", { ...GOOD, allowFrom: ["a*@example.com"] }, /^channels\.xmpp\.allowFrom: "a\*@/],
    [
      "a device allowed",
      { ...GOOD, groupAllowFrom: ["a@b.c/phone"] },
      /^channels\.xmpp\.groupAllowFrom: "a@b\.c\/phone"/,
    ],
    ["a number allowed", { ...GOOD, allowFrom: [42] }, /^channels\.xmpp\.allowFrom: "42"/],
    [
      "a bad operator",
      { ...GOOD, adminJid: "boss" },
      /^channels\.xmpp\.adminJid: "boss" names nobody; write a bare JID/,
    ],
    [
      "everybody as the operator",
      { ...GOOD, adminJid: "*" },
      /^channels\.xmpp\.adminJid: "\*" names nobody/,
    ],
    [
      "a domain of operators",
      { ...GOOD, adminJid: ["a@b.c", "*@b.c"] },
      /^channels\.xmpp\.adminJid: "\*@b\.c" names nobody/,
    ],
    [
      "a group of approvers",
      { ...GOOD, execApprovals: { approvers: ["accessGroup:staff"] } },
      /^channels\.xmpp\.execApprovals\.approvers: "accessGroup:staff" names nobody/,
    ],
    [
      "tools for nobody",
      rooms("a@b.c", { toolsBySender: { bob: {} } }),
      /^channels\.xmpp\.mucRooms\["a@b\.c"\]\.toolsBySender: "bob"/,
    ],
  ])("%s", (_name, xmpp, expected) => {
    expect(problemsOf(xmpp)).toMatch(expected);
  });

  it.each([
    [undefined, true],
    ["main", true],
    ["per-peer", false],
    ["per-channel-peer", false],
    ["per-account-channel-peer", false],
  ] as const)("shared sessions with dmScope %s: %s", (dmScope, isProblem) => {
    const cfg = {
      ...(dmScope ? { session: { dmScope } } : {}),
      channels: { xmpp: { ...GOOD, sharedSessions: "identified" } },
    };
    const problems = describeProblems(resolveAccount(cfg as never).problems);
    expect(problems.includes("channels.xmpp.sharedSessions")).toBe(isProblem);
  });

  it("names the account's own key where the account wrote it", () => {
    const xmpp = { ...GOOD, rooms: ["bad"], accounts: { Two: { server: "http://x" } } };
    const text = problemsOf(xmpp, "two");
    expect(text).toContain("channels.xmpp.accounts.Two.server: ");
    expect(text).toContain("channels.xmpp.rooms: ");
  });

  it("says which accounts there are when one is asked for that is not", () => {
    const text = problemsOf({ ...GOOD, accounts: { work: {} } }, "wrok");
    expect(text).toMatch(/^channels\.xmpp\.accounts\.wrok: no such account; .*"work"/);
  });

  it("leaves the other accounts as they are", () => {
    const xmpp = {
      ...GOOD,
      accounts: { good: { resource: "good" }, bad: { jid: "nonsense", password: "x" } },
    };
    expect(account(xmpp, "bad").configured).toBe(false);
    expect(account(xmpp, "good")).toMatchObject({ configured: true, problems: [] });
  });

  it.each([
    ["jid", { ...GOOD, jid: 5 }],
    ["dmPolicy", { ...GOOD, dmPolicy: "everyone" }],
    ["rooms", { ...GOOD, rooms: "a@b.c" }],
    ["passwd", { jid: "a@b.c", passwd: "x" }],
    ["tls", { ...GOOD, tls: { ca: "x" } }],
  ])("a wrong type or unknown key is the schema's to refuse: %s", (_key, xmpp) => {
    expect(XmppConfigSchema.safeParse(xmpp).success).toBe(false);
  });
});

describe("agents of their own", () => {
  it("are made for nobody unless that is switched on, and then for a hundred", () => {
    expect(account(GOOD).dynamicAgents?.enabled).toBe(false);
    const dynamicAgentCreation = { enabled: true };
    expect(account({ ...GOOD, dynamicAgentCreation }).dynamicAgents).toMatchObject({
      enabled: true,
      maxAgents: 100,
    });
  });
});
