/**
 * Turns that the host has taken over and that have not ended yet: their answers are owed. What an earlier
 * process left here, it did not finish.
 */
import { randomUUID } from "node:crypto";
import { z } from "zod";
import { messageOf } from "../errors.ts";
import type { IngressDatabase, Sql } from "./ingress-database.ts";
import type { FileLog } from "./json-file.ts";

const owedAnswer = z.object({
  /** The host's key of the message; its transcript has it, too. */
  messageId: z.string(),
  agentId: z.string(),
  sessionKey: z.string(),
  /** Where the answer goes, as `formatTarget` writes it. */
  to: z.string(),
  /** ms since the epoch: when the host took it over. */
  since: z.number(),
});

export type OwedAnswer = z.infer<typeof owedAnswer>;

/** Rooms give their ids each for themselves. */
export type OwedKey = Pick<OwedAnswer, "to" | "messageId">;

export type OwedAnswers = {
  /**
   * On disk when it resolves, or settled meanwhile: it waits for room there.
   * @throws IngressStorageError once the account has stopped
   */
  note(owed: OwedAnswer): Promise<void>;
  /** It is on the host's disk, or there is none. Where that cannot be written now, it is soon. */
  settle(owed: OwedKey): void;
  /** Whether it is noted and not settled. @throws IngressStorageError */
  has(owed: OwedKey): boolean;
  /** What earlier processes left, the oldest first. @throws IngressStorageError */
  left(): OwedAnswer[];
};

const keyOf = ({ to, messageId }: OwedKey): string => JSON.stringify([to, messageId]);

/** Not the account's: turns outlive its restart. */
const PROCESS = randomUUID();
const RETRY_MS = 1_000;

type Ledger = {
  database: IngressDatabase;
  /** What still has to be taken out. */
  settled: Set<string>;
  /** What still has to be noted. */
  noting: Set<string>;
  retry?: NodeJS.Timeout;
};
const ledgers = new Map<string, Ledger>();

/** @param database of the account; a turn may end after it was closed, and another one opened */
export function createOwedAnswers(
  accountId: string,
  database: IngressDatabase,
  log: FileLog,
): OwedAnswers {
  const { settled, noting } = ledgers.get(accountId) ?? {
    settled: new Set<string>(),
    noting: new Set<string>(),
  };
  ledgers.set(accountId, { database, settled, noting });

  function settleAll(): void {
    const ledger = ledgers.get(accountId);
    if (!ledger) return;
    clearTimeout(ledger.retry);
    try {
      ledger.database.transact((sql) => {
        for (const key of ledger.settled) sql.run("DELETE FROM owed_answers WHERE key = ?", key);
      });
      ledger.settled.clear();
    } catch {
      // What is settled stays noted in memory. Where the account has stopped, it goes on with its next start.
      if (!ledger.database.isClosed) ledger.retry = setTimeout(settleAll, RETRY_MS).unref();
    }
  }

  /** Where the account is restarted meanwhile, its next run goes on. */
  async function insist(work: (sql: Sql) => void): Promise<void> {
    for (;;) {
      const current = ledgers.get(accountId)?.database ?? database;
      try {
        return await current.insist(work);
      } catch (error) {
        if (!current.isClosed || ledgers.get(accountId)?.database === current) throw error;
      }
    }
  }

  return {
    async note(owed) {
      const key = keyOf(owed);
      // Of an earlier attempt at the same message.
      settled.delete(key);
      noting.add(key);
      try {
        await insist((sql) => {
          if (!noting.has(key)) return;
          sql.run(
            "INSERT OR REPLACE INTO owed_answers (key, process, answer) VALUES (?, ?, ?)",
            key,
            PROCESS,
            JSON.stringify(owed),
          );
        });
      } finally {
        noting.delete(key);
      }
    },
    settle(owed) {
      const key = keyOf(owed);
      noting.delete(key);
      settled.add(key);
      settleAll();
    },
    has(owed) {
      const key = keyOf(owed);
      if (settled.has(key)) return false;
      return database.transact(
        (sql) => sql.get("SELECT 1 FROM owed_answers WHERE key = ?", key) !== undefined,
      );
    },
    left() {
      settleAll();
      return database.transact((sql) =>
        sql
          .all("SELECT key, answer FROM owed_answers WHERE process != ? ORDER BY rowid", PROCESS)
          .flatMap(({ key = null, answer }) => {
            try {
              return owedAnswer.parse(JSON.parse(String(answer)));
            } catch (error) {
              log.warn(`a note of an answer is unreadable: ${messageOf(error)}`);
              sql.run("DELETE FROM owed_answers WHERE key = ?", key);
              return [];
            }
          }),
      );
    },
  };
}
