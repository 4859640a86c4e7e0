/** One send for the host, over the live session of this process. */
import { randomUUID } from "node:crypto";
import { PlatformMessageNotDispatchedError } from "openclaw/plugin-sdk/error-runtime";
import { resolveTextChunkLimit } from "openclaw/plugin-sdk/reply-chunking";
import { messageOf } from "../errors.ts";
import { toResponses } from "../outbound/choices.ts";
import { deliverText } from "../outbound/deliver.ts";
import { departuresOf } from "../outbound/departures.ts";
import { mediaMaxBytes, type MediaSource } from "../outbound/load-file.ts";
import type { DeliveryPart } from "../outbound/message-ids.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { formatTarget, placeOf } from "../outbound/reply-target.ts";
import { offeredChoicesOf, renderedInto } from "../outbound/offered-choices.ts";
import { placeOfTarget } from "../outbound/recent-messages.ts";
import { answeredBy, type Answered } from "../outbound/reply-quote.ts";
import {
  forgetFacts,
  forgetReplaced,
  readReplyFacts,
  recallFacts,
  replacedBy,
} from "../outbound/reply-facts.ts";
import type { MessageFacts } from "../outbound/send.ts";
import { parseTarget, type Target } from "../outbound/target.ts";
import { bareJid } from "../protocol/jid.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { findLiveAccount, requireLiveAccount } from "./live-accounts.ts";
import type { SendMediaContext, SendTextContext } from "./message-adapter.ts";
import { roomPredicate } from "./messaging.ts";
import { arrivedOf, forgetSend } from "./reconcile-send.ts";
import { getRuntime } from "./runtime.ts";

/**
 * How long to wait for a connection, ms. Not longer: the host keeps the message, tries again by itself, and
 * sends nothing else that it has kept, of any channel, meanwhile.
 */
const PATIENCE_MS = 5_000;
/** Where there is one, others may be ahead; that it died without a word is found within a minute, ms. */
const PATIENCE_ONLINE_MS = 75_000;

/**
 * @throws PlatformMessageNotDispatchedError bad target, account not running, room not joined, offline
 */
export async function sendMessage(ctx: SendTextContext, text: string, media?: MediaSource) {
  const { cfg, to } = ctx;
  const account = resolveAccount(cfg, ctx.accountId);
  const { accountId } = account;
  const facts = readReplyFacts(ctx.deps);
  facts?.onQueued?.();
  const target = parseTarget(to, roomPredicate(cfg, accountId));
  if ("problem" in target) throw refusal(target.problem);
  if (bareJid(target.to) === account.jid) throw refusal(`${target.to} is the agent's own account`);
  const { convertMarkdownTables, resolveMarkdownTableMode } = getRuntime().channel.text;
  const tables = resolveMarkdownTableMode({ cfg, channel: CHANNEL_ID, accountId });
  const isOnline = findLiveAccount(accountId)?.session.state.kind === "online";
  const road = {
    find: () => findLiveAccount(accountId),
    departures: departuresOf(accountId),
    limits: account.limits,
  };
  const choices = renderedInto(text);
  const delivery = deliveryOf(ctx);
  const store = () => findLiveAccount(accountId)?.answerFacts;
  let replaceId: string | undefined;
  const deliver = async () => {
    replaceId = await replacedBy(delivery, facts);
    const growing = findLiveAccount(accountId)?.growing;
    if (replaceId !== undefined && delivery) growing?.assign(replaceId, delivery.deliveryId);
    // What this process did not begin may be the end of what an earlier one did; a file is no end of a text.
    if (!facts?.takePreview && text.trim() !== "" && (delivery?.part ?? 0) === 0) {
      replaceId ??= growing?.left(delivery?.deliveryId ?? randomUUID(), formatTarget(target));
    }
    // The answer to a turn waits also while the account is being restarted.
    if (!facts) assertRunning(account);
    const answer = recallFacts(delivery, facts, store());
    return await deliverText(road, target, convertMarkdownTables(text, tables), {
      patienceMs: isOnline ? PATIENCE_ONLINE_MS : PATIENCE_MS,
      thread: threadFrom(ctx),
      ...replyFrom(ctx, target, accountId),
      ...answer,
      ...facts,
      // What it answers is said once, whatever the parts.
      ...(ctx.deliveryPartIndex ? { reply: undefined } : {}),
      textLimit: resolveTextChunkLimit(cfg, CHANNEL_ID, accountId, {
        fallbackLimit: DEFAULT_TEXT_CHUNK_LIMIT,
      }),
      replaceId,
      responses: toResponses(choices),
      delivery,
      file: media && {
        ...media,
        maxBytes: mediaMaxBytes(cfg, accountId, account.config.mediaMaxMb),
        // An answer is not lost with its picture; whoever sends a file by hand wants to know.
        isOptional: answer !== undefined,
      },
      arrived: arrivedOf(ctx.deliveryQueueId),
      signal: ctx.signal,
      awaitsErrors: true,
      beforeSend: async () => {
        await ctx.onPlatformSendDispatch?.();
        ctx.assertDirectAdapterHandoff?.();
      },
    });
  };
  const delivered = await noteKept(ctx, placeOf(accountId, target), deliver);
  if (ctx.deliveryQueueId !== undefined) forgetSend(ctx.deliveryQueueId);
  forgetReplaced(delivery);
  forgetFacts(delivery, store());
  if (replaceId !== undefined) findLiveAccount(accountId)?.growing.settle(replaceId);
  if (facts?.takePreview) findLiveAccount(accountId)?.growing.forgetLeft(formatTarget(target));
  findLiveAccount(accountId)?.onOutbound();
  const messageId = delivered.messageIds.at(-1);
  if (messageId === undefined) throw refusal("there is no text to send");
  if (choices.length > 0) {
    offeredChoicesOf(accountId).note(placeOfTarget(target), messageId, choices);
  }
  return {
    messageId,
    receipt: delivered.receipt,
    target: { kind: "conversation" as const, id: target.to },
  };
}

/**
 * Sends a file after its caption; a link as a link, where it cannot be had or uploaded.
 * @throws PlatformMessageNotDispatchedError as `sendMessage`, and where a file of this machine cannot be sent
 */
export async function sendMedia(ctx: SendMediaContext) {
  const { mediaUrl, mediaAccess, mediaLocalRoots, mediaReadFile, audioAsVoice, forceDocument } =
    ctx;
  return await sendMessage(ctx, ctx.text, {
    media: mediaUrl,
    ...(mediaAccess ? { mediaAccess } : {}),
    ...(mediaLocalRoots ? { mediaLocalRoots } : {}),
    ...(mediaReadFile ? { mediaReadFile } : {}),
    ...(audioAsVoice ? { audioAsVoice } : {}),
    ...(forceDocument ? { forceDocument } : {}),
  });
}

/** Notes whether the host keeps it: see outbound/kept-sends.ts. */
async function noteKept<T>(
  { deliveryQueueId: id }: SendTextContext,
  place: string,
  deliver: () => Promise<T>,
): Promise<T> {
  if (id === undefined) return await deliver();
  try {
    const delivered = await deliver();
    keptSends.settle(id);
    return delivered;
  } catch (error) {
    const isKept = error instanceof PlatformMessageNotDispatchedError && error.retryable !== false;
    if (isKept) keptSends.keep(place, id);
    else keptSends.settle(id);
    throw error;
  }
}

function deliveryOf(ctx: SendTextContext): DeliveryPart | undefined {
  const { deliveryQueueId, deliveryPartIndex = 0, deliveryPartCount = 1 } = ctx;
  if (deliveryQueueId === undefined) return undefined;
  return { deliveryId: deliveryQueueId, part: deliveryPartIndex, parts: deliveryPartCount };
}

/** RFC 6121 §5.2.5: what is said in a thread stays there. */
function threadFrom({ threadId }: SendTextContext): MessageFacts["thread"] {
  return threadId === undefined || threadId === null || threadId === ""
    ? undefined
    : { id: String(threadId), parent: undefined };
}

/**
 * Of a message that is not known any more, only its id, and that where others know it by that. The host's own keys in a
 * direct chat are ids of our archive, or random: nobody else could tell what is meant.
 */
function replyFrom({ replyToId }: SendTextContext, target: Target, accountId: string): Answered {
  if (!replyToId) return {};
  const live = findLiveAccount(accountId);
  const found =
    live && answeredBy(live, placeOfTarget(target), replyToId, { isAlwaysQuoted: true });
  if (found?.reply) return found;
  const isKnown =
    live?.recent.isOurs(placeOfTarget(target), replyToId) ||
    (target.kind === "room" && live?.rooms.get(target.room)?.stanzaIds);
  return isKnown ? { reply: { id: replyToId } } : {};
}

/** The input is wrong: nothing was sent, and trying again cannot help. */
function refusal(problem: string): PlatformMessageNotDispatchedError {
  return new PlatformMessageNotDispatchedError(problem, { cause: problem, retryable: false });
}

function assertRunning(account: XmppAccount): void {
  try {
    requireLiveAccount(account);
  } catch (error) {
    const message = messageOf(error);
    throw new PlatformMessageNotDispatchedError(message, { cause: error });
  }
}
