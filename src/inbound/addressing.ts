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
  /** What was said, without the words that only address the agent. */
  text: string;
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
  const { conversation, body, message } = inbound;
  if (conversation.kind !== "room") return { text: body, wasMentioned: false, implicit: [] };
  const { room } = conversation;
  const nick = inbound.ownNick ?? "";
  // Anew for each use: it is read once.
  const others = () => context.outbox.rooms.nicks(room);
  const { isReferred, references } = referencesTo(context, message, room, nick);
  const isReply = isReplyToUs(context, message, room, nick);
  const implicit = implicitMentionKindWhen("reply_to_bot", isReply);
  // What a reply repeats was said before, by somebody else. Its ranges count the body as it was sent.
  const said = body && stripFallback(message.body ?? "", message.fallbacks, REPLY);
  if (isReferred || findMentions(said, { nick, others: others() }).length > 0) {
    const text = stripMention(body, { nick, others: others(), references }) || body;
    return { text, wasMentioned: true, implicit };
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
  return { text: body, wasMentioned, implicit, groupThread };
}

/** XEP-0372: whether the sender mentions us, by our occupant JID or our own address, and by which parts of the text. */
function referencesTo(
  { outbox }: InboundContext,
  { mentions, body = "" }: Message,
  room: BareJid,
  nick: string,
): { isReferred: boolean; references: Mention[] } {
  const own = outbox.session.jid && bareJid(outbox.session.jid);
  const toUs = mentions.filter(({ jid }) => jid === occupantJid(room, nick) || jid === own);
  const leading = body.length - body.trimStart().length;
  const references = toUs.flatMap(({ begin, end }) => {
    if (begin === undefined || end === undefined) return [];
    const start = utf16Offset(body, begin) - leading;
    return [{ start, end: utf16Offset(body, end) - leading }];
  });
  return { isReferred: toUs.length > 0, references };
}

/** XEP-0461: by the id that the room gave to a message of ours, or to our occupant as it is called now. */
function isReplyToUs(
  { outbox }: InboundContext,
  { reply }: Message,
  room: BareJid,
  nick: string,
): boolean {
  if (!reply) return false;
  return outbox.sent.isOurs(reply.id, room) || reply.to === occupantJid(room, nick);
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
