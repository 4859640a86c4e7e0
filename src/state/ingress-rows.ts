/** Rows of the table `events` as records of the contract, and what is done to several rows alike. */
import type {
  Claim,
  IngressClaim,
  IngressCompleted,
  IngressDeadLetter,
  IngressRecord,
} from "./ingress-contract.ts";
import type { Row, Sql } from "./ingress-database.ts";

/** Assignments of a row that nobody has claimed. */
export const UNCLAIMED = "claim_token = NULL, claim_owner = NULL, claimed_at = NULL";

export type QueueName = { channelId: string; accountId: string; queueName: string };

const text = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;
const number = (value: unknown): number | undefined =>
  typeof value === "number" ? value : undefined;

function parse(value: unknown): { value: unknown } | undefined {
  if (typeof value !== "string") return undefined;
  try {
    return { value: JSON.parse(value) as unknown };
  } catch {
    return undefined; // not ours, or damaged: like a row without it
  }
}

/** Without the keys that are undefined. */
function given<T extends object>(fields: T): { [K in keyof T]?: Exclude<T[K], undefined> } {
  const entries = Object.entries(fields).filter(([, value]) => value !== undefined);
  return Object.fromEntries(entries) as { [K in keyof T]?: Exclude<T[K], undefined> };
}

function shared(row: Row) {
  const metadata = parse(row["metadata"]);
  return {
    ...(metadata ? { metadata: metadata.value } : {}),
    receivedAt: Number(row["received_at"]),
    updatedAt: Number(row["updated_at"]),
    attempts: Number(row["attempts"]),
    ...given({
      laneKey: text(row["lane"]),
      lastAttemptAt: number(row["last_attempt_at"]),
    }),
  };
}

/** Undefined when the payload is none. */
export function recordOf<P, M>(name: QueueName, row: Row): IngressRecord<P, M> | undefined {
  const payload = parse(row["payload"]);
  if (!payload) return undefined;
  return {
    id: String(row["id"]),
    ...name,
    payload: payload.value as P,
    ...shared(row),
    ...given({ lastError: text(row["last_error"]) }),
  } as IngressRecord<P, M>;
}

/**
 * @param row without its payload, which is looked up where somebody wants it: what waits may be much
 */
export function listedRecordOf<P, M>(
  name: QueueName,
  row: Row,
  find: () => Row | undefined,
): IngressRecord<P, M> {
  return {
    id: String(row["id"]),
    ...name,
    /** @throws where it is not there any more: it was taken up, and answered */
    get payload(): P {
      const payload = parse(find()?.["payload"]);
      if (!payload) throw new Error(`the event ${String(row["id"])} does not wait any more`);
      return payload.value as P;
    },
    ...shared(row),
    ...given({ lastError: text(row["last_error"]) }),
  } as IngressRecord<P, M>;
}

/** Undefined when a part of it is missing. */
export function claimOf(row: Row): Claim | undefined {
  const token = text(row["claim_token"]);
  const ownerId = text(row["claim_owner"]);
  const claimedAt = number(row["claimed_at"]);
  return token && ownerId && claimedAt !== undefined ? { token, ownerId, claimedAt } : undefined;
}

export function claimedRecordOf<P, M>(name: QueueName, row: Row): IngressClaim<P, M> | undefined {
  const record = recordOf<P, M>(name, row);
  const claim = claimOf(row);
  return record && claim && { ...record, claim };
}

export function completedOf<C>(name: QueueName, row: Row): IngressCompleted<C> {
  const metadata = parse(row["completed_metadata"]);
  return {
    id: String(row["id"]),
    ...name,
    completedAt: Number(row["completed_at"]),
    ...(metadata ? { metadata: metadata.value as C } : {}),
  };
}

export function deadLetterOf<P, M>(name: QueueName, row: Row): IngressDeadLetter<P, M> {
  const payload = parse(row["payload"]);
  return {
    id: String(row["id"]),
    ...name,
    ...(payload ? { payload: payload.value as P } : {}),
    ...shared(row),
    failedAt: Number(row["failed_at"]),
    reason: String(row["failed_reason"]),
    ...given({ message: text(row["last_error"]) }),
  } as IngressDeadLetter<P, M>;
}

export function rowOf(sql: Sql, id: string): Row | undefined {
  return sql.get("SELECT * FROM events WHERE id = ?", id);
}

/** For a row that cannot be worked on: what cannot be read is erased. */
export function failCorrupt(
  sql: Sql,
  row: Row,
  reason: "corrupt_payload" | "corrupt_claim",
  at: number,
): boolean {
  const erased = reason === "corrupt_payload" ? ", payload = NULL, metadata = NULL" : "";
  return (
    sql.run(
      `UPDATE events SET status = 'failed', failed_at = ?, failed_reason = ?, last_error = NULL,
         ${UNCLAIMED}, updated_at = ?${erased}
       WHERE id = ? AND status = ? AND claim_token IS ?`,
      at,
      reason,
      at,
      String(row["id"]),
      String(row["status"]),
      row["claim_token"] ?? null,
    ) > 0
  );
}

/** @throws TypeError it is empty */
export function idOf(target: string | { id: string }): string {
  const id = (typeof target === "string" ? target : target.id).trim();
  if (!id) throw new TypeError("an event id must not be empty");
  return id;
}

/** Rows that are looked at where the caller does not say how many. */
export const USUAL_LIMIT = 100;

/** How a query sorts. */
export const order = (by: "received" | "id" | undefined) =>
  by === "id" ? "id" : "received_at, id";

/** Without white space around them, and without empty ones. */
export const trimmed = (keys: Iterable<string>) =>
  [...keys].map((key) => key.trim()).filter(Boolean);
