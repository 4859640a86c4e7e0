/** Actions of the message tool on messages: react, reactions, read, edit, unsend, reply. */
import {
  readPositiveIntegerParam,
  readStringParam,
  ToolAuthorizationError,
} from "openclaw/plugin-sdk/channel-actions";
import { resolveTextChunkLimit } from "openclaw/plugin-sdk/reply-chunking";
import { readConversation } from "../inbound/archived-conversation.ts";
import { editOwn, retractOwn } from "../outbound/own-messages.ts";
import { changeReactions, sendReaction } from "../outbound/reactions.ts";
import { resolveSender } from "../inbound/sender.ts";
import { placeOfTarget } from "../outbound/recent-messages.ts";
import { formatTarget } from "../outbound/reply-target.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import type { Target } from "../outbound/target.ts";
import { bareJid } from "../protocol/jid.ts";
import { assertMayAskAbout, assertWithinContext } from "./action-authority.ts";
import {
  beforeSend,
  isCurrent,
  messageIdOf,
  messageIdOrCurrent,
  referenceOf,
  targetOf,
  type ActionContext,
} from "./action-context.ts";
import { getRuntime } from "./runtime.ts";
import { sendMessage } from "./send-message.ts";

type Result = Promise<Record<string, unknown>>;

/** Adds, or with `remove` takes back, a reaction (XEP-0444); without an emoji all of ours. */
export async function react(context: ActionContext): Result {
  const { ctx, live } = context;
  const target = targetOf(context);
  assertWithinContext(context, target);
  const id = referenceOf(context, target, messageIdOrCurrent(context, target));
  const emoji = readStringParam(ctx.params, "emoji", { allowEmpty: true })?.trim() ?? "";
  const isRemoved = ctx.params["remove"] === true;
  await beforeSend(context)();
  if (emoji === "") await sendReaction(live, target, { id, reactions: [] });
  else await changeReactions(live, target, id, { [isRemoved ? "remove" : "add"]: [emoji] });
  live.onOutbound();
  if (emoji === "") return { messageId: id, cleared: true };
  return { messageId: id, [isRemoved ? "removed" : "added"]: emoji };
}

/** Who reacted with what, of those whom policy lets in, since the account started. */
export async function reactions(context: ActionContext): Result {
  const target = targetOf(context);
  const asked = target.kind === "direct" ? bareJid(target.to) : target.room;
  if (asked) assertMayAskAbout(context, asked);
  const id = messageIdOrCurrent(context, target);
  const said = context.live.recent.find(placeOfTarget(target), id);
  if (!said) throw new Error(`no message ${id} is known there, or it was said too long ago`);
  const users = new Map<string, string[]>();
  for (const [who, emojis] of said.reactions) {
    for (const emoji of emojis) {
      users.set(emoji, [...(users.get(emoji) ?? []), reactorOf(context, target, who)]);
    }
  }
  const all = [...users].map(([emoji, who]) => ({ emoji, count: who.length, users: who }));
  return { messageId: id, reactions: all };
}

/** In a room that hides who people are, by their nick: more it shows to its moderators alone. */
function reactorOf(
  { live: { isBelieved, rooms } }: ActionContext,
  target: Target,
  senderId: string,
): string {
  if (senderId === "") return "you";
  if (target.kind === "direct" || rooms.get(target.room)?.nonAnonymous) return senderId;
  const { room } = target;
  const isIt = ({ nick }: { nick: string }) =>
    resolveSender({ kind: "room", room, nick }, rooms, isBelieved).id === senderId;
  return rooms.occupants(room).find(isIt)?.nick ?? "somebody who has left";
}

const DEFAULT_READ = 20;
const MOST_READ = 100;

/** What was said lately in the current conversation, from its archive (XEP-0313). */
export async function read(context: ActionContext): Result {
  const { account, ctx, live } = context;
  const target = targetOf(context);
  const isOperator = ctx.conversationReadOrigin === "direct-operator";
  if (!isOperator && !isCurrent(context, target)) {
    throw new ToolAuthorizationError("only the current conversation can be read");
  }
  if (target.kind === "room-private") {
    throw new Error("a private chat in a room has no archive that tells who wrote what");
  }
  if (target.kind === "room" && live.rooms.get(target.room)?.state !== "joined") {
    throw new Error(`not in room ${target.room}`);
  }
  if (!account.jid) throw new Error("the account has no JID");
  const limit = Math.min(readPositiveIntegerParam(ctx.params, "limit") ?? DEFAULT_READ, MOST_READ);
  const { isBelieved, mayHear } = live;
  const { messages, before } = await readConversation(
    { outbox: live, own: account.jid, isBelieved, mayHear },
    target,
    { limit, before: readStringParam(ctx.params, "before") },
  );
  return { messages, ...(before === undefined ? {} : { before }) };
}

/** Corrects one of our own messages (XEP-0308), the last one by default. */
export async function edit(context: ActionContext): Result {
  const { account, ctx, live } = context;
  const target = targetOf(context);
  assertWithinContext(context, target);
  const { cfg } = ctx;
  const { accountId } = account;
  const { convertMarkdownTables, resolveMarkdownTableMode } = getRuntime().channel.text;
  const tables = resolveMarkdownTableMode({ cfg, channel: CHANNEL_ID, accountId });
  const fallbackLimit = DEFAULT_TEXT_CHUNK_LIMIT;
  const textLimit = resolveTextChunkLimit(cfg, CHANNEL_ID, accountId, { fallbackLimit });
  const text = convertMarkdownTables(textOf(context), tables);
  const before = beforeSend(context);
  const id = await editOwn(live, target, messageIdOf(context), text, { textLimit }, before);
  live.onOutbound();
  return { messageId: id, edited: true };
}

/** Takes one of our own messages back (XEP-0424), the last one by default. */
export async function unsend(context: ActionContext): Result {
  const target = targetOf(context);
  assertWithinContext(context, target);
  const id = messageIdOf(context);
  const retracted = await retractOwn(context.live, target, id, beforeSend(context));
  context.live.onOutbound();
  return { messageId: retracted, unsent: true };
}

/** Sends an answer to a message (XEP-0461), by default to the one that the agent is answering. */
export async function reply(context: ActionContext): Result {
  const { account, ctx } = context;
  const target = targetOf(context);
  assertWithinContext(context, target);
  const named = readStringParam(ctx.params, "replyTo") ?? messageIdOf(context);
  const replyToId = named ?? messageIdOrCurrent(context, target);
  // What nobody knows nobody can find: the agent made it up, or it is long ago.
  referenceOf(context, target, replyToId);
  const text = textOf(context);
  const { messageId } = await sendMessage(
    {
      cfg: ctx.cfg,
      to: formatTarget(target),
      text,
      accountId: account.accountId,
      replyToId,
      threadId: readStringParam(ctx.params, "threadId") ?? null,
      ...(ctx.onPlatformSendDispatch ? { onPlatformSendDispatch: ctx.onPlatformSendDispatch } : {}),
      ...(ctx.assertDirectAdapterHandoff
        ? { assertDirectAdapterHandoff: ctx.assertDirectAdapterHandoff }
        : {}),
    },
    text,
  );
  return { messageId, replyTo: replyToId };
}

function textOf({ ctx }: ActionContext): string {
  const text =
    readStringParam(ctx.params, "message", { trim: false }) ??
    readStringParam(ctx.params, "text", { trim: false });
  if (text === undefined || text.trim() === "") throw new Error("message is missing: what to say?");
  return text;
}
