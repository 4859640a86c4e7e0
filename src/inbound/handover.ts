/**
 * What becomes of one message once the host is asked for its turn. The host takes it over (adopts it), or puts
 * it off behind a turn that runs (defers it) and takes it over later; from then on the turn is the host's. As
 * the Gateway stops, the host drops turns that it has just taken over: it says so in one of its notices, or,
 * of those that it had put off, says nothing. Such a message is stored again at its old place.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import type { Lifecycle } from "./debounce.ts";

/** What the host says in place of a turn that it does not begin any more, because it is shutting down. */
export const RESTARTING = /^⚠️ Gateway is restarting\b/u;
/** What it says where it misses an answer: also one that is still to come, of a turn that it put off. */
export const MISSING = /^⚠️ OpenClaw couldn't produce or deliver a reply\b/u;
/** Of a turn that it had put off, the host may not tell the end. */
const LONGEST_QUEUED_MS = 10 * 60_000;

type State =
  | "asked"
  /** It shuts down, and did not take the message. */
  | "refused"
  | "answered"
  | "deferred"
  | "adopted"
  | "abandoned"
  | "stored again";

export type Handover = {
  /** For the host. */
  lifecycle: Lifecycle;
  callbacks: {
    onToolStart(): void;
    allowToolLifecycleWhenProgressHidden: true;
    onQueuedFollowupAdmitted(): void;
    onQueuedFollowupSettled(): Promise<void>;
  };
  /** Something leaves for the person. */
  begin(): void;
  /** It is the answer. */
  answer(): void;
  /** Whether this is no answer but the host's word for a turn that has not begun, and will. */
  isPremature(text: string | undefined): Promise<boolean>;
  /** Resolves when the turn has come to its end, or will not. */
  over: Promise<void>;
  /**
   * Resolves once the host has taken the message over.
   * @throws what the host threw before that, and before it had answered anything: it may be asked again
   */
  follow(turn: Promise<void>): Promise<void>;
};

export function createHandover(params: {
  lifecycle: Lifecycle;
  /** The turn is put off until `begun` has settled. */
  onPutOff: (begun: Promise<void>) => void;
  /** Nothing will come of it, or not now. */
  onDropped: () => void;
  isHostStopping: () => Promise<boolean>;
  /** The host dropped the turn in its midst; it may have had effects. */
  tellInterrupted: () => Promise<void>;
  log: Logger;
}): Handover {
  const { lifecycle, onPutOff, onDropped, isHostStopping, tellInterrupted, log } = params;
  const taken = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const over = Promise.withResolvers<void>();
  let state: State = "asked";
  let isQueued = false;
  let hasEffects = false;
  let hasAnswered = false;

  const release = async (settle: unknown): Promise<void> => {
    try {
      await settle;
    } finally {
      begun.resolve();
      over.resolve();
    }
  };
  const storeAgain = async (): Promise<void> => {
    await lifecycle.storeAgain();
    state = "stored again";
    onDropped();
  };
  const settleQueued = async (): Promise<void> => {
    try {
      if (state !== "adopted" || hasAnswered || !(await isHostStopping())) return;
      if (hasEffects) return await tellInterrupted();
      await storeAgain();
      log.info("the Gateway stops, and dropped a turn that it had put off: the message waits");
    } catch (error) {
      log.error(`a message is not answered, the Gateway stops: ${messageOf(error)}`);
    } finally {
      over.resolve();
    }
  };
  // The monitor took it back.
  lifecycle.abortSignal.addEventListener("abort", () => begun.resolve(), { once: true });

  const watched: Lifecycle = {
    ...lifecycle,
    async onAdopted() {
      try {
        await lifecycle.onAdopted();
      } finally {
        begun.resolve();
      }
      if (state === "deferred") {
        void delay(LONGEST_QUEUED_MS, undefined, { ref: false }).then(over.resolve);
      }
      state = "adopted";
      taken.resolve();
    },
    onDeferred() {
      lifecycle.onDeferred();
      state = "deferred";
      onPutOff(begun.promise);
      taken.resolve();
    },
    async onAbandoned() {
      state = "abandoned";
      onDropped();
      await release(lifecycle.onAbandoned());
      taken.resolve();
    },
    onFailed: async (reason) => await release(lifecycle.onFailed?.(reason)),
    onCancelled: async () => await release(lifecycle.onCancelled?.()),
  };

  async function watch(turn: Promise<void>): Promise<void> {
    try {
      await turn;
      if (state === "refused") await watched.onAbandoned();
    } catch (error) {
      onDropped();
      if (state === "asked") throw error;
      log.error(`the turn failed: ${String(error)}`);
      // It had put the turn off: the message comes again.
      if (state === "deferred") {
        await Promise.resolve(watched.onFailed?.(error)).catch((reason: unknown) =>
          log.error(`the message waits for the next start: ${String(reason)}`),
        );
      }
    } finally {
      if (!isQueued && state !== "deferred") over.resolve();
    }
  }

  return {
    over: over.promise,
    lifecycle: watched,
    callbacks: {
      onToolStart: () => void (hasEffects = true),
      allowToolLifecycleWhenProgressHidden: true,
      onQueuedFollowupAdmitted: () => void (isQueued = true),
      onQueuedFollowupSettled: settleQueued,
    },
    begin() {
      hasEffects = true;
      if (state === "asked") state = "answered";
    },
    answer: () => void (hasAnswered = true),
    async isPremature(text = "") {
      const isRestarting = RESTARTING.test(text);
      if (state === "asked" && isRestarting) state = "refused";
      if (state === "adopted" && isRestarting && !hasEffects) {
        await storeAgain().catch((error: unknown) =>
          log.warn(`a message is not answered, the Gateway stops: ${messageOf(error)}`),
        );
      }
      if (state === "refused" || state === "stored again") return true;
      return state === "deferred" && (isRestarting || MISSING.test(text));
    },
    follow: async (turn) => await Promise.race([taken.promise, watch(turn)]),
  };
}
