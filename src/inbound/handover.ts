/**
 * What becomes of one message once the host is asked for its turn. The host takes it over (adopts it), and
 * from then on the turn is the host's; or it puts it off behind a turn that runs (defers it), into a queue in
 * memory, from which it is taken back, to wait on disk. As the Gateway stops, the host drops turns that it
 * has just taken over, and says so in a notice: such a message is stored again at its old place.
 */
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import type { Lifecycle } from "./debounce.ts";

/** What the host says in place of a turn that it does not begin any more, because it is shutting down. */
export const RESTARTING = /^⚠️ Gateway is restarting\. Please wait a few seconds and try again\.$/u;
/** What it says where it misses an answer: also one that is still to come, of a turn that it put off. */
export const MISSING = /^⚠️ OpenClaw couldn't produce or deliver a reply\b/u;

type State =
  | "asked"
  /** It shuts down, and did not take the message. */
  | "refused"
  | "answered"
  | "deferred"
  | "taken back"
  | "adopted"
  | "abandoned"
  | "stored again";

export type Handover = {
  /** For the host. */
  lifecycle: Lifecycle;
  callbacks: {
    onAssistantMessageStart(): void;
    onToolStart(): void;
    allowToolLifecycleWhenProgressHidden: true;
  };
  /** Something leaves for the person. */
  begin(): void;
  /** Whether this is no answer but the host's word for a turn that has not begun, and will. */
  isPremature(text: string | undefined): Promise<boolean>;
  /**
   * Resolves once the host has taken the message over, or it was taken back.
   * @throws what the host threw before that, and before it had answered anything: it may be asked again
   */
  follow(turn: Promise<void>): Promise<void>;
};

export function createHandover(params: {
  lifecycle: Lifecycle;
  /** The agent says or does something. */
  onSpeak: () => void;
  /** The turn is put off until `begun` has settled. */
  onPutOff: (begun: Promise<void>) => void;
  /** It comes again. */
  onTakenBack: () => void;
  /** Nothing will come of it, or not now. */
  onDropped: () => void;
  log: Logger;
}): Handover {
  const { lifecycle, onSpeak, onPutOff, onTakenBack, onDropped, log } = params;
  const taken = Promise.withResolvers<void>();
  const begun = Promise.withResolvers<void>();
  const takingBack = new AbortController();
  let state: State = "asked";
  let hasEffects = false;

  // The monitor took it back.
  lifecycle.abortSignal.addEventListener("abort", () => begun.resolve(), { once: true });
  const watched: Lifecycle = {
    ...lifecycle,
    abortSignal: AbortSignal.any([lifecycle.abortSignal, takingBack.signal]),
    async onAdopted() {
      if (state === "taken back") throw new Error("the message was taken back");
      try {
        await lifecycle.onAdopted();
      } finally {
        begun.resolve();
      }
      state = "adopted";
      taken.resolve();
    },
    // The lane stays taken: what comes next must not overtake what may be taken back.
    onDeferred() {
      state = "deferred";
      onPutOff(begun.promise);
    },
    async onAbandoned() {
      if (state === "taken back") return;
      state = "abandoned";
      onDropped();
      await Promise.resolve(lifecycle.onAbandoned()).finally(begun.resolve);
      taken.resolve();
    },
    onFailed: async (reason) =>
      await Promise.resolve(lifecycle.onFailed?.(reason)).finally(begun.resolve),
    onCancelled: async () =>
      await Promise.resolve(lifecycle.onCancelled?.()).finally(begun.resolve),
  };

  /** @throws where that cannot be written: the message is this process's then, and the next one's */
  async function takeBack(): Promise<void> {
    state = "taken back";
    onTakenBack();
    takingBack.abort(new Error("the message waits on disk"));
    await lifecycle.takeBack().finally(begun.resolve);
  }

  async function watch(turn: Promise<void>): Promise<void> {
    try {
      await turn;
      if (state === "refused") await watched.onAbandoned();
      if (state === "deferred") onDropped();
    } catch (error) {
      onDropped();
      if (state === "asked") throw error;
      log.error(`the turn failed: ${String(error)}`);
    }
    if (state === "deferred") await takeBack();
  }

  async function storeAgain(): Promise<void> {
    try {
      await lifecycle.storeAgain();
      state = "stored again";
      onDropped();
    } catch (error) {
      log.warn(`a message is not answered, the Gateway stops: ${messageOf(error)}`);
    }
  }

  return {
    lifecycle: watched,
    callbacks: {
      onAssistantMessageStart: onSpeak,
      onToolStart() {
        hasEffects = true;
        onSpeak();
      },
      // Also where the person is not shown what the agent does.
      allowToolLifecycleWhenProgressHidden: true,
    },
    begin() {
      hasEffects = true;
      if (state === "asked") state = "answered";
    },
    async isPremature(text = "") {
      const isRestarting = RESTARTING.test(text);
      if (state === "asked" && isRestarting) state = "refused";
      if (state === "adopted" && isRestarting && !hasEffects) await storeAgain();
      if (state === "refused" || state === "stored again") return true;
      return state === "deferred" && (isRestarting || MISSING.test(text));
    },
    follow: async (turn) => await Promise.race([taken.promise, watch(turn)]),
  };
}
