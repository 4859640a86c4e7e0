/**
 * Several messages in quick succession as one turn, by the host's debounce (`messages.inbound`): a
 * picture and its caption, a paste in five parts. One lane a conversation: what cannot be added
 * goes after what waits, which does not wait any longer then.
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
import { stripMention } from "../policy/mention.ts";
import type { InboundMessage } from "./types.ts";

/** What says what became of a message: see the host's plugins/sdk-channel-outbound.md. */
export type Lifecycle = Omit<ChannelIngressMonitorLifecycle, "admission"> & {
  /**
   * Stores what the host has taken over once more, before what came later.
   * @throws where it cannot be stored, or was too often
   */
  storeAgain(): Promise<void>;
  /** The host has put it off, and was told to forget it: it is tried again after a while, by another id. */
  takeBack(): Promise<void>;
};

export type Waiting = {
  inbound: InboundMessage;
  eventId: string;
  lane: string;
  lifecycle: Lifecycle;
};

export type Debouncer = {
  /** Resolves when the message waits for others, or when its turn was handed over. */
  push(waiting: Waiting): Promise<void>;
  /** Resolves when nothing waits. */
  drain(): Promise<void>;
};

/**
 * @param takeUp does the turn of one message; where it settles nothing of `lifecycle` by itself, the
 *   message is done with. It rejects before it had any effect: the message comes again then.
 */
export function createDebouncer(params: {
  readConfig: () => OpenClawConfig;
  takeUp: (inbound: InboundMessage, eventId: string, lifecycle: Lifecycle) => Promise<void>;
  onError: (error: unknown) => void;
}): Debouncer {
  const { readConfig, takeUp, onError } = params;
  const debouncer = createInboundDebouncer<Waiting>({
    debounceMs: 0,
    resolveDebounceMs: () => resolveInboundDebounceMs({ cfg: readConfig(), channel: CHANNEL_ID }),
    buildKey: ({ lane }) => lane,
    shouldDebounce: ({ inbound }) => mayWait(readConfig(), inbound),
    canAppend: ({ inbound }, [first]) => first !== undefined && belongs(inbound, first.inbound),
    serializeImmediate: true,
    onFlush(batch, createFlush) {
      const turn = fanInChannelIngressLifecycles(batch.map(({ lifecycle }) => lifecycle));
      const [{ lane = "" } = {}] = batch;
      const source = turn.lifecycle && {
        ...turn.lifecycle,
        async onFailed(error: unknown) {
          await turn.lifecycle?.onFailed?.(error);
          // What comes after it in the conversation goes back as well, or it would overtake.
          debouncer.cancelKey(lane);
        },
      };
      return createFlush({
        ...(source ? { lifecycle: source } : {}),
        async dispatch(lifecycle) {
          const { inbound, eventId } = merge(batch);
          if (lifecycle.abortSignal.aborted) return await turn.cancel();
          const { onCancelled = async () => undefined } = turn.lifecycle ?? {};
          const storeAgain = async () => {
            for (const one of batch) await one.lifecycle.storeAgain();
          };
          const takeBack = async () => {
            for (const one of batch) await one.lifecycle.takeBack();
            debouncer.cancelKey(lane);
          };
          await takeUp(inbound, eventId, { ...lifecycle, onCancelled, storeAgain, takeBack });
          await turn.settle();
        },
      });
    },
    onCancel: (batch) => {
      for (const { lifecycle } of batch) void lifecycle.onCancelled?.();
    },
    onError,
  });
  return {
    async push(waiting) {
      // Its lane is free for what comes next, which may belong to it.
      if (debouncer.shouldBuffer(waiting)) waiting.lifecycle.onDeferred();
      await debouncer.enqueue(waiting);
    },
    drain: debouncer.drain,
  };
}

/** Commands do not wait, whatever name they are addressed by. */
function mayWait(cfg: OpenClawConfig, { body, isEncrypted, ownNick }: InboundMessage): boolean {
  if (isEncrypted) return false;
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
    message.fallbacks.length === 0
  );
}

/** One message with all the text; it is known by the last one's id, as it was complete then. */
function merge(batch: readonly Waiting[]): Pick<Waiting, "inbound" | "eventId"> {
  const first = batch[0];
  const last = batch.at(-1);
  if (!first || !last) throw new Error("nothing waits");
  if (first === last) return first;
  const { messageId, reference, timestamp } = last.inbound;
  const body = batch.map(({ inbound }) => inbound.body).join("\n");
  const sent = batch.map(({ inbound }) => inbound.message.body ?? "").join("\n");
  const { inbound } = first;
  return {
    eventId: last.eventId,
    inbound: {
      ...inbound,
      body,
      messageId,
      reference,
      timestamp,
      message: { ...inbound.message, body: sent },
    },
  };
}
