/**
 * From the disk to the turn: what was received is stored first, and taken up from there, in order within
 * a lane and side by side otherwise; after a restart, too. A lane moves on when the host has taken the
 * turn over, not when the agent has finished it: only so can `/stop`, or a second message, reach an agent
 * at work. From then on the turn is the host's, and the message is done with here.
 */
import { setTimeout as delay } from "node:timers/promises";
import { createChannelIngressMonitor } from "openclaw/plugin-sdk/channel-outbound";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { createDebouncer, type Lifecycle } from "./debounce.ts";
import { REMEMBERED_ENTRIES, REMEMBERED_MS, type MessageQueue } from "./ingress-queue.ts";
import {
  readPayload,
  renewed,
  reviveMessage,
  STORED_VERSION,
  UnreadableError,
  type StoredMessage,
  type StoredPayload,
} from "./stored-message.ts";

/** Also how soon a message is tried again after a failure, at least. */
const POLL_MS = 500;
const PRUNE_EVERY_MS = 5 * 60_000;
/**
 * The host may be unable to take a message over for a while: its state is locked by another of its
 * processes, or it has only just started. What fails for longer than this is no such thing, and holds up
 * its conversation.
 */
const RETRY = { baseMs: 250, maxMs: 60_000, maxAttempts: 30, deadLetterMinAgeMs: 15 * 60_000 };
/** How long deliveries that were told to stop may take, ms. */
const LONGEST_STOP_MS = 5_000;

/** What goes wrong with each poll is told so often, ms. */
const TELL_EVERY_MS = 60_000;

/** What the queue keeps of a message that the host has put off. */
class PutOffError extends Error {
  override readonly name = "PutOffError";
  constructor(times: number) {
    super(`put off behind another turn (${times})`);
  }
  /** @returns how often a message was put off that failed with `message` last */
  static times(message = ""): number {
    return Number(/^put off behind another turn \((\d+)\)$/u.exec(message)?.[1] ?? 0);
  }
}

/** As long as the process, and of each account, like what the host remembers of ids. */
const timesPutOff = new Map<string, number>();
/** Of an account that had to be ended before the host had said what becomes of them. */
const leftOpen = new Set<string>();
/** What the host was done with only after that, without taking it over: that could not be written down any more. */
const doneSince = new Set<string>();

export type Ingress = {
  /**
   * Resolves when the message is on disk, at its end, or at the place of what came at `receivedAt`.
   * @returns whether it was new
   * @throws IngressFullError where too many wait; anything else: it could not be stored
   */
  admit(message: StoredMessage, receivedAt?: number): Promise<boolean>;
  /** Takes up what waits, and what comes from now on. */
  start(): void;
  /** What is not handed over by then stays on disk. */
  stop(): Promise<void>;
  /** Resolves when all that can be taken up now has been. */
  idle(): Promise<void>;
};

export function createIngress(params: {
  accountId: string;
  queue: MessageQueue;
  isStopped: (eventId: string) => boolean;
  isReplaced: (eventId: string) => boolean;
  readConfig: () => OpenClawConfig;
  takeUp: Parameters<typeof createDebouncer>[0]["takeUp"];
  log: Logger;
  now: () => number;
}): Ingress {
  const { accountId, queue, isStopped, isReplaced, readConfig, takeUp, log, now } = params;
  /** Those that the host has, and whether it took them over in vain. */
  const open = new Map<string, { isRefused: boolean }>();
  let hasEnded = false;
  // A room's message has one id, whichever account gets it.
  const keyOf = (eventId: string) => `${accountId} ${eventId}`;
  // Stopping the account, or another failure, forgets the one, a crash the other.
  const putOffsOf = ({ id, lastError }: { id: string; lastError?: string }) =>
    Math.max(PutOffError.times(lastError), timesPutOff.get(keyOf(id)) ?? 0);
  const debouncer = createDebouncer({
    isStopped,
    isReplaced,
    readConfig,
    async takeUp(inbound, eventId, lifecycle) {
      const result = await takeUp(inbound, eventId, lifecycle);
      if (!hasEnded || result === "revised") return result;
      for (const part of inbound.parts ?? [{ eventId }]) {
        const key = keyOf(part.eventId);
        if (open.get(key)?.isRefused === false) doneSince.add(key);
      }
    },
    onError: (error) => log.warn(`a message was not taken over: ${messageOf(error)}`),
  });
  const monitor = createChannelIngressMonitor<StoredMessage, StoredMessage, StoredPayload>({
    queue: {
      ...queue,
      async claimNext(options) {
        const claim = await queue.claimNext(options);
        // A turn may take hours: who is put off behind it has not failed, and is not given up.
        return claim && { ...claim, attempts: Math.max(0, claim.attempts - putOffsOf(claim)) };
      },
    },
    inspect: ({ arrival, lane }, context) =>
      context.phase === "claim"
        ? { eventId: context.claimedId, laneKey: context.claimedLaneKey ?? lane }
        : { eventId: arrival.eventId, laneKey: lane },
    payload: {
      version: STORED_VERSION,
      serialize: (message) => message,
      deserialize: (message) => message,
      encode: ({ version, body }) => ({ version, message: body }),
      decode: readPayload,
      createClaimError: (kind) => new UnreadableError(`a stored message is unreadable: ${kind}`),
    },
    async deliver(stored, ingressLifecycle, claim) {
      const { id: eventId, receivedAt } = claim;
      const { lane } = stored;
      const key = keyOf(eventId);
      const before = putOffsOf(claim);
      const putOffs = before + (leftOpen.delete(key) ? 1 : 0);
      if (putOffs > 0) timesPutOff.set(key, putOffs);
      const state = { isRefused: false };
      open.set(key, state);
      const storeAgain = async () => {
        const message = renewed(stored);
        const payload = { version: STORED_VERSION, message };
        const { record } = await queue.enqueue(message.arrival.eventId, payload, {
          receivedAt,
          laneKey: lane,
        });
        return async () => await queue.delete(record.id);
      };
      const lifecycle: Lifecycle = {
        ...ingressLifecycle,
        storeAgain,
        isDone: () => doneSince.has(key),
        async onAdopted() {
          state.isRefused = true;
          await ingressLifecycle.onAdopted();
          timesPutOff.delete(key);
          doneSince.delete(key);
          open.delete(key);
        },
        async onAbandoned() {
          await ingressLifecycle.onAbandoned();
          open.delete(key);
        },
        async onFailed(reason) {
          await ingressLifecycle.onFailed?.(reason);
          open.delete(key);
        },
        async onCancelled() {
          await ingressLifecycle.onCancelled?.();
          open.delete(key);
        },
        async takeBack() {
          timesPutOff.set(key, putOffs + 1);
          await ingressLifecycle.onFailed?.(new PutOffError(putOffs + 1));
          open.delete(key);
        },
      };
      const inbound = reviveMessage(stored);
      // The host takes no message by an id by which it has put one off, or begun to take one.
      if (putOffs > 0) inbound.messageId += `+${putOffs}`;
      try {
        await debouncer.push({ inbound, eventId, lane, lifecycle });
      } catch (error) {
        open.delete(key);
        throw error;
      }
    },
    pollIntervalMs: POLL_MS,
    retention: {
      pruneIntervalMs: PRUNE_EVERY_MS,
      completedTtlMs: REMEMBERED_MS,
      completedMaxEntries: REMEMBERED_ENTRIES,
      failedTtlMs: REMEMBERED_MS,
      failedMaxEntries: REMEMBERED_ENTRIES,
    },
    // The server keeps what could not be stored, and has more patience.
    appendRetryDelaysMs: [0],
    drain: {
      deferredLaneOccupancy: "release",
      retryPolicy: RETRY,
      resolveNonRetryableFailure: (error) =>
        error instanceof UnreadableError ? { reason: "unreadable", message: error.message } : null,
      onLog: (line) => log.warn(line),
    },
    onError: tellOnceInAWhile((error) => log.error(`messages wait: ${messageOf(error)}`), now),
    now,
  });

  // Rows of the same millisecond would be ordered by their ids, which say nothing.
  let lastReceivedAt = 0;
  let begun: Promise<void> | undefined;
  const beginAfterWhatWaits = () =>
    (begun ??= queue.listPending({ limit: "all" }).then(
      (waiting) => {
        lastReceivedAt = Math.max(0, ...waiting.map(({ receivedAt }) => receivedAt));
      },
      (error: unknown) => {
        begun = undefined;
        throw error;
      },
    ));

  return {
    async admit(message, receivedAt) {
      await beginAfterWhatWaits();
      lastReceivedAt = Math.max(now(), lastReceivedAt + 1);
      const result = await monitor.admit(message, { receivedAt: receivedAt ?? lastReceivedAt });
      return result.kind === "durable" && !result.queueResult.duplicate;
    },
    start: () => monitor.start(),
    async stop() {
      await Promise.race([monitor.stop(), delay(LONGEST_STOP_MS, undefined, { ref: false })]);
      hasEnded = true;
      for (const key of open.keys()) leftOpen.add(key);
    },
    async idle() {
      await begun;
      await monitor.waitForIdle();
      await debouncer.drain();
    },
  };
}

function tellOnceInAWhile(tell: (error: unknown) => void, now: () => number) {
  let toldAt = -Infinity;
  return (error: unknown) => {
    if (now() - toldAt < TELL_EVERY_MS) return;
    toldAt = now();
    tell(error);
  };
}
