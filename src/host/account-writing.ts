/** Writes an account's keys where it has them: at the root of `channels.xmpp`, or under `accounts`. */
import {
  DEFAULT_ACCOUNT_ID,
  normalizeAccountId,
  type OpenClawConfig,
} from "openclaw/plugin-sdk/account-core";
import { patchScopedAccountConfig } from "openclaw/plugin-sdk/setup";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { XmppAccountConfig } from "./config-schema.ts";

type Section = XmppAccountConfig & { accounts?: Record<string, XmppAccountConfig | undefined> };

function sectionOf(cfg: OpenClawConfig): Section {
  return (cfg.channels?.[CHANNEL_ID] ?? {}) as Section;
}

function listedEntry(cfg: OpenClawConfig, accountId: string): XmppAccountConfig | undefined {
  const accounts = Object.entries(sectionOf(cfg).accounts ?? {});
  return accounts.find(([key]) => normalizeAccountId(key) === accountId)?.[1];
}

/** The account's own keys as they are written, without what it inherits. */
export function readOwnEntry(cfg: OpenClawConfig, accountId: string): XmppAccountConfig {
  const listed = listedEntry(cfg, accountId);
  if (listed || accountId !== DEFAULT_ACCOUNT_ID) return listed ?? {};
  return sectionOf(cfg);
}

/**
 * The configuration with `values` in the account's own keys, and without its own `cleared`; what is
 * undefined is left as it was. The default account stands under `accounts` where it has an entry there.
 */
export function writeAccount(
  cfg: OpenClawConfig,
  accountId: string,
  values: XmppAccountConfig,
  cleared: readonly (keyof XmppAccountConfig)[] = [],
): OpenClawConfig {
  return patchScopedAccountConfig({
    cfg,
    channelKey: CHANNEL_ID,
    accountId,
    patch: Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined)),
    clearFields: [...cleared],
    scopeDefaultToAccounts: listedEntry(cfg, accountId) !== undefined,
  });
}
