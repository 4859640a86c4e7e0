/**
 * What is seen of an answer while the agent works on it (`streaming.mode`), as the host tells of it.
 *
 * | mode     | seen                                                     |
 * | -------- | -------------------------------------------------------- |
 * | off      | the answer                                               |
 * | partial  | what the agent does, then its text as it grows           |
 * | block    | the same, in whole paragraphs                            |
 * | progress | what the agent does; then the answer in place of that    |
 */
import {
  createChannelProgressDraftCompositor,
  resolveChannelDraftStreamingChunking,
  resolveChannelMessageSourceReplyDeliveryMode,
  resolveChannelPreviewStreamMode,
  resolveChannelStreamingBlockEnabled,
  type StreamingMode,
} from "openclaw/plugin-sdk/channel-outbound";
import { getGlobalHookRunner } from "openclaw/plugin-sdk/plugin-runtime";
import { resolveTextChunkLimit } from "openclaw/plugin-sdk/reply-chunking";
import { messageOf } from "../errors.ts";
import { createLiveAnswer, type LiveAnswer } from "../outbound/live-answer.ts";
import { placeOfTarget } from "../outbound/recent-messages.ts";
import { formatTarget } from "../outbound/reply-target.ts";
import { toBodies } from "../outbound/send.ts";
import { conversationOf, type Target } from "../outbound/target.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import type { Handover } from "./handover.ts";
import { isSendDenied } from "./send-policy.ts";
import { createWholeBlocks } from "./whole-blocks.ts";
import type { Turn } from "./turn-context.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/**
 * For direct chats. Only clients that announce that they follow corrections are shown anything before the answer,
 * so that it costs nobody else.
 */
const DEFAULT_MODE: StreamingMode = "partial";
/** In rooms nobody knows who follows. */
const DEFAULT_MODE_IN_ROOMS: StreamingMode = "off";

/** A client is asked what it can do once; ms. */
const LONGEST_ASKING_MS = 1_000;

type ReplyOptions = NonNullable<
  Parameters<InboundContext["runtime"]["channel"]["inbound"]["dispatch"]>[0]["replyOptions"]
>;

export type LiveTurn = Pick<LiveAnswer, "claim" | "take" | "withdraw" | "clear"> & {
  replyOptions: ReplyOptions;
};

export type LiveTurnOptions = {
  target: Target;
  /** Text as it is to be sent, before it is styled. */
  prepare: (markdown: string) => string;
  callbacks: Handover["callbacks"];
};

/**
 * Whether parts of an answer are sent as messages of their own, as the operator says; undefined: as the host
 * thinks best. What can grow is not sent in parts as well, unless they ask for that.
 * @param canGrow whether somebody would see it grow
 */
export function resolveBlocks(
  context: InboundContext,
  turn: Turn,
  canGrow: boolean,
): boolean | undefined {
  const streaming = streamingOf(context, turn);
  if (!canGrow) return resolveChannelStreamingBlockEnabled(streaming);
  const { blockStreamingDefault } = context.cfg.agents?.defaults ?? {};
  return resolveChannelStreamingBlockEnabled(streaming, {
    previewAvailable: true,
    blockStreamingDefault,
  });
}

/** undefined where nothing is to be seen before the answer, or nobody would see it. */
export async function createLiveTurn(
  context: InboundContext,
  inbound: InboundMessage,
  turn: Turn,
  { target, prepare, callbacks }: LiveTurnOptions,
): Promise<LiveTurn | undefined> {
  const { accountId, cfg, log, outbox } = context;
  const mode = modeOf(context, turn);
  if (mode === "off" || target.kind === "room-private" || !isForEverybody(context, turn)) {
    return undefined;
  }
  if (resolveBlocks(context, turn, true)) return undefined;
  if (target.kind === "direct" && !(await isFollowed(context, target))) return undefined;
  const fallbackLimit = DEFAULT_TEXT_CHUNK_LIMIT;
  const textLimit = resolveTextChunkLimit(cfg, CHANNEL_ID, accountId, { fallbackLimit });
  const live = createLiveAnswer({
    outbox,
    target,
    findReaders: context.findReaders,
    thread: inbound.message.thread,
    // Of a long answer the first message: the others follow it, once they are whole.
    render: (markdown) => toBodies(outbox, prepare(markdown), { textLimit })[0] ?? "",
    onBegun(id) {
      context.growing.note(id, formatTarget(target));
      // Whoever reacts to what grows, or to the answer when all this is long gone, names its first state.
      outbox.recent.noteOwn(placeOfTarget(target), outbox.sent.nameOf(id) ?? id);
    },
    onWithdrawn: context.growing.settle,
    log,
  });
  const progress = createChannelProgressDraftCompositor({
    preparedItems: true,
    entry: streamingOf(context, turn),
    mode,
    active: true,
    seed: `${accountId}:${target.to}`,
    update(text) {
      live.show(() => text);
      return live.isVisible;
    },
  });
  const wholeBlocks = createWholeBlocks(
    resolveChannelDraftStreamingChunking(cfg, CHANNEL_ID, accountId, { fallbackLimit }),
  );
  let hasText = false;
  const grown = (text: string) => (mode === "block" ? wholeBlocks.of(text) : text);

  return {
    claim() {
      progress.markFinalReplyStarted();
      live.claim();
    },
    take: live.take,
    clear: live.clear,
    async withdraw() {
      progress.cancel();
      await live.withdraw();
    },
    replyOptions: {
      ...callbacks,
      ...(progress.suppressDefaultToolProgressMessages
        ? { suppressDefaultToolProgressMessages: true }
        : {}),
      progressPreambleEnabled: true,
      commentaryProgressEnabled: progress.commentaryProgressEnabled,
      onPartialReply(payload) {
        if (mode === "progress") return false;
        if (!hasText && payload.text?.trim()) {
          hasText = true;
          progress.resetActivity({ suppressed: true });
        }
        if (hasText) live.show(() => grown(payload.text ?? ""));
        return live.isVisible;
      },
      onAssistantMessageStart() {
        callbacks.onAssistantMessageStart();
        hasText = false;
        wholeBlocks.restart();
        progress.beginAssistantMessage();
        return false;
      },
      async onToolStart(payload) {
        callbacks.onToolStart();
        return await progress.pushToolEvent(payload);
      },
      onItemEvent: async (payload) => await progress.pushItemEvent(payload),
      async onPlanUpdate(payload) {
        if (payload.phase !== "update") return false;
        const { steps, explanation, explanationFormat } = payload;
        return await progress.pushPlanProgress(steps, {
          ...(explanation === undefined ? {} : { explanation }),
          ...(explanationFormat === undefined ? {} : { explanationFormat }),
        });
      },
      onApprovalEvent: async (payload) => await progress.pushApprovalEvent(payload),
    },
  };
}

/** As far as is known in time: the turn does not wait for long. */
async function isFollowed({ findReaders }: InboundContext, target: Target): Promise<boolean> {
  const limit = Promise.withResolvers<[]>();
  const timer = setTimeout(() => limit.resolve([]), LONGEST_ASKING_MS);
  const readers = await Promise.race([findReaders(conversationOf(target)), limit.promise]);
  clearTimeout(timer);
  return readers.length > 0;
}

/** The account's keys, under those of the room. */
function streamingOf({ settings }: InboundContext, { room }: Turn) {
  if (!room) return settings.streaming;
  return { streaming: { ...settings.streaming?.streaming, mode: undefined, ...room.streaming } };
}

function modeOf(context: InboundContext, turn: Turn): StreamingMode {
  const fallback = turn.room ? DEFAULT_MODE_IN_ROOMS : DEFAULT_MODE;
  return resolveChannelPreviewStreamMode(streamingOf(context, turn), fallback);
}

/**
 * What hooks may change, the agent says by its tool alone, or nobody is to hear, is not to be seen before. The host
 * tells us of the agent's words also where it keeps the answer to itself (`sendPolicy`).
 */
function isForEverybody({ cfg, log }: InboundContext, { eventKind, host, route }: Turn): boolean {
  try {
    if (isSendDenied(cfg, route)) return false;
  } catch (error) {
    log.debug?.(`nothing is shown before the answer: ${messageOf(error)}`);
    return false;
  }
  const hooks = getGlobalHookRunner();
  if (hooks?.hasHooks("message_sending") || hooks?.hasHooks("reply_payload_sending")) return false;
  const delivery = { cfg, ctx: { ChatType: host.kind } };
  return (
    eventKind !== "room_event" &&
    resolveChannelMessageSourceReplyDeliveryMode(delivery) !== "message_tool_only"
  );
}
