/**
 * What the host keeps of messages that could not leave: it tries them again in growing intervals, of up to ten
 * minutes. As a connection comes up they are tried at once, and then again and again: one that was about to be
 * sent as the Gateway died is held for a minute. Until one is out, no turn begins in its conversation
 * (outbound/kept-sends.ts), or newer answers would overtake it.
 */
import { randomUUID } from "node:crypto";
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
  /** Told the ids of all that was kept since the first look, once that was tried. @returns whether to try again */
  onTried: (ids: ReadonlySet<string>) => Promise<boolean>;
  log: Logger;
}): KeptDeliveries {
  const { accountId, readConfig, onTried, log } = params;
  let timer: NodeJS.Timeout | undefined;
  let known = new Set<string>();
  const seen = new Set<string>();

  /** @returns whether anything is left to try */
  async function go(how: { isTry: boolean; bypassBackoff: boolean }): Promise<boolean> {
    const { isTry, bypassBackoff } = how;
    const ids = new Set<string>();
    const cfg = readConfig();
    try {
      await drainPendingDeliveries({
        // The host does nothing for a key that it is at; it takes care itself that nothing is tried twice at once.
        drainKey: `${CHANNEL_ID}:${accountId}:${randomUUID()}`,
        logLabel: "XMPP is back",
        cfg,
        log,
        selectEntry({ accountId: of, channel, id, to }) {
          const isOurs = channel === CHANNEL_ID && normalizeAccountId(of) === accountId;
          if (isOurs) {
            ids.add(id);
            const target = parseTarget(to, roomPredicate(cfg, accountId));
            // Held once, for as long as that is good for: one that never gets out must not hold others for ever.
            if (!known.has(id) && !("problem" in target)) {
              keptSends.keep(placeOf(accountId, target), id);
            }
            seen.add(id);
          }
          return { match: isOurs && isTry, bypassBackoff };
        },
      });
      for (const id of known) if (!ids.has(id)) keptSends.settle(id);
      known = ids;
      const isMore = isTry && (await onTried(seen));
      return isMore || ids.size > 0;
    } catch (error) {
      log.warn(`what the host keeps was not tried again: ${messageOf(error)}`);
      return true;
    }
  }

  async function tryUntilOut(isFirst: boolean, isCurrent: () => boolean): Promise<void> {
    // The host tries a message five times; only the first of ours is none of its own.
    const isMore = await go({ isTry: true, bypassBackoff: isFirst });
    if (isMore && isCurrent()) schedule(AGAIN_MS, false);
  }

  function schedule(ms: number, isFirst: boolean): void {
    clearTimeout(timer);
    const next = setTimeout(() => void tryUntilOut(isFirst, () => timer === next), ms).unref();
    timer = next;
  }

  return {
    look: async () => void (await go({ isTry: false, bypassBackoff: false })),
    onOnline: () => schedule(SETTLED_MS, true),
    onOffline() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}
