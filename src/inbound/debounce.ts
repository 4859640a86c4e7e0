/**
 * Several messages in quick succession as one turn, by the host's debounce (`messages.inbound`): a paste in
 * five parts. Files wait for more of them, and for their caption, also where that is not set: clients send
 * each in a message of its own. One lane a conversation: what cannot be added goes after what waits, which
 * does not wait any longer then.
 */
import {
  createInboundDebouncer,
  resolveInboundDebounceMs,
} from "openclaw/plugin-sdk/channel-inbound-debounce";
import { shouldDebounceTextInbound } from "openclaw/plugin-sdk/channel-inbound";
import { fanInChannelIngressLifecycles } from "openclaw/plugin-sdk/channel-ingress-runtime";
import type { ChannelIngressMonitorLifecycle } from "openclaw/plugin-sdk/channel-outbound";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { isFilesOnly, wordsOf } from "../policy/attached-files.ts";
import { stripMention } from "../policy/mention.ts";
import { FILE_SHARING } from "../protocol/xep-0447-file-sharing.ts";
import type { InboundMessage } from "./types.ts";

/** What says what became of a message: see the host's plugins/sdk-channel-outbound.md. */
export type Lifecycle = Omit<ChannelIngressMonitorLifecycle, "admission"> & {
  /**
   * Stores what the host has taken over once more, before what came later.
   * @returns what removes it again, unless it has been taken up since
   * @throws where it cannot be stored, or was too often
   */
  storeAgain(): Promise<() => Promise<unknown>>;
  /** The host has put it off, and was told to forget it: it is tried again after a while, by another id. */
  takeBack(): Promise<void>;
  /** The host is done with it: an account that had ended asked for it, and could not write that down. */
  isDone(): boolean;
};

export type Waiting = {
  inbound: InboundMessage;
  eventId: string;
  lane: string;
  lifecycle: Lifecycle;
};

/** For another file, or for words that belong to it, ms. */
const FILES_MS = 2_000;
/** For more after such words, ms. */
const CAPTION_MS = 300;

/** Of a message that waits here, where the host does not say, ms. */
const HEARTBEAT_MS = 60_000;

export type Debouncer = {
  /** Resolves when the message waits for others, or when its turn was handed over. */
  push(waiting: Waiting): Promise<void>;
  /** Resolves when nothing waits. */
  drain(): Promise<void>;
};

/**
 * @param takeUp does the turn of one message; where it settles nothing of `lifecycle` by itself, the
 *   message is done with. It rejects before it had any effect: the message comes again then. "revised": it had
 *   none, and part of the message was replaced meanwhile.
 */
export function createDebouncer(params: {
  /** What came before a stop is not added to by what came after it. */
  isStopped: (eventId: string) => boolean;
  /** What was corrected or taken back while it waited is no part of a turn. */
  isReplaced: (eventId: string) => boolean;
  readConfig: () => OpenClawConfig;
  takeUp: (
    inbound: InboundMessage,
    eventId: string,
    lifecycle: Lifecycle,
  ) => Promise<void | "revised">;
  onError: (error: unknown) => void;
}): Debouncer {
  const { isStopped, isReplaced, readConfig, takeUp, onError } = params;
  const held = new Map<Waiting, NodeJS.Timeout>();

  /** It may wait for long behind another; the host takes what is silent for a broken one. */
  function hold(waiting: Waiting): void {
    const { lifecycle } = waiting;
    const { deferredHeartbeatIntervalMs = HEARTBEAT_MS } = lifecycle;
    const beat = () => lifecycle.onDeferredHeartbeat?.();
    held.set(waiting, setInterval(beat, deferredHeartbeatIntervalMs).unref());
    lifecycle.abortSignal.addEventListener("abort", () => release(waiting), { once: true });
  }

  function release(waiting: Waiting): void {
    clearInterval(held.get(waiting));
    held.delete(waiting);
  }

  const debouncer = createInboundDebouncer<Waiting>({
    debounceMs: 0,
    resolveDebounceMs: ({ inbound }, waiting) => {
      const configured = resolveInboundDebounceMs({ cfg: readConfig(), channel: CHANNEL_ID });
      if (isOnlyFiles(inbound)) return Math.max(configured, FILES_MS);
      return waiting?.length ? Math.max(configured, CAPTION_MS) : configured;
    },
    buildKey: ({ lane }) => lane,
    shouldDebounce: ({ inbound }) => mayWait(readConfig(), inbound),
    canAppend: ({ eventId, inbound }, [first]) =>
      first !== undefined &&
      isStopped(first.eventId) === isStopped(eventId) &&
      belongs(inbound, first.inbound),
    serializeImmediate: true,
    onFlush(batch, createFlush) {
      for (const waiting of batch) release(waiting);
      const turn = fanInChannelIngressLifecycles(batch.map(({ lifecycle }) => lifecycle));
      const [{ lane = "" } = {}] = batch;
      // What comes after it in the conversation goes back as well, or it would overtake.
      const followed = <A extends unknown[]>(goBack?: (...args: A) => unknown) => {
        return async (...args: A) => {
          try {
            await goBack?.(...args);
          } finally {
            debouncer.cancelKey(lane);
          }
        };
      };
      const { onCancelled, onFailed, onAbandoned } = turn.lifecycle ?? {};
      const source = turn.lifecycle && {
        ...turn.lifecycle,
        onFailed: followed(onFailed),
        onAbandoned: followed(onAbandoned),
      };
      return createFlush({
        ...(source ? { lifecycle: source } : {}),
        async dispatch(lifecycle) {
          for (let isDone = false; !isDone;) {
            const kept = batch.filter((one) => !isReplaced(one.eventId));
            const { inbound, eventId } = merge(kept.length > 0 ? kept : batch.slice(-1));
            if (lifecycle.abortSignal.aborted) return await followed(turn.cancel)();
            const result = await takeUp(inbound, eventId, {
              ...lifecycle,
              onCancelled: followed(onCancelled),
              takeBack: followed(async () => {
                for (const one of batch) await one.lifecycle.takeBack();
              }),
              isDone: () => batch.every((one) => one.lifecycle.isDone()),
              // Under another id nothing would know that it was replaced.
              storeAgain: async () => await storeAllAgain(kept),
            });
            // Each time there is one less.
            isDone = result !== "revised";
          }
          await turn.settle();
        },
      });
    },
    onCancel: (batch) => {
      for (const waiting of batch) {
        release(waiting);
        void waiting.lifecycle.onCancelled?.();
      }
    },
    onError,
  });
  return {
    async push(waiting) {
      // Its lane is free for what comes next, which may belong to it.
      if (debouncer.shouldBuffer(waiting)) waiting.lifecycle.onDeferred();
      hold(waiting);
      await debouncer.enqueue(waiting);
    },
    drain: debouncer.drain,
  };
}

/** All of it or nothing: part of what somebody said is something else. At once, before it is taken up. */
async function storeAllAgain(batch: readonly Waiting[]): Promise<() => Promise<unknown>> {
  const stored = batch.map(async ({ lifecycle }) => await lifecycle.storeAgain());
  const undo = async () =>
    await Promise.allSettled(stored.map(async (one) => await one.then((remove) => remove())));
  await Promise.all(stored).catch(async (error: unknown) => {
    await undo();
    throw error;
  });
  return undo;
}

function isOnlyFiles({ body, message, received }: InboundMessage): boolean {
  return received === undefined ? isFilesOnly(message) : body === "";
}

/** Commands do not wait, whatever name they are addressed by. */
function mayWait(cfg: OpenClawConfig, inbound: InboundMessage): boolean {
  const { body, isEncrypted, ownNick } = inbound;
  if (isEncrypted) return false;
  if (isOnlyFiles(inbound)) return true;
  const text = ownNick === undefined ? body : stripMention(body, { nick: ownNick }) || body;
  return shouldDebounceTextInbound({ text: body, cfg }) && shouldDebounceTextInbound({ text, cfg });
}

/**
 * Whether a message only adds to the one before. What answers, replaces or names something stays as it
 * is: the ranges of its marks count the body as it was sent.
 */
function belongs(
  { sender, conversation, message }: InboundMessage,
  first: InboundMessage,
): boolean {
  return (
    sender.id === first.sender.id &&
    conversation.kind === first.conversation.kind &&
    message.thread?.id === first.message.thread?.id &&
    message.reply === undefined &&
    message.replaceId === undefined &&
    message.mentions.length === 0 &&
    message.fallbacks.every((fallback) => fallback.for === FILE_SHARING)
  );
}

/** XEP-0447 §3.3: each message hands over the files of another one. */
function mergeSources(batch: readonly Waiting[]): InboundMessage["message"]["attachedSources"] {
  const all = batch.flatMap(({ inbound: { message } }) => message.attachedSources ?? []);
  const [first] = all;
  return first && { ...first, sources: all.flatMap(({ sources }) => sources) };
}

/** One message with all the text; it is known by the last one's id, as it was complete then. */
function merge(batch: readonly Waiting[]): Pick<Waiting, "inbound" | "eventId"> {
  const first = batch[0];
  const last = batch.at(-1);
  if (!first || !last) throw new Error("nothing waits");
  if (first === last) return first;
  const { messageId, reference, timestamp } = last.inbound;
  // Where the files are is said by the message; as text it would stand between the words and whom they address.
  const wordsIn = (pick: (inbound: InboundMessage) => string) =>
    batch.map(({ inbound }) => wordsOf(inbound.message, pick(inbound))).filter(Boolean);
  const body = wordsIn((inbound) => inbound.body).join("\n");
  const sent = wordsIn(({ message }) => message.body ?? "").join("\n");
  const parts = batch.map(({ eventId, inbound }) => ({ eventId, message: inbound.message }));
  const { inbound } = first;
  const received = batch.flatMap((one) => one.inbound.received ?? []);
  return {
    eventId: last.eventId,
    inbound: {
      ...inbound,
      body,
      messageId,
      reference,
      timestamp,
      parts,
      ...(received.length > 0 ? { received } : {}),
      message: {
        ...inbound.message,
        body: sent,
        fallbacks: inbound.message.fallbacks.filter((each) => each.for !== FILE_SHARING),
        oobUrls: batch.flatMap(({ inbound: { message } }) => message.oobUrls),
        fileShares: batch.flatMap(({ inbound: { message } }) => message.fileShares),
        attachedSources: mergeSources(batch),
        location: batch.map(({ inbound: { message } }) => message.location).find(Boolean),
        // What nobody is to keep of it, nobody keeps (XEP-0334).
        hints: batch.flatMap(({ inbound: { message } }) => message.hints),
      },
    },
  };
}
