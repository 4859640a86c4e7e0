/**
 * Messages that grew until an answer takes their place. What an earlier process left here without one, a crash cut
 * off: the answer that the host has, or gives when it resumes the turn, takes the place all the same.
 */
import { randomUUID } from "node:crypto";
import { messageOf } from "../errors.ts";
import type { IngressDatabase } from "./ingress-database.ts";
import type { FileLog } from "./json-file.ts";

export type GrowingAnswers = {
  /** The message is with the server. `to`: where it is, as `formatTarget` writes it. */
  note(id: string, to: string): void;
  /** A delivery of the host is about to take its place. */
  assign(id: string, deliveryId: string): void;
  /** It was replaced, or nothing will replace it. */
  settle(id: string): void;
  /**
   * What a delivery replaces of which this process knows nothing more: what it was about to replace before, else
   * what an earlier process left at `to`, once.
   */
  left(deliveryId: string, to: string): string | undefined;
  /** Another question was answered at `to`: what an earlier process left is above it, where nobody would look. */
  forgetLeft(to: string): void;
};

/** Not the account's: answers outlive its restart. */
const PROCESS = randomUUID();
/** Afterwards what comes is hardly the answer to that, ms. */
const LONGEST_WAIT_MS = 60 * 60_000;

/** Where the disk fails, a "…" may be left over: nothing here throws. */
export function createGrowingAnswers(
  database: IngressDatabase,
  { now, log }: { now: () => number; log: FileLog },
): GrowingAnswers {
  type Sql = Parameters<Parameters<IngressDatabase["transact"]>[0]>[0];
  function attempt<T>(run: (sql: Sql) => T): T | undefined {
    try {
      return database.transact(run);
    } catch (error) {
      log.warn(`a growing answer is not noted: ${messageOf(error)}`);
      return undefined;
    }
  }

  return {
    note: (id, to) =>
      void attempt((sql) => {
        sql.run("DELETE FROM growing_answers WHERE since < ?", now() - LONGEST_WAIT_MS);
        sql.run(
          "INSERT OR REPLACE INTO growing_answers (id, process, target, since) VALUES (?, ?, ?, ?)",
          id,
          PROCESS,
          to,
          now(),
        );
      }),
    assign: (id, deliveryId) =>
      void attempt((sql) =>
        sql.run("UPDATE growing_answers SET delivery = ? WHERE id = ?", deliveryId, id),
      ),
    settle: (id) => void attempt((sql) => sql.run("DELETE FROM growing_answers WHERE id = ?", id)),
    forgetLeft: (to) =>
      void attempt((sql) =>
        sql.run(
          "DELETE FROM growing_answers WHERE delivery IS NULL AND process != ? AND target = ?",
          PROCESS,
          to,
        ),
      ),
    left: (deliveryId, to) =>
      attempt((sql) => {
        const [assigned] = sql.all("SELECT id FROM growing_answers WHERE delivery = ?", deliveryId);
        if (assigned) return String(assigned["id"]);
        const [open] = sql.all(
          `SELECT id FROM growing_answers
           WHERE delivery IS NULL AND process != ? AND target = ? AND since >= ?
           ORDER BY since DESC, rowid DESC LIMIT 1`,
          PROCESS,
          to,
          now() - LONGEST_WAIT_MS,
        );
        if (!open) return undefined;
        sql.run(
          "UPDATE growing_answers SET delivery = ? WHERE id = ?",
          deliveryId,
          open["id"] ?? "",
        );
        return String(open["id"]);
      }),
  };
}
