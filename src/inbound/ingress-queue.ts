/**
 * Where messages wait for their turn: the host's queue, where it lets this plugin have it, else ours.
 * Both are bounded and know a message's copies, which is told here.
 */
import type { PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import type { ChannelIngressQueue } from "openclaw/plugin-sdk/channel-outbound";
import type { Logger } from "../client/types.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { Limits } from "../policy/limits.ts";
import { pruneAliases, resolveEvent } from "../state/ingress-aliases.ts";
import { rememberNames } from "../state/event-names.ts";
import { IngressStorageError, type IngressDatabase, type Sql } from "../state/ingress-database.ts";
import { createIngressQueue } from "../state/ingress-queue.ts";
import type { StoredPayload } from "./stored-message.ts";
import type { Tally } from "./tally.ts";

/** How long an answered message is remembered, so that no copy of it is answered again. */
export const REMEMBERED_MS = 30 * 24 * 60 * 60_000;
export const REMEMBERED_ENTRIES = 20_000;
/**
 * Most messages have five: the archive's id, what the sender gave, and what others may call them; in rooms that vouch
 * for two identities of the sender up to nine.
 */
const REMEMBERED_ALIASES = 9 * REMEMBERED_ENTRIES;

/**
 * So often the host tries, in two minutes, to write down what became of a message; then it holds that message, and its
 * conversation, for as long as the account runs.
 */
const HOSTS_ATTEMPTS = 8;
const RETRY_MS = 5_000;

export type MessageQueue = ChannelIngressQueue<StoredPayload>;

/** Too many wait; nothing was stored. */
export class IngressFullError extends Error {
  override readonly name = "IngressFullError";

  /** There is no room for any conversation. */
  readonly isEverywhere: boolean;

  constructor(message: string, { isEverywhere = false } = {}) {
    super(message);
    this.isEverywhere = isEverywhere;
  }
}

type QueueLimits = Pick<Limits, "queueSize" | "queueTotal" | "queueMegabytes">;

type QueueParams = {
  runtime: PluginRuntime;
  accountId: string;
  database: IngressDatabase;
  readLimits: () => QueueLimits & Pick<Limits, "queueMaxAgeMinutes">;
  tally: Tally;
  log: Logger;
  now: () => number;
};

export function openMessageQueue(params: QueueParams): MessageQueue {
  const { accountId, database, log, now, readLimits, tally } = params;
  const hosts = openHostsQueue(params);
  const queue = hosts ? bounded(hosts, params) : ours();

  function ours(): MessageQueue {
    const onEnqueue = (sql: Sql, _id: string, payload: StoredPayload, lane = "") => {
      const event = resolveEvent(sql, payload.message.arrival, now());
      const isKnown = sql.get("SELECT 1 FROM events WHERE id = ?", event) !== undefined;
      if (!isKnown && !isStoredAgain(payload)) {
        const waiting = sql.get(
          `SELECT count(*) AS all_lanes, count(*) FILTER (WHERE lane = ?1) AS in_lane,
             count(*) FILTER (WHERE lane = ?1 AND metadata ->> 'share' = ?2) AS in_share,
             total(octet_length(payload)) AS size
           FROM events WHERE status IN ('pending', 'claimed')`,
          lane,
          payload.message.share ?? null,
        );
        refuseExcess(limitsFor(payload, readLimits()), {
          inLane: Number(waiting?.["in_lane"]),
          inShare: Number(waiting?.["in_share"]),
          inAll: Number(waiting?.["all_lanes"]),
          size: Number(waiting?.["size"]),
        });
      }
      if (!isKnown) rememberNames(sql, event, referencesOf(payload), now());
      return event;
    };
    const own: MessageQueue = createIngressQueue({
      database,
      channelId: CHANNEL_ID,
      accountId,
      now,
      onEnqueue,
      onCorrupt: () => tally.add("given-up"),
    });
    return {
      ...own,
      async enqueue(id, payload, options) {
        const { share } = payload.message;
        return await own.enqueue(id, payload, { ...options, metadata: { share } });
      },
    };
  }

  const failures = new WeakMap<object, number>();
  /** The host's last attempt lasts until there is room on the disk. */
  async function insist<T>(claim: unknown, write: () => Promise<T>): Promise<T> {
    for (;;) {
      try {
        return await write();
      } catch (error) {
        const isClaim = typeof claim === "object" && claim !== null;
        if (!isClaim || !(error instanceof IngressStorageError) || database.isClosed) throw error;
        const times = (failures.get(claim) ?? 0) + 1;
        failures.set(claim, times);
        if (times < HOSTS_ATTEMPTS) throw error;
        await new Promise((resolve) => setTimeout(resolve, RETRY_MS).unref());
      }
    }
  }

  return {
    ...queue,
    complete: async (claim, options) =>
      await insist(claim, async () => await queue.complete(claim, options)),
    release: async (claim, options) =>
      await insist(claim, async () => await queue.release(claim, options)),
    async listPending(options) {
      const at = now();
      // An attempt in the future was made before the clock was put back: nobody waits for that time.
      const pending = await queue.listPending(options);
      for (const record of pending) {
        if (record.lastAttemptAt !== undefined && record.lastAttemptAt > at) {
          delete record.lastAttemptAt;
        }
      }
      return pending;
    },
    async fail(claim, options) {
      const isFailed = await insist(claim, async () => await queue.fail(claim, options));
      if (isFailed) tally.add("given-up");
      return isFailed;
    },
    async prune(options = {}) {
      const at = options.now ?? now();
      const pendingTtlMs = readLimits().queueMaxAgeMinutes * 60_000;
      const expired = await queue.prune({
        pendingTtlMs,
        now: at,
        ...(options.protectIds ? { protectIds: options.protectIds } : {}),
      });
      if (expired > 0) {
        tally.add("expired", expired);
        log.warn(
          `${expired} message(s) waited for more than ${readLimits().queueMaxAgeMinutes} minutes and are not answered any more`,
        );
      }
      database.transact((sql) => pruneAliases(sql, at - REMEMBERED_MS, REMEMBERED_ALIASES));
      return expired + (await queue.prune({ ...options, now: at }));
    },
  };
}

/** Undefined where the host does not trust this plugin: one that is not in its catalogue. */
function openHostsQueue({ runtime, accountId, log }: QueueParams): MessageQueue | undefined {
  try {
    return runtime.state.openChannelIngressQueue<StoredPayload>({ accountId });
  } catch (error) {
    if (!(error instanceof Error) || error.name !== "PluginTrustRefusalError") throw error;
    log.debug?.("the host keeps its queue to itself: messages wait in one of ours");
    return undefined;
  }
}

/** The host's queue knows neither copies nor bounds. */
function bounded(hosts: MessageQueue, { database, now, readLimits }: QueueParams): MessageQueue {
  return {
    ...hosts,
    async enqueue(_id, payload, options) {
      // Remembered first: an alias of what is not there yet does no harm, a copy with another id would.
      const event = database.transact((sql) => resolveEvent(sql, payload.message.arrival, now()));
      try {
        const [pending, claims] = await Promise.all([
          hosts.listPending({ limit: "all" }),
          hosts.listClaims(),
        ]);
        const waiting = [...pending, ...claims];
        if (!isStoredAgain(payload) && !waiting.some(({ id }) => id === event)) {
          const { share } = payload.message;
          const isOfShare = (one: { payload: StoredPayload }) =>
            share !== undefined && one.payload.message.share === share;
          const inLane = waiting.filter(({ laneKey }) => laneKey === options?.laneKey);
          refuseExcess(limitsFor(payload, readLimits()), {
            inLane: inLane.length,
            inShare: inLane.filter(isOfShare).length,
            inAll: waiting.length,
            size: waiting.reduce((sum, one) => sum + one.payload.message.xml.length, 0),
          });
        }
        const added = await hosts.enqueue(event, payload, options);
        if (!added.duplicate) {
          database.transact((sql) => rememberNames(sql, event, referencesOf(payload), now()));
        }
        return added;
      } catch (error) {
        if (error instanceof IngressFullError) throw error;
        throw new IngressStorageError(`the host's queue: ${String(error)}`, { cause: error });
      }
    },
  };
}

/** It was taken over, and has nowhere else to be. */
const isStoredAgain = ({ message }: StoredPayload) => (message.renewals ?? 0) > 0;

/**
 * A correction of what waits is let in where nothing else is. But what it corrects lies there until its turn comes,
 * and somebody could correct it for ever: so not more than as many again.
 */
function limitsFor({ message }: StoredPayload, limits: QueueLimits): QueueLimits {
  if ((message.replaces ?? []).length === 0) return limits;
  const { queueMegabytes, queueSize, queueTotal } = limits;
  return {
    queueMegabytes: 2 * queueMegabytes,
    queueSize: 2 * queueSize,
    queueTotal: 2 * queueTotal,
  };
}

const referencesOf = ({ message }: StoredPayload) => ({
  names: message.names ?? [],
  replaces: message.replaces ?? [],
});

function refuseExcess(
  { queueSize, queueTotal, queueMegabytes }: QueueLimits,
  waiting: { inLane: number; inShare: number; inAll: number; size: number },
): void {
  const { inLane, inShare, inAll, size } = waiting;
  if (inLane >= queueSize) {
    throw new IngressFullError(`${queueSize} messages wait in its conversation (limits.queueSize)`);
  }
  // Each leaves as much free as they have of it: one alone takes half, the next half of the rest. A few together
  // can still fill it for whoever comes next; how many, the room decides by whom it lets speak.
  if (inLane + inShare >= queueSize) {
    throw new IngressFullError(
      `${inShare} messages of one sender wait in the room, and ${queueSize} may of all (limits.queueSize)`,
    );
  }
  if (inAll >= queueTotal) {
    throw new IngressFullError(`${queueTotal} messages wait in all (limits.queueTotal)`, {
      isEverywhere: true,
    });
  }
  // The host reads all that waits each time that it looks for the next one.
  if (size >= queueMegabytes * 2 ** 20) {
    throw new IngressFullError(`${queueMegabytes} MB of messages wait (limits.queueMegabytes)`, {
      isEverywhere: true,
    });
  }
}
