/** Claims on the queue's rows (ingress-queue.ts): how one is taken, and what becomes of one whose process is gone. */
import { randomUUID } from "node:crypto";
import type {
  IngressClaimNextOptions,
  IngressQueue,
  IngressRecord,
  IngressRecoverOptions,
} from "./ingress-contract.ts";
import type { IngressDatabase, Row, Sql } from "./ingress-database.ts";
import {
  claimedRecordOf,
  claimOf,
  idOf,
  order,
  recordOf,
  rowOf,
  trimmed,
  UNCLAIMED,
  USUAL_LIMIT,
  type failCorrupt,
  type QueueName,
} from "./ingress-rows.ts";

const MAX_CORRUPT_PER_CLAIM = 100;
/** A claim ends with its process, and so with the machine's power. */
const CLAIM_MAY_BE_LOST = true;

/** For a row that cannot be worked on. @returns whether it has failed by this */
export type GiveUp = typeof failCorrupt;

export function createIngressClaims<P, M>({
  transact,
  name,
  now,
  giveUp,
}: {
  transact: IngressDatabase["transact"];
  name: QueueName;
  now: () => number;
  giveUp: GiveUp;
}): Pick<IngressQueue<P, M>, "claimNext" | "claim" | "recoverStaleClaims"> {
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

  async function recoverStaleClaims(options: IngressRecoverOptions<P, M> = {}) {
    const at = options.now ?? now();
    const cutoff = at - Math.max(0, Math.floor(options.staleMs ?? 0));
    const rows = transact((sql) => sql.all(`SELECT * FROM events WHERE status = 'claimed'`));
    let recovered = 0;
    for (const row of rows) {
      const claim = claimOf(row);
      const record = claimedRecordOf<P, M>(name, row);
      // What was claimed in the future was claimed before the clock was put back.
      if (claim && claim.claimedAt > cutoff && claim.claimedAt <= at) continue;
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
        if (shouldRecoverCorrupt ? !(await shouldRecoverCorrupt(corrupt)) : shouldRecover) continue;
      }
      // It may have been refreshed, settled or claimed anew in the meantime.
      const isOurs = transact((sql) => {
        const current = rowOf(sql, String(row["id"]));
        const isSame =
          current?.["status"] === "claimed" &&
          current["claim_token"] === row["claim_token"] &&
          current["claimed_at"] === row["claimed_at"];
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
  }

  return {
    async claimNext(options: IngressClaimNextOptions<P, M> = {}) {
      if (options.staleMs !== undefined) {
        await recoverStaleClaims({ staleMs: options.staleMs });
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
    recoverStaleClaims,
  };
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
