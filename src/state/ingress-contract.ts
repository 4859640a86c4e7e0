/**
 * The host's contract for a queue of inbound events, `ChannelIngressQueue` in
 * `openclaw/plugin-sdk/channel-outbound`, as far as `state` may know it: it does not import the host.
 * `test/contract/host-ingress-queue.test.ts` shows that each of the two fits the other.
 */
export type IngressRecord<P, M = unknown> = {
  id: string;
  channelId: string;
  accountId: string;
  queueName: string;
  payload: P;
  metadata?: M;
  /** All times are ms since the epoch. */
  receivedAt: number;
  updatedAt: number;
  laneKey?: string;
  attempts: number;
  lastAttemptAt?: number;
  lastError?: string;
};

export type Claim = { token: string; ownerId: string; claimedAt: number };
export type IngressClaim<P, M = unknown> = IngressRecord<P, M> & { claim: Claim };
export type IngressClaimRef = { id: string; claim: { token: string } };
export type IngressCorruptClaim = {
  id: string;
  channelId: string;
  accountId: string;
  queueName: string;
  laneKey?: string;
  reason: "corrupt_payload";
  claim: Claim;
};

export type IngressCompleted<C = unknown> = {
  id: string;
  channelId: string;
  accountId: string;
  queueName: string;
  completedAt: number;
  metadata?: C;
};

export type IngressFailed = {
  id: string;
  channelId: string;
  accountId: string;
  queueName: string;
  failedAt: number;
  reason: string;
  message?: string;
};

export type IngressDeadLetter<P = unknown, M = unknown> = IngressFailed & {
  payload?: P;
  metadata?: M;
  receivedAt: number;
  updatedAt: number;
  laneKey?: string;
  attempts: number;
  lastAttemptAt?: number;
};

export type IngressEnqueued<P, M, C> =
  | { kind: "accepted"; duplicate: false; record: IngressRecord<P, M> }
  | { kind: "pending"; duplicate: true; record: IngressRecord<P, M> }
  | { kind: "claimed"; duplicate: true; record: IngressClaim<P, M> }
  | { kind: "completed"; duplicate: true; record: IngressCompleted<C> }
  | { kind: "failed"; duplicate: true; record: IngressFailed };

export type IngressResubmitted<P, M, C> =
  | {
      kind: "resubmitted";
      record: IngressRecord<P, M>;
      previous: IngressDeadLetter<P, M>;
    }
  | { kind: "not-found" }
  | { kind: "completed"; record: IngressCompleted<C> }
  | { kind: "active"; status: "pending" | "claimed" }
  | { kind: "unrecoverable"; record: IngressDeadLetter<P, M> };

export type IngressPruneOptions = {
  pendingTtlMs?: number;
  completedTtlMs?: number;
  failedTtlMs?: number;
  pendingMaxEntries?: number;
  completedMaxEntries?: number;
  failedMaxEntries?: number;
  protectIds?: Iterable<string>;
  now?: number;
};

export type IngressClaimNextOptions<P, M> = {
  ownerId?: string;
  blockedLaneKeys?: Iterable<string>;
  staleMs?: number;
  orderBy?: "received" | "id";
  scanLimit?: number;
  candidateIds?: Iterable<string>;
  deriveLaneKey?: (record: IngressRecord<P, M>) => string | undefined;
  reconcileStoredLaneKey?: (
    record: IngressRecord<P, M>,
    storedLaneKey: string,
    derivedLaneKey: string,
  ) => boolean;
};

export type IngressRecoverOptions<P, M> = {
  staleMs?: number;
  now?: number;
  shouldRecover?: (claim: IngressClaim<P, M>) => boolean | Promise<boolean>;
  shouldRecoverCorrupt?: (claim: IngressCorruptClaim) => boolean | Promise<boolean>;
};

/**
 * Durable events, each of which is pending, claimed by one worker, completed or failed. An id that was
 * ever enqueued is a duplicate until it is pruned, whatever became of it.
 */
export type IngressQueue<P, M = unknown, C = unknown> = {
  enqueue(
    id: string,
    payload: P,
    options?: { metadata?: M; receivedAt?: number; laneKey?: string },
  ): Promise<IngressEnqueued<P, M, C>>;
  listPending(options?: {
    limit?: number | "all";
    orderBy?: "received" | "id";
  }): Promise<IngressRecord<P, M>[]>;
  listClaims(): Promise<IngressClaim<P, M>[]>;
  listFailed(options?: { limit?: number | "all" }): Promise<IngressDeadLetter<P, M>[]>;
  claimNext(options?: IngressClaimNextOptions<P, M>): Promise<IngressClaim<P, M> | null>;
  claim(id: string, options?: { ownerId?: string }): Promise<IngressClaim<P, M> | null>;
  refreshClaim(claim: IngressClaimRef, options?: { refreshedAt?: number }): Promise<boolean>;
  complete(
    idOrClaim: string | IngressClaimRef,
    options?: { metadata?: C; completedAt?: number },
  ): Promise<boolean>;
  release(
    idOrClaim: string | IngressClaimRef,
    options?: { lastError?: string; releasedAt?: number; recordAttempt?: boolean },
  ): Promise<boolean>;
  fail(
    idOrClaim: string | IngressClaimRef,
    options: { reason: string; message?: string; failedAt?: number },
  ): Promise<boolean>;
  resubmit(id: string, options?: { resubmittedAt?: number }): Promise<IngressResubmitted<P, M, C>>;
  delete(idOrClaim: string | IngressRecord<P, M> | IngressClaimRef): Promise<boolean>;
  recoverStaleClaims(options?: IngressRecoverOptions<P, M>): Promise<number>;
  /** @returns how many rows went */
  prune(options?: IngressPruneOptions): Promise<number>;
};
