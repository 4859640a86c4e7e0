/** The last step in: the turn itself, and the way its answer takes back. */
import type { ChannelBotLoopProtectionFacts } from "openclaw/plugin-sdk/channel-inbound";
import {
  bindIngressLifecycleToReplyOptions,
  resolveChannelStreamingBlockEnabled,
} from "openclaw/plugin-sdk/channel-outbound";
import { resolveTextChunkLimit } from "openclaw/plugin-sdk/reply-chunking";
import {
  formatTextWithAttachmentLinks,
  type OutboundReplyPayload,
} from "openclaw/plugin-sdk/reply-payload";
import { keepLinks } from "../outbound/attachments.ts";
import { messageOf } from "../errors.ts";
import { deliverText } from "../outbound/deliver.ts";
import { withReplyFacts, type ReplyFacts } from "../outbound/reply-facts.ts";
import { formatTarget, replyTarget } from "../outbound/reply-target.ts";
import type { ResolvedRoom } from "../policy/room.ts";
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import { createTyping } from "../outbound/typing.ts";
import type { Lifecycle } from "./debounce.ts";
import { createSettlements } from "./settling.ts";
import { buildContext, type Admitted, type Turn } from "./turn-context.ts";
import type { InboundContext, InboundMessage } from "./types.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";

/** The host stops "composing" after this long, ms; an agent with tools may well work for minutes. */
const LONGEST_TYPING_MS = 10 * 60_000;

/** What the host says in place of a turn that it does not begin any more, because it is shutting down. */
const RESTARTING = /^⚠️ Gateway is restarting\b/u;
/** What it says where it misses an answer: also one that is still to come, of a turn that it put off. */
const MISSING = /^⚠️ OpenClaw couldn't produce or deliver a reply\b/u;

/**
 * Runs the agent's turn. Resolves once the host has taken the message over: the turn itself goes on,
 * so that a second message, or `/stop`, can reach it.
 * From the final answer on to the end of the turn the session is held; `onEnd` is called at its end.
 * @throws what the host threw before it had taken it over or answered anything: it may be asked again
 */
export function dispatchTurn(
  context: InboundContext,
  inbound: InboundMessage,
  admitted: Admitted,
  lifecycle: Lifecycle,
  onEnd: () => void,
): Promise<void> {
  const { conversation } = inbound;
  const history =
    conversation.kind === "room" ? context.history.take(conversation.room) : undefined;
  return new Promise((resolve, reject) => {
    // Nothing is asked of the host again once it is responsible, or something was said.
    let state: State = "asked";
    let hasModelSpoken = false;
    const begun = Promise.withResolvers<void>();
    const adoption: Lifecycle = {
      ...lifecycle,
      async onAdopted() {
        try {
          await lifecycle.onAdopted();
        } finally {
          begun.resolve();
        }
        state = "adopted";
        resolve();
      },
      onDeferred() {
        lifecycle.onDeferred();
        state = "deferred";
        context.sessionTurns.putOff(admitted.route.sessionKey, begun.promise);
        resolve();
      },
      async onAbandoned() {
        state = "abandoned";
        history?.restore();
        await Promise.resolve(lifecycle.onAbandoned()).finally(begun.resolve);
        resolve();
      },
      onFailed: async (reason) =>
        await Promise.resolve(lifecycle.onFailed?.(reason)).finally(begun.resolve),
      onCancelled: async () =>
        await Promise.resolve(lifecycle.onCancelled?.()).finally(begun.resolve),
    };
    // The monitor took it back.
    lifecycle.abortSignal.addEventListener("abort", () => begun.resolve(), { once: true });
    const ended = Promise.withResolvers<void>();
    const watch = {
      begin: () => void (state = state === "asked" ? "answered" : state),
      modelSpeaks: () => void (hasModelSpoken = true),
      isPremature: async (text = "") => {
        const isRestarting = RESTARTING.test(text);
        if (state === "asked" && isRestarting) state = "refused";
        if (state === "adopted" && isRestarting && !hasModelSpoken) {
          await lifecycle.storeAgain();
          history?.restore();
          state = "stored again";
        }
        if (state === "refused" || state === "stored again") return true;
        return state === "deferred" && (isRestarting || MISSING.test(text));
      },
      answer: (settled: Promise<unknown>) =>
        context.settling.hold(admitted.route.sessionKey, Promise.all([ended.promise, settled])),
    };
    const end = () => {
      ended.resolve();
      onEnd();
    };
    const turn = runTurn(context, inbound, { ...admitted, history }, adoption, watch);
    turn.finally(end).then(
      async () => {
        if (state === "refused") await adoption.onAbandoned();
        resolve();
      },
      (error: unknown) => {
        history?.restore();
        if (state === "asked") {
          reject(error);
          return;
        }
        context.log.error(`the turn failed: ${String(error)}`);
        if (state === "deferred") giveBack(context, adoption, error);
        resolve();
      },
    );
  });
}

/**
 * What became of a message at the host. `stored again`: it was adopted, and the Gateway stopped before the
 * model had said a word.
 */
type State =
  "asked" | "refused" | "answered" | "deferred" | "adopted" | "abandoned" | "stored again";

/** The host had put the turn off and then failed: the message comes again. */
function giveBack({ log }: InboundContext, lifecycle: Lifecycle, error: unknown): void {
  Promise.resolve(lifecycle.onFailed?.(error)).catch((reason: unknown) =>
    log.error(`the message waits for the next start: ${String(reason)}`),
  );
}

/**
 * `begin` is called before an answer leaves for the person, `answer` before the final answer does, with
 * what resolves when the host has settled it: the answer of a turn that it put off comes after the end.
 * What is `isPremature` is no answer but the host's word for a turn that has not begun, and will: it put it
 * off behind another one and then misses an answer, or it shuts down.
 */
type Watch = {
  begin: () => void;
  answer: (settled: Promise<unknown>) => void;
  isPremature: (text: string | undefined) => Promise<boolean>;
  /** From here on the turn may have had effects. */
  modelSpeaks: () => void;
};

async function runTurn(
  context: InboundContext,
  inbound: InboundMessage,
  admitted: Turn,
  lifecycle: Lifecycle,
  { begin, answer, isPremature, modelSpeaks }: Watch,
): Promise<void> {
  const { accountId, cfg, log, outbox, runtime } = context;
  const { eventKind, route, room } = admitted;
  const { conversation, sender } = inbound;
  const target = replyTarget(conversation, sender.stay);
  const factsOf = createReplyFacts(context, inbound, room);
  const typing = createTyping(outbox, target);
  const settlements = createSettlements();
  const streaming = resolveChannelStreamingBlockEnabled(context.settings.streaming);
  const result = await runtime.channel.inbound.dispatch({
    cfg,
    channel: CHANNEL_ID,
    accountId,
    route: { agentId: route.agentId, sessionKey: route.sessionKey },
    ctxPayload: buildContext(context, inbound, admitted),
    delivery: {
      observeMessageSent: true,
      preparePayload: async (payload, { kind }) => {
        if (kind !== "final") return payload;
        const isToCome = await isPremature(payload.text).catch((error: unknown) => {
          log.warn(`a message is not answered, the Gateway stops: ${messageOf(error)}`);
          return false;
        });
        if (isToCome) {
          log.info(`not said, since the turn is still to come: ${payload.text}`);
          return null;
        }
        answer(settlements.open());
        return attachmentsAsLinks(context, payload);
      },
      // Final answers go by the host's queue on disk, to host/send-message.ts; the others come to `deliver`.
      durable: (payload, { kind, participant }) => {
        if (kind !== "final") return false;
        begin();
        return {
          to: formatTarget(target),
          replyToId: null,
          threadId: undefined,
          deps: withReplyFacts(factsOf(payload, participant?.name)),
        };
      },
      onDelivered: (_payload, { kind }) => {
        if (kind === "final") settlements.close();
      },
      deliver: async (payload, { participant }) => {
        begin();
        const { text } = attachmentsAsLinks(context, payload);
        if (!text?.trim()) return { visibleReplySent: false, messageIds: [] };
        const { departures, limits } = outbox;
        const road = { find: context.findOutbox, departures, limits };
        const delivered = await deliverText(road, target, convertTables(context, text), {
          textLimit: resolveTextChunkLimit(cfg, CHANNEL_ID, accountId, {
            fallbackLimit: DEFAULT_TEXT_CHUNK_LIMIT,
          }),
          ...factsOf(payload, participant?.name),
        });
        context.onOutbound(context.now());
        return { visibleReplySent: true, messageIds: delivered.messageIds };
      },
      onError: (error, { kind }) => {
        if (kind === "final") settlements.close();
        log.error(`${kind} reply failed: ${String(error)}`);
      },
    },
    replyPipeline: {
      typing: {
        ...typing,
        maxDurationMs: LONGEST_TYPING_MS,
        onStartError: (error) => log.debug?.(`no chat state: ${String(error)}`),
      },
    },
    replyOptions: {
      ...bindIngressLifecycleToReplyOptions(lifecycle),
      onAssistantMessageStart: modelSpeaks,
      onToolStart: modelSpeaks,
      // What nobody asked the agent for, it answers by the message tool or not at all.
      ...(eventKind === "room_event"
        ? { sourceReplyDeliveryMode: "message_tool_only" as const, suppressTyping: true }
        : {}),
      ...(room?.skills ? { skillFilter: room.skills } : {}),
      ...(streaming === undefined ? {} : { disableBlockStreaming: !streaming }),
    },
    ...(admitted.isBot ? { botLoopProtection: loopFacts(context, inbound) } : {}),
    record: {
      onRecordError: (error) => log.error(`session record failed: ${String(error)}`),
    },
  });
  if (result?.admission.kind === "drop") {
    admitted.history?.restore();
    log.info(
      `not answered: ${result.admission.reason}; ${JSON.stringify(sender.label)} in ${target.to}`,
    );
  }
}

/** Two programs that answer each other are stopped by the host once they exceed its budget. */
function loopFacts(
  { accountId, cfg, outbox, settings }: InboundContext,
  { conversation, messageId, sender }: InboundMessage,
): ChannelBotLoopProtectionFacts {
  return {
    scopeId: accountId,
    conversationId: conversation.kind === "direct" ? conversation.peer : conversation.room,
    senderId: sender.id,
    receiverId: outbox.session.jid ?? accountId,
    eventId: messageId,
    config: settings.botLoopProtection,
    defaultsConfig: cfg.channels?.defaults?.botLoopProtection,
    defaultEnabled: true,
  };
}

/** A payload whose attachments are links in its text, as far as they can be. */
function attachmentsAsLinks<T extends OutboundReplyPayload>(
  { log }: InboundContext,
  payload: T,
): T {
  const { payload: kept, left } = keepLinks(payload);
  if (left > 0) log.warn(`${left} attachment(s) not sent: file upload is not built yet`);
  const links = kept.mediaUrls ?? [];
  if (links.length === 0) return kept;
  return { ...kept, text: formatTextWithAttachmentLinks(kept.text, links), mediaUrls: [] };
}

/**
 * What an answer has beside its text. The first of a turn also says whom it is for; it is asked for twice
 * where the host could not keep the answer on disk.
 */
function createReplyFacts(
  { outbox }: InboundContext,
  inbound: InboundMessage,
  room: ResolvedRoom | undefined,
) {
  const { conversation, message, messageId, reference, sender } = inbound;
  const { limits } = outbox;
  const known = new WeakMap<object, ReplyFacts>();
  let isFirst = true;
  const create = (replyToId: string | undefined, speaker: string | undefined): ReplyFacts => {
    const words = [
      ...(isFirst && room?.replyWithNick ? [`${sender.label}:`] : []),
      ...(speaker ? [`[${speaker}]`] : []),
    ];
    isFirst = false;
    const answersThis = replyToId === messageId && reference !== undefined;
    return {
      thread: message.thread,
      patienceMs: limits.offlineMinutes * 60_000,
      prefix: words.length > 0 ? `${words.join(" ")} ` : undefined,
      reply:
        answersThis && conversation.kind === "room"
          ? { id: reference, to: occupantJid(conversation.room, conversation.nick) }
          : undefined,
    };
  };
  return (payload: OutboundReplyPayload, speaker: string | undefined): ReplyFacts => {
    const facts = known.get(payload) ?? create(payload.replyToId, speaker);
    known.set(payload, facts);
    return facts;
  };
}

function convertTables({ accountId, cfg, runtime }: InboundContext, text: string): string {
  const { convertMarkdownTables, resolveMarkdownTableMode } = runtime.channel.text;
  return convertMarkdownTables(
    text,
    resolveMarkdownTableMode({ cfg, channel: CHANNEL_ID, accountId }),
  );
}
