import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { afterAll, afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { listAccountIds, resolveAccount } from "./account.ts";
import { security } from "./security.ts";

const folder = mkdtempSync(join(tmpdir(), "openclaw-xmpp-security-"));
const configFile = join(folder, "openclaw.json");
afterAll(() => rmSync(folder, { recursive: true }));
beforeEach(() => {
  for (const name of ["XMPP_JID", "XMPP_PASSWORD", "NODE_TLS_REJECT_UNAUTHORIZED"])
    vi.stubEnv(name, undefined);
  vi.stubEnv("OPENCLAW_CONFIG_PATH", configFile);
});
afterEach(() => vi.unstubAllEnvs());

const GOOD = { jid: "bot@example.com", password: 's"ecret' };
const ROOM = "team@conference.example.com";

/** `severity checkId` of everything that the audit hears of the default account, without the common prefix. */
async function audit(xmpp: object, accountId = "default"): Promise<string[]> {
  const session = { dmScope: "per-channel-peer" };
  const cfg = { channels: { xmpp }, session } as OpenClawConfig;
  const account = resolveAccount(cfg, accountId);
  const context = { cfg, accountId, account };
  const files = { sourceConfig: cfg, orderedAccountIds: listAccountIds(cfg) };
  const found = [
    ...((await security.collectWarnings?.(context)) ?? []),
    ...((await security.collectAuditFindings?.({
      ...context,
      ...files,
      hasExplicitAccountPath: false,
    })) ?? []),
  ];
  return found
    .filter((finding) => typeof finding !== "string")
    .map(({ severity, checkId }) => `${severity} ${checkId.replace("channels.xmpp.", "")}`)
    .toSorted();
}

function file(name: string, text: string, mode: number): string {
  const path = join(folder, name);
  writeFileSync(path, text);
  chmodSync(path, mode);
  return path;
}

describe("the security audit says of", () => {
  const cases: [string, object, string[]][] = [
    ["nothing unusual", { allowFrom: ["alice@example.com"] }, []],
    ["everybody in a list", { dmPolicy: "allowlist", allowFrom: ["*"] }, ["critical dm.wildcard"]],
    ["everybody beside pairing", { allowFrom: ["xmpp:*"] }, ["critical dm.wildcard"]],
    ["a whole domain", { allowFrom: ["*@example.com"] }, ["info dm.domain_wildcard"]],
    ["no direct chats", { dmPolicy: "disabled", allowFrom: ["*"] }, []],
    ["an open room", { rooms: [ROOM] }, ["warn groups.open"]],
    [
      "a room whose list is no list",
      { rooms: [ROOM], groupAllowFrom: ["*"] },
      ["warn groups.open"],
    ],
    ["a listed room", { rooms: [ROOM], groupAllowFrom: ["*@example.com"] }, []],
    ["rooms that are off", { rooms: [ROOM], groupPolicy: "disabled" }, []],
    [
      "a room without mentions",
      { mucRooms: { [ROOM]: { requireMention: false } } },
      ["warn groups.open_without_mention"],
    ],
    ["room owners", { roomOwnerBypass: true }, ["info groups.owner_bypass"]],
    ["invitations", { autoJoin: "always" }, ["warn autojoin_always"]],
    ["shared sessions", { sharedSessions: "identified" }, ["warn shared_sessions"]],
    ["plaintext", { dangerouslyAllowPlaintext: true }, ["warn plaintext"]],
    ["PLAIN", { sasl: { allowPlain: true } }, ["warn sasl.plain"]],
    ["downgrades", { sasl: { downgradeProtection: "off" } }, ["warn sasl.downgrade"]],
    ["channel binding", { sasl: { channelBinding: "off" } }, ["info sasl.channel_binding"]],
    ["logged stanzas", { xml: true }, ["warn xml_log"]],
  ];
  it.each(cases)("%s", async (_what, settings, findings) => {
    expect(await audit({ ...GOOD, ...settings })).toEqual(findings);
  });

  it("certificates that are not checked", async () => {
    vi.stubEnv("NODE_TLS_REJECT_UNAUTHORIZED", "0");
    expect(await audit(GOOD)).toEqual(["critical tls.verification_disabled"]);
  });

  it("a password in the configuration, and who else may read it", async () => {
    file("openclaw.json", JSON.stringify({ channels: { xmpp: GOOD } }), 0o600);
    expect(await audit(GOOD)).toEqual(["info password_in_config"]);
    chmodSync(configFile, 0o640);
    expect(await audit(GOOD)).toEqual(["critical password_in_config"]);
    // As the host gives it where the file says "${SECRET}".
    file("openclaw.json", JSON.stringify({ channels: { xmpp: { password: "${SECRET}" } } }), 0o644);
    expect(await audit(GOOD)).toEqual([]);
  });

  it("files that others read or write", async () => {
    const { jid } = GOOD;
    const dataDir = join(folder, "data");
    mkdirSync(join(dataDir, "default"), { recursive: true, mode: 0o755 });
    const passwordFile = file("password", "secret", 0o644);
    const caFile = file("ca.pem", "", 0o664);
    expect(await audit({ jid, passwordFile, dataDir, tls: { caFile } })).toEqual([
      "critical ca_file_writable",
      "critical password_file_readable",
      "warn data_dir_readable",
    ]);
    for (const path of [passwordFile, caFile]) chmodSync(path, 0o600);
    chmodSync(dataDir, 0o700);
    expect(await audit({ jid, passwordFile, dataDir, tls: { caFile } })).toEqual([]);
  });

  it("an account that it is not asked about, as it cannot start", async () => {
    const xmpp = { accounts: { good: GOOD, bad: { jid: "nonsense" }, off: { enabled: false } } };
    expect(await audit(xmpp, "good")).toEqual(["info account_not_audited"]);
  });
});

it("the host hears of a list that names everybody as of an open policy", () => {
  const policyOf = (xmpp: object) => {
    const cfg = { channels: { xmpp: { ...GOOD, ...xmpp } } } as OpenClawConfig;
    return security.resolveDmPolicy?.({ cfg, account: resolveAccount(cfg) })?.policy;
  };
  expect(policyOf({ dmPolicy: "allowlist", allowFrom: ["a@b.c"] })).toBe("allowlist");
  expect(policyOf({ dmPolicy: "allowlist", allowFrom: ["a@b.c", "xmpp:*"] })).toBe("open");
  expect(policyOf({ dmPolicy: "disabled", allowFrom: ["*"] })).toBe("disabled");
});
