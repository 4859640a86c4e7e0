/** What the host's own functions make of our accounts: removal, disabling, and the scope of a restart. */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { beforeEach, afterEach, expect, it, vi } from "vitest";
import { xmppPlugin } from "../../src/channel.ts";

const BOT = { jid: "bot@example.com", password: "secret" };
const OPS = { jid: "ops@example.com", password: "secret" };
const { config } = xmppPlugin;

beforeEach(() => {
  for (const name of ["XMPP_JID", "XMPP_PASSWORD"]) vi.stubEnv(name, undefined);
});
afterEach(() => vi.unstubAllEnvs());

const cfgOf = (xmpp: object) => ({ channels: { xmpp } }) as OpenClawConfig;
/** As the file would hold it. */
const written = (cfg: OpenClawConfig | undefined) =>
  JSON.parse(JSON.stringify(cfg?.channels?.["xmpp"] ?? null)) as unknown;
const remove = (xmpp: object, accountId: string) =>
  written(config.deleteAccount?.({ cfg: cfgOf(xmpp), accountId }));

it("removing an account leaves to the others what they inherit", () => {
  const shared = { server: "chat.example.com", allowFrom: ["alice@example.com"] };
  expect(remove({ ...shared, ...BOT, accounts: { ops: OPS } }, "default")).toEqual({
    ...shared,
    accounts: { ops: OPS },
  });
  expect(remove({ ...shared, accounts: { bot: BOT, ops: OPS } }, "ops")).toEqual({
    ...shared,
    accounts: { bot: BOT },
  });
  expect(remove({ ...shared, ...BOT }, "default")).toBeNull();
});

it("disabling an account keeps what it is", () => {
  const cfg = cfgOf({ accounts: { bot: BOT, ops: OPS } });
  const off = config.setAccountEnabled?.({ cfg, accountId: "ops", enabled: false });
  expect(written(off)).toEqual({ accounts: { bot: BOT, ops: { ...OPS, enabled: false } } });
  expect(config.isEnabled?.(config.resolveAccount(off ?? {}, "ops"), cfg)).toBe(false);
  expect(config.isEnabled?.(config.resolveAccount(off ?? {}, "bot"), cfg)).toBe(true);
});

it("claims a restart of single accounts, and of none for what is read live", () => {
  expect(xmppPlugin.reload).toMatchObject({
    accountScopedRestart: true,
    configPrefixes: ["channels.xmpp"],
  });
  expect(xmppPlugin.reload?.noopPrefixes).not.toContain("channels.xmpp.accounts.*.password");
});
