/** How long, and how many of, the queue's rows are kept (ingress-queue.ts). */
import type { IngressPruneOptions } from "./ingress-contract.ts";
import type { Sql } from "./ingress-database.ts";
import { trimmed } from "./ingress-rows.ts";

/** What limits rows of a status: their age by this column, and their number. */
const RETENTION = [
  ["pending", "updated_at", "pendingTtlMs", "pendingMaxEntries"],
  ["completed", "completed_at", "completedTtlMs", "completedMaxEntries"],
  ["failed", "failed_at", "failedTtlMs", "failedMaxEntries"],
] as const;

/** @returns how many rows are gone */
export function prune(sql: Sql, options: IngressPruneOptions, at: number): number {
  const spared = JSON.stringify(trimmed(options.protectIds ?? []));
  const unlessSpared = "id NOT IN (SELECT value FROM json_each(?))";
  let gone = 0;
  for (const [status, column, ttl, max] of RETENTION) {
    const age = options[ttl];
    if (age !== undefined) {
      gone += sql.run(
        `DELETE FROM events WHERE status = ? AND ${column} < ? AND ${unlessSpared}`,
        status,
        at - age,
        spared,
      );
    }
    const most = options[max];
    if (most !== undefined) {
      gone += sql.run(
        `DELETE FROM events WHERE id IN (
           SELECT id FROM events WHERE status = ? ORDER BY updated_at DESC, id DESC
           LIMIT -1 OFFSET ?
         ) AND ${unlessSpared}`,
        status,
        Math.max(0, Math.floor(most)),
        spared,
      );
    }
  }
  return gone;
}
