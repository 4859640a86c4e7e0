import * as fc from "fast-check";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { seedConfig } from "../../test/support/seed-config.ts";
import { listAccountIds, resolveAccount } from "./account.ts";
import { XmppConfigSchema } from "./config-schema.ts";
import { normalizeCompatibilityConfig } from "./doctor-migrations.ts";

beforeEach(() => {
  for (const name of ["XMPP_JID", "XMPP_PASSWORD", "XMPP_SERVER"]) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

const GOOD = { jid: "bot@example.com", password: "secret" };
const ROOM = "team@conference.example.com";

function fix(xmpp: object) {
  const before = structuredClone(xmpp);
  const { config, ...said } = normalizeCompatibilityConfig({
    cfg: { channels: { xmpp } } as OpenClawConfig,
  });
  // The host hands over a copy of its own; whoever calls it otherwise keeps what they had.
  expect(xmpp).toEqual(before);
  const written = config.channels?.["xmpp"] as object;
  XmppConfigSchema.parse(written);
  return { written, ...said };
}

describe("doctor --fix", () => {
  it("moves seed 000's configuration, and the account stays what it is", () => {
    const seed = seedConfig("seed-000.json") as OpenClawConfig;
    const { config, changes } = normalizeCompatibilityConfig({ cfg: seed });
    expect(config.channels?.["xmpp"]).toEqual({
      enabled: true,
      accounts: {
        default: {
          enabled: true,
          server: "xmpp://your-server.com:5222",
          jid: "bot@your-server.com",
          password: "your-password",
          adminJid: "admin@your-server.com",
          rooms: ["general@conference.your-server.com"],
          dataDir: "/path/to/data",
        },
      },
    });
    expect(changes).toEqual([
      "Moved channels.xmpp.accounts.default.service → channels.xmpp.accounts.default.server.",
      "Removed channels.xmpp.accounts.default.domain; the jid says it.",
    ]);
    const { config: _before, ...was } = resolveAccount(seed);
    expect(resolveAccount(config)).toMatchObject(was);
    expect(normalizeCompatibilityConfig({ cfg: config }).changes).toEqual([]);
  });

  it("takes an older name away where today's goes before it", () => {
    const { written, ...said } = fix({ ...GOOD, server: "new.example", service: "old.example" });
    expect(written).toEqual({ ...GOOD, server: "new.example" });
    expect(said).toEqual({
      changes: ["Removed channels.xmpp.service; channels.xmpp.server goes before it."],
    });
  });

  it("moves seed 001's rooms", () => {
    const seed = seedConfig("seed-001.json5") as OpenClawConfig;
    const { config, changes } = normalizeCompatibilityConfig({ cfg: seed });
    const { channels } = seed as { channels: { xmpp: { mucRooms: object } } };
    const { mucRooms, ...rest } = channels.xmpp;
    expect(config.channels?.["xmpp"]).toEqual({ ...rest, groups: mucRooms });
    expect(changes).toEqual(["Moved channels.xmpp.mucRooms → channels.xmpp.groups."]);
  });

  it("joins both names of the rooms, of which the older counts", () => {
    const groups = { [ROOM]: { requireMention: false, users: ["a@b.c"] }, "*": { enabled: true } };
    expect(
      fix({ ...GOOD, groups, mucRooms: { [ROOM]: { requireMention: true } } }).written,
    ).toEqual({
      ...GOOD,
      groups: { ...groups, [ROOM]: { requireMention: true, users: ["a@b.c"] } },
    });
  });

  it("completes every user name that a domain was for", () => {
    const xmpp = { domain: "example.com", jid: "bot", password: "x" };
    expect(fix(xmpp).written).toEqual({ jid: "bot@example.com", password: "x" });
    const accounts = { a: { jid: "a", password: "x" }, b: { jid: "b@example.org", password: "y" } };
    expect(fix({ ...xmpp, accounts }).written).toEqual({
      jid: "bot@example.com",
      password: "x",
      accounts: { a: { jid: "a@example.com", password: "x" }, b: accounts.b },
    });
  });

  it("keeps the domain of a user name in the environment", () => {
    for (const xmpp of [{ domain: "example.com" }, { accounts: { default: { domain: "b.c" } } }]) {
      expect(fix(xmpp)).toEqual({ written: xmpp, changes: [] });
    }
  });

  it("keeps what an account would not stay the same without, and says so", () => {
    const other = { "other@conference.example.com": {} };
    const rooms = { ...GOOD, groups: other, accounts: { a: { mucRooms: { [ROOM]: {} } } } };
    expect(fix(rooms)).toEqual({
      written: rooms,
      changes: [],
      warnings: [expect.stringMatching(/^Kept channels\.xmpp\.accounts\.a\.mucRooms: /)],
    });
    const own = { server: "one.example.com", accounts: { a: { ...GOOD, service: "two" } } };
    expect(fix(own).written).toEqual(own);
  });

  it("has nothing to do without the channel, and with today's names", () => {
    const cfg = { channels: { irc: {} } } as OpenClawConfig;
    expect(normalizeCompatibilityConfig({ cfg })).toEqual({ config: cfg, changes: [] });
    const today = { ...GOOD, adminJid: "a@b.c", dataDir: "/data", groups: { [ROOM]: {} } };
    expect(fix(today)).toEqual({ written: today, changes: [] });
  });

  it("leaves every account with the same server, JID, rooms and lists, whatever is configured", () => {
    const text = fc.constantFrom("", "chat.example.com", "xmpps://other.example.com");
    const keys = fc.record(
      {
        jid: fc.constantFrom("bot", "bot@example.com", "bot@example.org", ""),
        domain: fc.constantFrom("example.com", "example.org", ""),
        service: text,
        server: text,
        password: fc.constant("x"),
        mucRooms: fc.constantFrom(
          {},
          { [ROOM]: { enabled: false } },
          { "*": { users: ["a@b.c"] } },
        ),
        groups: fc.constantFrom({}, { [ROOM]: { requireMention: false } }),
      },
      { requiredKeys: [] },
    );
    const accounts = fc.dictionary(fc.constantFrom("default", "a", "b"), keys, { maxKeys: 3 });
    fc.assert(
      fc.property(keys, fc.option(accounts), (root, listed) => {
        const xmpp = listed ? { ...root, accounts: listed } : root;
        const { written } = fix(xmpp);
        for (const id of listAccountIds({ channels: { xmpp } } as OpenClawConfig)) {
          const read = (section: object) => {
            const cfg = { channels: { xmpp: section } } as OpenClawConfig;
            const { jid, serverText, rooms, roomSettings, configured } = resolveAccount(cfg, id);
            return { jid, serverText, rooms, roomSettings, configured };
          };
          expect(read(written)).toEqual(read(xmpp));
        }
        expect(fix(written).changes).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});
