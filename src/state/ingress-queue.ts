/**
 * The queue of inbound messages on disk, for a plugin that may not open the host's: the same contract,
 * in a file of its own. `test/support/ingress-queue-contract.ts` is run against both.
 */
import { randomUUID } from "node:crypto";
import type {
  IngressClaimNextOptions,
  IngressClaimRef,
  IngressEnqueued,
  IngressPruneOptions,
  IngressQueue,
  IngressRecord,
  IngressRecoverOptions,
} from "./ingress-contract.ts";
import type { IngressDatabase, Row, Sql } from "./ingress-database.ts";
import {
  claimedRecordOf,
  claimOf,
  completedOf,
  deadLetterOf,
  listedRecordOf,
  failCorrupt,
  recordOf,
  rowOf,
} from "./ingress-rows.ts";

/** Rows that are looked at where the caller does not say how many. */
const USUAL_LIMIT = 100;
const MAX_CORRUPT_PER_CLAIM = 100;
/** A claim ends with its process, and so with the machine's power. */
const CLAIM_MAY_BE_LOST = true;

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

  function giveUp(...row: Parameters<typeof failCorrupt>): boolean {
    const hasFailed = failCorrupt(...row);
    if (hasFailed) onCorrupt?.();
    return hasFailed;
  }

  /** Pending → claimed. Rows that cannot be read become failed. */
  function take(sql: Sql, row: Row, ownerId: string | undefined, laneKey: string | undefined) {
    const at = now();
    sql.run(
      `UPDATE events SET status = 'claimed', claim_token = ?, claim_owner = ?, claimed_at = ?,
         updated_at = ?, lane = ? WHERE id = ? AND status = 'pending'`,
      randomUUID(),
      ownerId?.trim() || String(process.pid),
      at,
      at,
      laneKey ?? row["lane"] ?? null,
      String(row["id"]),
    );
    const taken = rowOf(sql, String(row["id"]));
    return (taken && claimedRecordOf<P, M>(name, taken)) ?? null;
  }

  return {
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

    async claimNext(options = {}) {
      if (options.staleMs !== undefined) {
        await this.recoverStaleClaims({ staleMs: options.staleMs });
      }
      const candidates = options.candidateIds && trimmed(options.candidateIds);
      if (candidates?.length === 0) return null;
      return transact((sql) => {
        const laneOf = (record: IngressRecord<P, M>) => reconciledLane(record, options);
        const among = candidates ? `AND id IN (SELECT value FROM json_each(?))` : "";
        const ids = candidates ? [JSON.stringify(candidates)] : [];
        const blocked = new Set(trimmed(options.blockedLaneKeys ?? []));
        if (candidates) {
          const claimed = `SELECT * FROM events WHERE status = 'claimed' ${among}`;
          for (const row of sql.all(claimed, ...ids)) {
            const record = recordOf<P, M>(name, row);
            const lane = record ? laneOf(record) : row["lane"];
            if (typeof lane === "string") blocked.add(lane);
          }
        }
        const isFree = (lane: string | undefined) => lane === undefined || !blocked.has(lane);
        // Where lanes are as they are stored, those that are blocked use up none of the limit.
        const stored = options.deriveLaneKey
          ? ""
          : `AND (lane IS NULL OR lane NOT IN (SELECT value FROM json_each(?)))`;
        const barred = options.deriveLaneKey ? [] : [JSON.stringify([...blocked])];
        const pending = `SELECT * FROM events WHERE status = 'pending' ${among} ${stored}
          ORDER BY ${order(options.orderBy)} LIMIT ?`;
        const scanned = Math.max(1, Math.floor(options.scanLimit ?? USUAL_LIMIT));
        let corrupt = 0;
        for (;;) {
          let hasFailed = false;
          for (const row of sql.all(pending, ...ids, ...barred, scanned)) {
            const record = recordOf<P, M>(name, row);
            const lane = record && laneOf(record);
            if (record && isFree(lane)) return take(sql, row, options.ownerId, lane);
            if (record || corrupt >= MAX_CORRUPT_PER_CLAIM) continue;
            corrupt += 1;
            hasFailed = giveUp(sql, row, "corrupt_payload", now());
          }
          // What failed made room for others within the limit.
          if (!hasFailed) return null;
        }
      }, CLAIM_MAY_BE_LOST);
    },
    async claim(id, options = {}) {
      return transact((sql) => {
        const row = rowOf(sql, idOf(id));
        if (row?.["status"] !== "pending") return null;
        if (recordOf(name, row)) return take(sql, row, options.ownerId, undefined);
        giveUp(sql, row, "corrupt_payload", now());
        return null;
      }, CLAIM_MAY_BE_LOST);
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

    async recoverStaleClaims(options: IngressRecoverOptions<P, M> = {}) {
      const at = options.now ?? now();
      const cutoff = at - Math.max(0, Math.floor(options.staleMs ?? 0));
      const rows = transact((sql) => sql.all(`SELECT * FROM events WHERE status = 'claimed'`));
      let recovered = 0;
      for (const row of rows) {
        const claim = claimOf(row);
        const record = claimedRecordOf<P, M>(name, row);
        if (claim && claim.claimedAt > cutoff) continue;
        if (record) {
          if (options.shouldRecover && !(await options.shouldRecover(record))) continue;
        } else if (claim) {
          const { id, lane: laneKey } = row;
          const corrupt = {
            ...name,
            id: String(id),
            ...(typeof laneKey === "string" ? { laneKey } : {}),
            reason: "corrupt_payload" as const,
            claim,
          };
          const { shouldRecover, shouldRecoverCorrupt } = options;
          if (shouldRecoverCorrupt ? !(await shouldRecoverCorrupt(corrupt)) : shouldRecover)
            continue;
        }
        // It may have been refreshed, settled or claimed anew in the meantime.
        const isOurs = transact((sql) => {
          const current = rowOf(sql, String(row["id"]));
          const isSame =
            current?.["status"] === "claimed" &&
            current["claim_token"] === row["claim_token"] &&
            Number(current["claimed_at"] ?? cutoff) <= cutoff;
          if (!isSame) return false;
          if (!record) {
            return giveUp(sql, current, claim ? "corrupt_payload" : "corrupt_claim", at);
          }
          return (
            sql.run(
              `UPDATE events SET status = 'pending', ${UNCLAIMED}, attempts = attempts + 1,
                 last_attempt_at = ?, updated_at = ? WHERE id = ?`,
              at,
              at,
              record.id,
            ) > 0
          );
        });
        if (isOurs) recovered += 1;
      }
      return recovered;
    },

    async prune(options = {}) {
      return transact((sql) => prune(sql, options, options.now ?? now()));
    },
  };
}

const UNCLAIMED = "claim_token = NULL, claim_owner = NULL, claimed_at = NULL";

/** What limits rows of a status: their age by this column, and their number. */
const RETENTION = [
  ["pending", "updated_at", "pendingTtlMs", "pendingMaxEntries"],
  ["completed", "completed_at", "completedTtlMs", "completedMaxEntries"],
  ["failed", "failed_at", "failedTtlMs", "failedMaxEntries"],
] as const;

function prune(sql: Sql, options: IngressPruneOptions, at: number): number {
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

/** The lane that a record has: as it is stored, unless what it would be now may take its place. */
function reconciledLane<P, M>(
  record: IngressRecord<P, M>,
  { deriveLaneKey, reconcileStoredLaneKey }: IngressClaimNextOptions<P, M>,
): string | undefined {
  const { laneKey: stored } = record;
  if (stored === undefined) return deriveLaneKey?.(record);
  if (!reconcileStoredLaneKey) return stored;
  const derived = deriveLaneKey?.(record);
  if (!derived || derived === stored) return stored;
  return reconcileStoredLaneKey(record, stored, derived) ? derived : stored;
}

function idOf(target: string | { id: string }): string {
  const id = (typeof target === "string" ? target : target.id).trim();
  if (!id) throw new TypeError("an event id must not be empty");
  return id;
}

function tokenOf(target: string | IngressRecord<unknown> | IngressClaimRef): string | undefined {
  return typeof target === "object" && "claim" in target ? target.claim.token : undefined;
}

const order = (by: "received" | "id" | undefined) => (by === "id" ? "id" : "received_at, id");

function limitOf(limit: number | "all" | undefined): number {
  if (limit === "all") return Number.MAX_SAFE_INTEGER;
  return Math.max(1, Math.floor(limit ?? USUAL_LIMIT));
}

const trimmed = (keys: Iterable<string>) => [...keys].map((key) => key.trim()).filter(Boolean);
