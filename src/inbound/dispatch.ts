/** The last step in: the turn itself, and the way its answer takes back. */
import { resolveChannelStreamingBlockEnabled } from "openclaw/plugin-sdk/channel-outbound";
import { resolveTextChunkLimit } from "openclaw/plugin-sdk/reply-chunking";
import { deliverFormattedTextWithAttachments } from "openclaw/plugin-sdk/reply-payload";
import { keepLinks } from "../outbound/attachments.ts";
import { deliverText } from "../outbound/deliver.ts";
import { reach } from "../outbound/reach.ts";
import { replyTarget } from "../outbound/reply-target.ts";
import { createTyping } from "../outbound/typing.ts";
import { createSettlements } from "./settling.ts";
import { buildContext, type Admitted, type Turn } from "./turn-context.ts";
import type { InboundContext, InboundMessage } from "./types.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";

/** The host stops "composing" after this long, ms; an agent with tools may well work for minutes. */
const LONGEST_TYPING_MS = 10 * 60_000;

/**
 * Runs the agent's turn. Resolves once the host has taken the message over: the turn itself goes on,
 * so that a second message, or `/stop`, can reach it.
 * From the final answer on to the end of the turn the session is held.
 * @throws what the host threw before it had begun anything: it may be asked again
 */
export function dispatchTurn(
  context: InboundContext,
  inbound: InboundMessage,
  admitted: Admitted,
): Promise<void> {
  const { conversation } = inbound;
  const history =
    conversation.kind === "room" ? context.history.take(conversation.room) : undefined;
  return new Promise((resolve, reject) => {
    let hasBegun = false;
    const begin = () => void (hasBegun = true);
    const lifecycle = {
      onAdopted: () => {
        begin();
        resolve();
      },
      onDeferred: () => {
        begin();
        resolve();
      },
      onAbandoned: () => {
        history?.restore();
        resolve();
      },
    };
    const ended = Promise.withResolvers<void>();
    const watch = {
      begin,
      answer: (settled: Promise<unknown>) =>
        context.settling.hold(admitted.route.sessionKey, Promise.all([ended.promise, settled])),
    };
    const turn = runTurn(context, inbound, { ...admitted, history }, lifecycle, watch);
    turn.finally(ended.resolve).then(
      () => resolve(),
      (error: unknown) => {
        history?.restore();
        if (!hasBegun) {
          reject(error);
          return;
        }
        context.log.error(`the turn failed: ${String(error)}`);
        resolve();
      },
    );
  });
}

type Lifecycle = { onAdopted: () => void; onDeferred: () => void; onAbandoned: () => void };

/**
 * `begin` is called before anything leaves for the person, `answer` before the final answer does, with
 * what resolves when the host has settled it: the answer of a turn that it put off comes after the end.
 */
type Watch = { begin: () => void; answer: (settled: Promise<unknown>) => void };

async function runTurn(
  context: InboundContext,
  inbound: InboundMessage,
  admitted: Turn,
  lifecycle: Lifecycle,
  { begin, answer }: Watch,
): Promise<void> {
  const { accountId, cfg, log, outbox, runtime } = context;
  const { route, room } = admitted;
  const target = replyTarget(inbound.conversation, inbound.sender.stay);
  const typing = createTyping(outbox, target);
  const settlements = createSettlements();
  const streaming = resolveChannelStreamingBlockEnabled(context.streaming);
  await runtime.channel.inbound.dispatch({
    cfg,
    channel: CHANNEL_ID,
    accountId,
    route: { agentId: route.agentId, sessionKey: route.sessionKey },
    ctxPayload: buildContext(context, inbound, admitted),
    delivery: {
      observeMessageSent: true,
      preparePayload: (payload, { kind }) => {
        if (kind === "final") answer(settlements.open());
        return payload;
      },
      onDelivered: (_payload, { kind }) => {
        if (kind === "final") settlements.close();
      },
      deliver: async (payload) => {
        begin();
        const messageIds: string[] = [];
        const { payload: sendable, left } = keepLinks(payload);
        if (left > 0) log.warn(`${left} attachment(s) not sent: file upload is not built yet`);
        const visibleReplySent = await deliverFormattedTextWithAttachments({
          payload: sendable,
          send: async ({ text }) => {
            const live = (await reach(context.findOutbox, target)) ?? outbox;
            const delivered = await deliverText(live, target, convertTables(context, text), {
              textLimit: resolveTextChunkLimit(cfg, CHANNEL_ID, accountId, {
                fallbackLimit: DEFAULT_TEXT_CHUNK_LIMIT,
              }),
              thread: inbound.message.thread,
            });
            messageIds.push(...delivered.messageIds);
            context.onOutbound(context.now());
          },
        });
        return { visibleReplySent, messageIds };
      },
      onError: (error, { kind }) => {
        if (kind === "final") settlements.close();
        log.error(`${kind} reply failed: ${String(error)}`);
      },
    },
    replyPipeline: {
      typing: {
        ...typing,
        start: async () => {
          begin();
          await typing.start();
        },
        maxDurationMs: LONGEST_TYPING_MS,
        onStartError: (error) => log.debug?.(`no chat state: ${String(error)}`),
      },
    },
    replyOptions: {
      turnAdoptionLifecycle: { admission: "exclusive", ...lifecycle },
      ...(room?.skills ? { skillFilter: room.skills } : {}),
      ...(streaming === undefined ? {} : { disableBlockStreaming: !streaming }),
    },
    record: {
      onRecordError: (error) => log.error(`session record failed: ${String(error)}`),
    },
  });
}

function convertTables({ accountId, cfg, runtime }: InboundContext, text: string): string {
  const { convertMarkdownTables, resolveMarkdownTableMode } = runtime.channel.text;
  return convertMarkdownTables(
    text,
    resolveMarkdownTableMode({ cfg, channel: CHANNEL_ID, accountId }),
  );
}
