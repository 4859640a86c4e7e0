/** What every part of a running account is made from: its settings as they are now, its stores, its log. */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { createTally } from "../inbound/tally.ts";
import { createTurnLimits } from "../inbound/turn-limits.ts";
import type { AccountLog } from "./account-log.ts";
import { openAccountStores } from "./account-stores.ts";
import type { XmppAccount } from "./account.ts";
import { watchConfig } from "./live-config.ts";
import { getRuntime } from "./runtime.ts";

export type AccountBasis = ReturnType<typeof openAccountBasis>;

/**
 * `account` is as it was at the start, `readAccount` and `readConfig` give what is configured now.
 * @throws Error the account lacks a JID or a server
 */
export function openAccountBasis(params: {
  account: XmppAccount;
  cfg: OpenClawConfig;
  log: AccountLog;
}) {
  const { account, cfg, log } = params;
  const { accountId, jid, server } = account;
  if (!jid || !server) throw new Error(`XMPP account "${accountId}" is not configured`);
  const runtime = getRuntime();
  const stores = openAccountStores(account, log);
  const config = watchConfig({ runtime, cfg, account, log });
  const readAccount = () => config.read().account;
  config.onChange(() => log.setLevel(readAccount().config.logLevel));
  return {
    account,
    accountId,
    jid,
    server,
    cfg,
    log,
    runtime,
    stores,
    config,
    readAccount,
    readConfig: () => config.read().cfg,
    tally: createTally(),
    turnLimits: createTurnLimits(),
  };
}
