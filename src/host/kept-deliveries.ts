/**
 * What the host keeps of messages that could not leave: it tries them again in growing intervals, of up to ten
 * minutes. As a connection comes up they are tried at once, or newer ones would overtake them for longer.
 */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { normalizeAccountId } from "openclaw/plugin-sdk/account-core";
import { drainPendingDeliveries } from "openclaw/plugin-sdk/infra-runtime";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";

/** A connection that does not last is no occasion, and rooms are joined meanwhile, ms. */
const SETTLED_MS = 1_000;

export type KeptDeliveries = { onOnline(): void; onOffline(): void };

export function createKeptDeliveries(params: {
  accountId: string;
  readConfig: () => OpenClawConfig;
  log: Logger;
}): KeptDeliveries {
  const { accountId, readConfig, log } = params;
  let timer: NodeJS.Timeout | undefined;
  const drain = async (): Promise<void> => {
    try {
      await drainPendingDeliveries({
        drainKey: `${CHANNEL_ID}:${accountId}`,
        logLabel: "XMPP is back",
        cfg: readConfig(),
        log,
        selectEntry: (entry) => ({
          match: entry.channel === CHANNEL_ID && normalizeAccountId(entry.accountId) === accountId,
          bypassBackoff: true,
        }),
      });
    } catch (error) {
      log.warn(`what the host keeps was not tried again: ${messageOf(error)}`);
    }
  };
  return {
    onOnline() {
      clearTimeout(timer);
      timer = setTimeout(() => void drain(), SETTLED_MS).unref();
    },
    onOffline: () => clearTimeout(timer),
  };
}
