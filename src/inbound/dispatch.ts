/** The last step in: the turn itself, and the way its answer takes back. */
import type { ChannelBotLoopProtectionFacts } from "openclaw/plugin-sdk/channel-inbound";
import {
  bindIngressLifecycleToReplyOptions,
  resolveChannelMessageSourceReplyDeliveryMode,
} from "openclaw/plugin-sdk/channel-outbound";
import { resolveTextChunkLimit } from "openclaw/plugin-sdk/reply-chunking";
import {
  formatTextWithAttachmentLinks,
  type OutboundReplyPayload,
} from "openclaw/plugin-sdk/reply-payload";
import { messageOf } from "../errors.ts";
import { keepLinks } from "../outbound/attachments.ts";
import { deliverText } from "../outbound/deliver.ts";
import { replacedBy, withReplyFacts, type ReplyFacts } from "../outbound/reply-facts.ts";
import { formatTarget, replyTarget } from "../outbound/reply-target.ts";
import type { ResolvedRoom } from "../policy/room.ts";
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import { createTyping } from "../outbound/typing.ts";
import type { Lifecycle } from "./debounce.ts";
import { createHandover, type Handover } from "./handover.ts";
import { createLiveTurn, resolveBlocks, type LiveTurn } from "./live-turn.ts";
import type { SessionTurn } from "./session-turns.ts";
import { createSettlements } from "./settling.ts";
import { buildContext, type Admitted, type Turn } from "./turn-context.ts";
import type { InboundContext, InboundMessage } from "./types.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";

/** The host stops "composing" after this long, ms; an agent with tools may well work for minutes. */
const LONGEST_TYPING_MS = 10 * 60_000;

/**
 * Runs the agent's turn. Resolves once the host has taken the message over: the turn itself goes on,
 * so that a second message, or `/stop`, can reach it.
 * From the final answer on to the end of the turn the session is held; `sessionTurn` is told of its steps.
 * @throws what the host threw before it had taken it over or answered anything: it may be asked again
 */
export function dispatchTurn(
  context: InboundContext,
  inbound: InboundMessage,
  admitted: Admitted,
  lifecycle: Lifecycle,
  sessionTurn: SessionTurn,
): Promise<void> {
  const { conversation } = inbound;
  const history =
    conversation.kind === "room" ? context.history.take(conversation.room) : undefined;
  const { log, sessionTurns } = context;
  const { sessionKey } = admitted.route;
  const handover = createHandover({
    lifecycle: noting(context, inbound, admitted, lifecycle),
    onSpeak: sessionTurn.speak,
    onPutOff: (begun) => sessionTurns.putOff(sessionKey, begun),
    onTakenBack: sessionTurn.sealOthers,
    onDropped: () => history?.restore(),
    log,
  });
  const ended = Promise.withResolvers<void>();
  const onAnswer = (settled: Promise<unknown>) => {
    sessionTurn.answer();
    context.settling.hold(sessionKey, Promise.all([ended.promise, settled]));
  };
  const turn = runTurn(context, inbound, { ...admitted, history }, handover, {
    onAnswer,
    ended: ended.promise,
  });
  return handover.follow(
    turn.finally(() => {
      ended.resolve();
      sessionTurn.end();
      context.owed.settle(inbound.messageId);
    }),
  );
}

/**
 * Notes that an answer is owed, from when the host takes the message over: see host/owed-recovery.ts. What the
 * agent says by its tool alone is none.
 */
function noting(
  { cfg, log, now, owed }: InboundContext,
  { conversation, messageId, sender }: InboundMessage,
  { eventKind, host, route }: Admitted,
  lifecycle: Lifecycle,
): Lifecycle {
  const mode = resolveChannelMessageSourceReplyDeliveryMode({ cfg, ctx: { ChatType: host.kind } });
  if (eventKind === "room_event" || mode === "message_tool_only") return lifecycle;
  return {
    ...lifecycle,
    async onAdopted() {
      const { agentId, sessionKey } = route;
      const to = formatTarget(replyTarget(conversation, sender.stay));
      try {
        owed.note({ messageId, agentId, sessionKey, to, since: now() });
      } catch (error) {
        log.warn(`a crash of the Gateway could lose an answer: ${messageOf(error)}`);
      }
      await lifecycle.onAdopted();
    },
  };
}

type TurnProgress = {
  /** Called before the final answer leaves, with what resolves when the host has settled it. */
  onAnswer: (settled: Promise<unknown>) => void;
  ended: Promise<void>;
};

async function runTurn(
  context: InboundContext,
  inbound: InboundMessage,
  admitted: Turn,
  handover: Handover,
  { onAnswer, ended }: TurnProgress,
): Promise<void> {
  const { accountId, cfg, log, outbox, runtime } = context;
  const { eventKind, route, room } = admitted;
  const { conversation, sender } = inbound;
  const target = replyTarget(conversation, sender.stay);
  const live = await createLiveTurn(context, inbound, admitted, {
    target,
    prepare: (text) => convertTables(context, text),
    callbacks: handover.callbacks,
  });
  void ended.then(() => live?.withdraw());
  const factsOf = createReplyFacts(context, inbound, room, live);
  const typing = createTyping(outbox, target);
  const settlements = createSettlements();
  const blocks = resolveBlocks(context, admitted, live !== undefined);
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
        if (await handover.isPremature(payload.text)) {
          log.info(`not said, since the turn is still to come: ${payload.text}`);
          return null;
        }
        onAnswer(settlements.open());
        return attachmentsAsLinks(context, payload);
      },
      // Final answers go by the host's queue on disk, to host/send-message.ts; the others come to `deliver`.
      durable: (payload, { kind, participant }) => {
        if (kind !== "final") return false;
        handover.begin();
        return {
          to: formatTarget(target),
          replyToId: null,
          threadId: undefined,
          deps: withReplyFacts({
            ...factsOf(payload, kind, participant?.name),
            onQueued: () => context.owed.settle(inbound.messageId),
          }),
        };
      },
      onDelivered: (_payload, { kind }) => {
        if (kind === "final") settlements.close();
      },
      deliver: async (payload, { kind, participant }) => {
        handover.begin();
        const { text } = attachmentsAsLinks(context, payload);
        if (!text?.trim()) return { visibleReplySent: false, messageIds: [] };
        const { departures, limits } = outbox;
        const road = { find: context.findOutbox, departures, limits };
        const facts = factsOf(payload, kind, participant?.name);
        const replaceId = await replacedBy(undefined, facts);
        const delivered = await deliverText(road, target, convertTables(context, text), {
          textLimit: resolveTextChunkLimit(cfg, CHANNEL_ID, accountId, {
            fallbackLimit: DEFAULT_TEXT_CHUNK_LIMIT,
          }),
          ...facts,
          replaceId,
        });
        if (replaceId !== undefined) context.growing.settle(replaceId);
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
      ...bindIngressLifecycleToReplyOptions(handover.lifecycle),
      ...(live?.replyOptions ?? handover.callbacks),
      // What nobody asked the agent for, it answers by the message tool or not at all.
      ...(eventKind === "room_event"
        ? { sourceReplyDeliveryMode: "message_tool_only" as const, suppressTyping: true }
        : {}),
      ...(room?.skills ? { skillFilter: room.skills } : {}),
      ...(blocks === undefined ? {} : { disableBlockStreaming: !blocks }),
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

const take = async (live: LiveTurn | undefined) => await live?.take();

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
  live: LiveTurn | undefined,
) {
  const { conversation, message, messageId, reference, sender } = inbound;
  const { limits } = outbox;
  const known = new WeakMap<object, ReplyFacts>();
  let isFirst = true;
  const create = (
    { replyToId }: OutboundReplyPayload,
    kind: string,
    speaker: string | undefined,
  ): ReplyFacts => {
    const words = [
      ...(isFirst && room?.replyWithNick ? [`${sender.label}:`] : []),
      ...(speaker ? [`[${speaker}]`] : []),
    ];
    isFirst = false;
    const preview = kind === "final" ? live : undefined;
    preview?.claim();
    let taken: Promise<string | undefined> | undefined;
    const answersThis = replyToId === messageId && reference !== undefined;
    return {
      thread: message.thread,
      patienceMs: limits.offlineMinutes * 60_000,
      prefix: words.length > 0 ? `${words.join(" ")} ` : undefined,
      reply:
        answersThis && conversation.kind === "room"
          ? { id: reference, to: occupantJid(conversation.room, conversation.nick) }
          : undefined,
      ...(kind === "final" ? { takePreview: () => (taken ??= take(preview)) } : {}),
    };
  };
  return (payload: OutboundReplyPayload, kind: string, speaker: string | undefined): ReplyFacts => {
    const facts = known.get(payload) ?? create(payload, kind, speaker);
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
