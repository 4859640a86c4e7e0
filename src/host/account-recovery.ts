/** What an account still had to say as the Gateway died, or as its connection was down. */
import { messageOf } from "../errors.ts";
import type { AccountBasis } from "./account-basis.ts";
import { createKeptDeliveries } from "./kept-deliveries.ts";
import { createOwedRecovery } from "./owed-recovery.ts";

export type AccountRecovery = {
  /** Resolves when it is known which answers are still to come: only then may what waits be answered. */
  onOnline(): Promise<void>;
  onOffline(): void;
  stop(): void;
};

/** To be called as the account starts, before the host resumes anything. */
export function createAccountRecovery(basis: AccountBasis): AccountRecovery {
  const { accountId, log, readAccount, readConfig, stores } = basis;
  const recovery = createOwedRecovery({
    accountId,
    owed: stores.owed,
    readConfig,
    readLongest: () => readAccount().limits.queueMaxAgeMinutes * 60_000,
    log,
    now: Date.now,
  });
  const kept = createKeptDeliveries({ accountId, readConfig, onTried: recovery.recover, log });
  recovery.look();
  // An account that takes nothing in is worse off than one that may say something twice.
  const afterAll = (error: unknown) =>
    log.error(`what was still to say is not: ${messageOf(error)}`);
  const looked = kept.look().catch(afterAll);
  return {
    async onOnline() {
      try {
        recovery.hold();
        kept.onOnline();
      } catch (error) {
        afterAll(error);
      }
      await looked;
    },
    onOffline: kept.onOffline,
    stop() {
      kept.onOffline();
      recovery.stop();
    },
  };
}
