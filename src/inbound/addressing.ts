/** Whether a message speaks to the agent, by which sign, and its text without the address. */
import {
  implicitMentionKindWhen,
  resolveGroupThreadMentionFacts,
  type InboundImplicitMentionKind,
} from "openclaw/plugin-sdk/channel-inbound";
import type { ResolvedAgentRoute } from "openclaw/plugin-sdk/routing";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { findMentions, stripMention, type Mention } from "../policy/mention.ts";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import { utf16Offset } from "../protocol/xep-0426-characters.ts";
import { stripFallback } from "../protocol/xep-0428-fallback.ts";
import { REPLY } from "../protocol/xep-0461-reply.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

export type Addressing = {
  /** What was said, without the words that only address the agent, and without what it quotes to answer it. */
  text: string;
  /** The same with the words that address the agent. */
  said: string;
  /** By name, by a reference, or by one of the host's patterns. */
  wasMentioned: boolean;
  /** Signs that the operator's `implicitMentions` may switch off. */
  implicit: InboundImplicitMentionKind[];
  /** Which of the host's broadcast agents the text names. */
  groupThread?: ReturnType<typeof resolveGroupThreadMentionFacts>;
};

/** In a direct chat everything is for the agent. */
export function resolveAddressing(
  context: InboundContext,
  inbound: Pick<InboundMessage, "body" | "conversation" | "message" | "ownNick">,
  route: ResolvedAgentRoute,
): Addressing {
  const { conversation, message } = inbound;
  const body = withoutQuote(inbound);
  if (conversation.kind !== "room") {
    return { text: body, said: body, wasMentioned: false, implicit: [] };
  }
  const { room } = conversation;
  const nick = inbound.ownNick ?? "";
  // Anew for each use: it is read once.
  const others = () => context.outbox.rooms.nicks(room);
  const { isReferred, references } = referencesTo(context, message, room, nick);
  const isReply = isReplyToUs(context, message, room, nick);
  const implicit = implicitMentionKindWhen("reply_to_bot", isReply);
  // Also where it does not say what it answers.
  const said = body && stripFallback(message.body ?? "", message.fallbacks, REPLY);
  if (isReferred || findMentions(said, { nick, others: others() }).length > 0) {
    const text = stripMention(body, { nick, others: others(), references }) || body;
    return { text, said: body, wasMentioned: true, implicit };
  }
  const groupThread = resolveGroupThreadMentionFacts({
    cfg: context.cfg,
    channel: CHANNEL_ID,
    peerId: room,
    text: said,
    sessionKey: route.sessionKey,
  });
  const wasMentioned =
    (groupThread?.mentionedAgentIds.length ?? 0) > 0 || matchesPattern(context, said, room, route);
  return { text: body, said: body, wasMentioned, implicit, groupThread };
}

/** XEP-0461 §3.1: what a reply repeats for clients that do not know replies is no part of what is said. */
function withoutQuote({ body, message }: Pick<InboundMessage, "body" | "message">): string {
  if (!message.reply || body === "") return body;
  return stripFallback(message.body ?? "", message.fallbacks, REPLY).trim() || body;
}

/** XEP-0372: whether the sender mentions us, by our occupant JID or our own address, and by which parts of the text. */
function referencesTo(
  { outbox }: InboundContext,
  message: Message,
  room: BareJid,
  nick: string,
): { isReferred: boolean; references: Mention[] } {
  const own = outbox.session.jid && bareJid(outbox.session.jid);
  const toUs = message.mentions.filter(({ jid }) => jid === occupantJid(room, nick) || jid === own);
  // Ranges count the body as it was sent, with what it quotes.
  const { body = "" } = message;
  const kept = message.reply ? stripFallback(body, message.fallbacks, REPLY) : body;
  const isStripped = kept.trim() !== "" && kept !== body;
  const spoken = isStripped ? kept : body;
  const leading = spoken.length - spoken.trimStart().length;
  const references = toUs.flatMap(({ begin, end }) => {
    if (begin === undefined || end === undefined) return [];
    const quoted = isStripped ? quotedBefore(message, begin) : 0;
    const start = utf16Offset(spoken, begin - quoted) - leading;
    return [{ start, end: utf16Offset(spoken, end - quoted) - leading }];
  });
  return { isReferred: toUs.length > 0, references };
}

/** Characters of the quote that stand before the character number `at`. */
function quotedBefore({ fallbacks }: Message, at: number): number {
  const ranges = fallbacks.flatMap((each) =>
    each.for === REPLY && each.body !== "whole" ? each.body : [],
  );
  let reached = 0;
  let count = 0;
  for (const { begin, end } of ranges.toSorted((a, b) => a.begin - b.begin)) {
    if (end > at) continue;
    count += Math.max(0, end - Math.max(begin, reached));
    reached = Math.max(reached, end);
  }
  return count;
}

/** XEP-0461: by the id that the room gave to a message of ours, or to our occupant as it is called now. */
function isReplyToUs(
  { outbox }: InboundContext,
  { reply }: Message,
  room: BareJid,
  nick: string,
): boolean {
  if (!reply) return false;
  const isOurs = outbox.sent.isOurs(reply.id, room) || outbox.recent.isOurs(room, reply.id);
  return isOurs || reply.to === occupantJid(room, nick);
}

function matchesPattern(
  { cfg, runtime }: InboundContext,
  text: string,
  room: BareJid,
  { agentId }: ResolvedAgentRoute,
): boolean {
  const { mentions } = runtime.channel;
  const scope = { provider: CHANNEL_ID, conversationId: room };
  return mentions.matchesMentionPatterns(text, mentions.buildMentionRegexes(cfg, agentId, scope));
}
