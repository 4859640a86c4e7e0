/**
 * The queue of inbound messages on disk, for a plugin that may not open the host's: the same contract,
 * in a file of its own. `test/support/ingress-queue-contract.ts` is run against both.
 */
import { createIngressClaims, type GiveUp } from "./ingress-claims.ts";
import type {
  IngressClaimRef,
  IngressEnqueued,
  IngressQueue,
  IngressRecord,
} from "./ingress-contract.ts";
import type { IngressDatabase, Sql } from "./ingress-database.ts";
import { prune } from "./ingress-retention.ts";
import {
  claimedRecordOf,
  completedOf,
  deadLetterOf,
  failCorrupt,
  idOf,
  listedRecordOf,
  order,
  recordOf,
  rowOf,
  UNCLAIMED,
  USUAL_LIMIT,
} from "./ingress-rows.ts";

export type IngressQueueOptions<P> = {
  database: IngressDatabase;
  channelId: string;
  accountId: string;
  now?: () => number;
  /**
   * Part of the transaction of `enqueue`.
   * @returns the id under which the event is known, which may be another one
   * @throws to refuse it
   */
  onEnqueue?: (sql: Sql, id: string, payload: P, laneKey: string | undefined) => string;
  /** A row cannot be read: it has failed. */
  onCorrupt?: () => void;
};

export function createIngressQueue<P, M = unknown, C = unknown>({
  database,
  channelId,
  accountId,
  now = Date.now,
  onEnqueue = (_sql, id) => id,
  onCorrupt,
}: IngressQueueOptions<P>): IngressQueue<P, M, C> {
  const name = { channelId, accountId, queueName: JSON.stringify([channelId, accountId]) };
  const { transact } = database;
  const giveUp: GiveUp = (...row) => {
    const hasFailed = failCorrupt(...row);
    if (hasFailed) onCorrupt?.();
    return hasFailed;
  };

  /** Changes one row, which is ours by its claim's token, or is pending where there is none. */
  function change(
    target: string | { id: string; claim?: { token: string } },
    assignments: string,
    values: readonly (string | number | null)[],
  ): boolean {
    const id = idOf(target);
    const token = typeof target === "string" ? undefined : target.claim?.token;
    const guard =
      token === undefined ? "status = 'pending'" : "status = 'claimed' AND claim_token = ?";
    const sql = `UPDATE events SET ${assignments} WHERE id = ? AND ${guard}`;
    const guarded = token === undefined ? [id] : [id, token];
    return transact((tx) => tx.run(sql, ...values, ...guarded) > 0);
  }

  return {
    ...createIngressClaims<P, M>({ transact, name, now, giveUp }),

    async enqueue(id, payload, options = {}) {
      const { laneKey, metadata, receivedAt = now() } = options;
      return transact((sql): IngressEnqueued<P, M, C> => {
        const at = now();
        const known = onEnqueue(sql, idOf(id), payload, laneKey);
        const added = sql.run(
          `INSERT INTO events (id, status, lane, payload, metadata, received_at, updated_at)
           VALUES (?, 'pending', ?, ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
          known,
          laneKey ?? null,
          JSON.stringify(payload),
          metadata === undefined ? null : JSON.stringify(metadata),
          receivedAt,
          at,
        );
        const row = rowOf(sql, known);
        if (!row) throw new Error(`the event ${known} was not stored`);
        const record = recordOf<P, M>(name, row);
        if (added > 0) {
          if (!record) throw new TypeError(`the payload of ${known} is no JSON`);
          return { kind: "accepted", duplicate: false, record };
        }
        switch (row["status"]) {
          case "completed":
            return { kind: "completed", duplicate: true, record: completedOf(name, row) };
          case "failed":
            return { kind: "failed", duplicate: true, record: deadLetterOf(name, row) };
          case "claimed": {
            const claimed = claimedRecordOf<P, M>(name, row);
            if (!claimed) throw new Error(`the claimed event ${known} cannot be read`);
            return { kind: "claimed", duplicate: true, record: claimed };
          }
          default:
            if (record) return { kind: "pending", duplicate: true, record };
            giveUp(sql, row, "corrupt_payload", at);
            return {
              kind: "failed",
              duplicate: true,
              record: deadLetterOf(name, rowOf(sql, known) ?? row),
            };
        }
      });
    },

    async listPending({ limit, orderBy } = {}) {
      // The host lists all of it each time that it looks for the next one.
      const rows = transact((sql) =>
        sql.all(
          `SELECT id, lane, metadata, received_at, updated_at, attempts, last_attempt_at, last_error
           FROM events WHERE status = 'pending' AND json_valid(payload)
           ORDER BY ${order(orderBy)} LIMIT ?`,
          limitOf(limit),
        ),
      );
      return rows.map((row) =>
        listedRecordOf<P, M>(name, row, () => transact((sql) => rowOf(sql, String(row["id"])))),
      );
    },
    async listClaims() {
      const rows = transact((sql) =>
        sql.all(
          `SELECT * FROM events WHERE status = 'claimed' ORDER BY claimed_at, received_at, id`,
        ),
      );
      return rows.flatMap((row) => claimedRecordOf<P, M>(name, row) ?? []);
    },
    async listFailed({ limit } = {}) {
      const rows = transact((sql) =>
        sql.all(
          `SELECT * FROM events WHERE status = 'failed' ORDER BY failed_at, id LIMIT ?`,
          limitOf(limit),
        ),
      );
      return rows.map((row) => deadLetterOf<P, M>(name, row));
    },

    async refreshClaim(claim, { refreshedAt = now() } = {}) {
      return change(claim, "claimed_at = ?, updated_at = ?", [refreshedAt, refreshedAt]);
    },

    async complete(target, { metadata, completedAt = now() } = {}) {
      const stored = metadata === undefined ? null : JSON.stringify(metadata);
      const isChanged = change(
        target,
        `status = 'completed', completed_at = ?, completed_metadata = ?, payload = NULL,
         metadata = NULL, ${UNCLAIMED}, last_attempt_at = NULL, last_error = NULL, updated_at = ?`,
        [completedAt, stored, completedAt],
      );
      if (isChanged || typeof target !== "string") return isChanged;
      return transact(
        (sql) =>
          sql.run(
            `INSERT INTO events
               (id, status, received_at, updated_at, completed_at, completed_metadata)
             VALUES (?, 'completed', ?, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
            idOf(target),
            completedAt,
            completedAt,
            completedAt,
            stored,
          ) > 0,
      );
    },
    async release(target, { lastError, releasedAt = now(), recordAttempt = true } = {}) {
      return change(
        target,
        `status = 'pending', ${UNCLAIMED}, attempts = attempts + ?,
         last_attempt_at = coalesce(?, last_attempt_at), last_error = coalesce(?, last_error),
         updated_at = ?`,
        [recordAttempt ? 1 : 0, recordAttempt ? releasedAt : null, lastError ?? null, releasedAt],
      );
    },
    async fail(target, { reason, message, failedAt = now() }) {
      return change(
        target,
        `status = 'failed', failed_at = ?, failed_reason = ?, last_error = ?, ${UNCLAIMED},
         updated_at = ?`,
        [failedAt, reason, message ?? null, failedAt],
      );
    },
    async resubmit(id, { resubmittedAt = now() } = {}) {
      return transact((sql) => {
        const row = rowOf(sql, idOf(id));
        if (!row) return { kind: "not-found" };
        if (row["status"] === "completed") {
          return { kind: "completed", record: completedOf<C>(name, row) };
        }
        if (row["status"] !== "failed") {
          return { kind: "active", status: row["status"] === "claimed" ? "claimed" : "pending" };
        }
        const previous = deadLetterOf<P, M>(name, row);
        if (!recordOf(name, row)) return { kind: "unrecoverable", record: previous };
        sql.run(
          `UPDATE events SET status = 'pending', received_at = ?, updated_at = ?, attempts = 0,
             last_attempt_at = NULL, last_error = NULL, failed_at = NULL, failed_reason = NULL,
             ${UNCLAIMED} WHERE id = ?`,
          resubmittedAt,
          resubmittedAt,
          previous.id,
        );
        const again = rowOf(sql, previous.id);
        const record = again && recordOf<P, M>(name, again);
        if (!record) throw new Error(`the event ${previous.id} was not stored`);
        return { kind: "resubmitted", record, previous };
      });
    },
    async delete(target) {
      const id = idOf(target);
      const token = tokenOf(target);
      return transact(
        (sql) =>
          (token === undefined
            ? sql.run(`DELETE FROM events WHERE id = ? AND status = 'pending'`, id)
            : sql.run(
                `DELETE FROM events WHERE id = ? AND status = 'claimed' AND claim_token = ?`,
                id,
                token,
              )) > 0,
      );
    },

    async prune(options = {}) {
      return transact((sql) => prune(sql, options, options.now ?? now()));
    },
  };
}

function tokenOf(target: string | IngressRecord<unknown> | IngressClaimRef): string | undefined {
  return typeof target === "object" && "claim" in target ? target.claim.token : undefined;
}

function limitOf(limit: number | "all" | undefined): number {
  if (limit === "all") return Number.MAX_SAFE_INTEGER;
  return Math.max(1, Math.floor(limit ?? USUAL_LIMIT));
}
