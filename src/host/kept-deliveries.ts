/**
 * What the host keeps of messages that could not leave: it tries them again in growing intervals, of up to ten
 * minutes. As a connection comes up they are tried at once, and then again and again: one that was about to be
 * sent as the Gateway died is held for a minute. Until one is out, no turn begins in its conversation
 * (outbound/kept-sends.ts), or newer answers would overtake it.
 */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { normalizeAccountId } from "openclaw/plugin-sdk/account-core";
import { drainPendingDeliveries } from "openclaw/plugin-sdk/infra-runtime";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { placeOf } from "../outbound/reply-target.ts";
import { parseTarget } from "../outbound/target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { roomPredicate } from "./messaging.ts";

/** A connection that does not last is no occasion, and rooms are joined meanwhile, ms. */
const SETTLED_MS = 1_000;
const AGAIN_MS = 5_000;

export type KeptDeliveries = {
  /** Resolves when it is known what is kept, without trying it. */
  look(): Promise<void>;
  onOnline(): void;
  onOffline(): void;
};

export function createKeptDeliveries(params: {
  accountId: string;
  readConfig: () => OpenClawConfig;
  /** Told the ids of what was kept, once that was tried. */
  onTried: (ids: ReadonlySet<string>) => Promise<void>;
  log: Logger;
}): KeptDeliveries {
  const { accountId, readConfig, onTried, log } = params;
  let timer: NodeJS.Timeout | undefined;
  let known = new Set<string>();

  async function go({ isTry }: { isTry: boolean }): Promise<void> {
    const ids = new Set<string>();
    const cfg = readConfig();
    try {
      await drainPendingDeliveries({
        drainKey: `${CHANNEL_ID}:${accountId}${isTry ? "" : ":look"}`,
        logLabel: "XMPP is back",
        cfg,
        log,
        selectEntry({ accountId: of, channel, id, to }) {
          const isOurs = channel === CHANNEL_ID && normalizeAccountId(of) === accountId;
          if (isOurs) {
            ids.add(id);
            const target = parseTarget(to, roomPredicate(cfg, accountId));
            if (!("problem" in target)) keptSends.keep(placeOf(accountId, target), id);
          }
          return { match: isOurs && isTry, bypassBackoff: true };
        },
      });
      for (const id of known) if (!ids.has(id)) keptSends.settle(id);
      known = ids;
      if (isTry) await onTried(ids);
    } catch (error) {
      log.warn(`what the host keeps was not tried again: ${messageOf(error)}`);
    }
  }

  async function tryUntilOut(mine: () => boolean): Promise<void> {
    await go({ isTry: true });
    if (known.size > 0 && mine()) schedule(AGAIN_MS);
  }

  function schedule(ms: number): void {
    clearTimeout(timer);
    const next = setTimeout(() => void tryUntilOut(() => timer === next), ms).unref();
    timer = next;
  }

  return {
    look: async () => await go({ isTry: false }),
    onOnline: () => schedule(SETTLED_MS),
    onOffline() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
