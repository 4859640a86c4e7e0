/** The last step in: the turn itself, and the way its answer takes back. */
import { getExecApprovalReplyMetadata } from "openclaw/plugin-sdk/approval-client-runtime";
import type { ChannelBotLoopProtectionFacts } from "openclaw/plugin-sdk/channel-inbound";
import { bindIngressLifecycleToReplyOptions } from "openclaw/plugin-sdk/channel-outbound";
import { questionGatewayRuntime } from "openclaw/plugin-sdk/question-gateway-runtime";
import { getAgentScopedMediaLocalRootsForSources } from "openclaw/plugin-sdk/media-local-roots";
import { resolveTextChunkLimit } from "openclaw/plugin-sdk/reply-chunking";
import type { OutboundReplyPayload } from "openclaw/plugin-sdk/reply-payload";
import { attachmentsOf } from "../outbound/attachments.ts";
import { deliverWithFiles } from "../outbound/deliver-files.ts";
import { mediaMaxBytes } from "../outbound/load-file.ts";
import type { OutgoingFile } from "../outbound/outgoing-file.ts";
import { renderChoices, toResponses } from "../outbound/choices.ts";
import { offeredChoicesOf } from "../outbound/offered-choices.ts";
import { placeOfTarget } from "../outbound/recent-messages.ts";
import { replacedBy, withReplyFacts } from "../outbound/reply-facts.ts";
import { formatTarget, replyTarget } from "../outbound/reply-target.ts";
import { createTyping } from "../outbound/typing.ts";
import { createAckReaction } from "./ack-reaction.ts";
import { createReplyFacts } from "./answering.ts";
import { closeOnceAnswered } from "./closing-question.ts";
import type { Lifecycle } from "./debounce.ts";
import { createHandover, type Handover } from "./handover.ts";
import { createLiveTurn, resolveBlocks } from "./live-turn.ts";
import { beforeTurn, owedKey } from "./owing.ts";
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
  const ack = createAckReaction(context, inbound, admitted);
  const onAdopted = () => {
    context.acknowledging.displayed(context.outbox, inbound);
    ack.show();
  };
  const handover = createHandover({
    lifecycle: telling(lifecycle, onAdopted),
    onSpeak: sessionTurn.speak,
    onPutOff: (begun) => sessionTurns.putOff(sessionKey, begun),
    onTakenBack: sessionTurn.sealOthers,
    onDropped: () => history?.restore(),
    log,
  });
  const ended = Promise.withResolvers<void>();
  const endWork = context.onWork?.();
  const onAnswer = (settled: Promise<unknown>) => {
    sessionTurn.answer();
    context.settling.hold(sessionKey, Promise.all([ended.promise, settled]));
  };
  const settleOwed = () => context.owed.settle(owedKey(inbound));
  const turn = runTurn(context, inbound, { ...admitted, history }, handover, {
    onAnswer,
    onQuestion: sessionTurn.listen,
    settleOwed,
    ended: ended.promise,
  });
  return handover.follow(
    turn.finally(() => {
      ended.resolve();
      endWork?.();
      sessionTurn.end();
      ack.end();
      settleOwed();
    }),
  );
}

/** The sender sees that the agent works on it. */
function telling(lifecycle: Lifecycle, onAdopted: () => void): Lifecycle {
  return {
    ...lifecycle,
    async onAdopted() {
      await lifecycle.onAdopted();
      onAdopted();
    },
  };
}

type TurnProgress = {
  /** Called before the final answer leaves, with what resolves when the host has settled it. */
  onAnswer: (settled: Promise<unknown>) => void;
  /** The agent has asked something, and waits. */
  onQuestion: () => void;
  /** The host has the answer on its disk, or it goes without that. */
  settleOwed: () => void;
  ended: Promise<void>;
};

async function runTurn(
  context: InboundContext,
  inbound: InboundMessage,
  admitted: Turn,
  handover: Handover,
  { onAnswer, onQuestion, settleOwed, ended }: TurnProgress,
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
  const factsOf = createReplyFacts(context, inbound, room, live);
  const typing = createTyping(outbox, target);
  const settlements = createSettlements();
  // The host may drop an answer that it has prepared, without a word.
  void ended.then(settlements.settled).then(() => live?.withdraw());
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
          log.info("what the host said of a turn that is still to come is not passed on");
          return null;
        }
        onAnswer(settlements.open());
        return payload;
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
            onQueued: settleOwed,
          }),
        };
      },
      onDelivered: (_payload, { kind }) => {
        if (kind === "final") settlements.close();
      },
      deliver: async (payload, { kind, participant }) => {
        handover.begin();
        if (kind !== "tool") settleOwed();
        // Only the host makes what a tool shows; who writes a message writes its text alone.
        const isOfHost = kind === "tool" && getExecApprovalReplyMetadata(payload) !== null;
        const { text, choices } = renderChoices(payload, isOfHost);
        const files = filesOf(context, payload, route.agentId);
        if (!text.trim() && files.length === 0) return { visibleReplySent: false, messageIds: [] };
        const { departures, limits } = outbox;
        const road = { find: context.findOutbox, departures, limits };
        const said = convertTables(context, text);
        const facts = factsOf(payload, kind, participant?.name);
        const replaceId = await replacedBy(undefined, facts);
        const textLimit = resolveTextChunkLimit(cfg, CHANNEL_ID, accountId, {
          fallbackLimit: DEFAULT_TEXT_CHUNK_LIMIT,
        });
        const { messageIds } = await deliverWithFiles(road, target, said, files, {
          textLimit,
          ...facts,
          replaceId,
          responses: toResponses(choices),
        });
        // The host counts the options of its own questions itself.
        const questionId = questionGatewayRuntime.readAskUserQuestionId(payload);
        if (questionId !== undefined) {
          onQuestion();
          const asked = { ...facts, text: said, textLimit };
          closeOnceAnswered(context, { ...asked, questionId, target, messageIds });
        } else if (choices.length > 0) {
          offeredChoicesOf(accountId).note(placeOfTarget(target), messageIds.at(-1) ?? "", choices);
        }
        if (replaceId !== undefined) context.growing.settle(replaceId);
        context.onOutbound(context.now());
        return { visibleReplySent: true, messageIds };
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
      ...bindIngressLifecycleToReplyOptions(
        beforeTurn(context, inbound, admitted, handover.lifecycle),
      ),
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

/** What is attached to a part of an answer; the agent may send what lies in its own media roots. */
function filesOf(
  { accountId, cfg, settings }: InboundContext,
  payload: OutboundReplyPayload,
  agentId: string,
): OutgoingFile[] {
  const mediaSources = attachmentsOf(payload);
  if (mediaSources.length === 0) return [];
  return mediaSources.map((media) => ({
    media,
    mediaLocalRoots: getAgentScopedMediaLocalRootsForSources({ cfg, agentId, mediaSources }),
    audioAsVoice: "audioAsVoice" in payload && payload.audioAsVoice === true,
    maxBytes: mediaMaxBytes(cfg, accountId, settings.mediaMaxMb),
    isOptional: true,
  }));
}

function convertTables({ accountId, cfg, runtime }: InboundContext, text: string): string {
  const { convertMarkdownTables, resolveMarkdownTableMode } = runtime.channel.text;
  return convertMarkdownTables(
    text,
    resolveMarkdownTableMode({ cfg, channel: CHANNEL_ID, accountId }),
  );
}
