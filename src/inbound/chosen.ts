/**
 * A number, or a label, in answer to choices that were offered: for the agent and its host it is the choice's value.
 * In a direct chat as long as we said nothing else since; in a room only as a reply to the message that offers them.
 */
import { offeredChoicesOf } from "../outbound/offered-choices.ts";
import { stripMention } from "../policy/mention.ts";
import { placeOfConversation } from "../outbound/recent-messages.ts";
import { stripFallback } from "../protocol/xep-0428-fallback.ts";
import { REPLY } from "../protocol/xep-0461-reply.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/** The message as if its sender had written the value; as it is where it chooses nothing. */
export function asChosen(context: InboundContext, inbound: InboundMessage): InboundMessage {
  const { accountId, outbox } = context;
  const { conversation, message } = inbound;
  const place = placeOfConversation(conversation);
  const offered = offeredChoicesOf(accountId).last(place);
  if (!offered || inbound.parts || message.body === undefined) return inbound;
  const { messageId, choices } = offered;
  const { reply } = message;
  const called = conversation.kind === "room" ? outbox.sent.nameOf(messageId) : messageId;
  const isReply = reply !== undefined && reply.id === called;
  const isNext =
    conversation.kind !== "room" &&
    reply === undefined &&
    outbox.recent.own(place).at(-1)?.ids.includes(messageId) === true;
  if (!isReply && !isNext) return inbound;
  const said = stripFallback(message.body, reply ? message.fallbacks : [], REPLY)
    .trim()
    .toLowerCase();
  const chosen = /^\d{1,2}$/.test(said)
    ? choices[Number(said) - 1]
    : choices.find(({ label }) => label.toLowerCase() === said);
  if (!chosen) return inbound;
  const { value } = chosen;
  // A bare number is no word to allow anything by; the host reads it also behind our name, and without "/".
  if (/^\s*\/?approve\s/i.test(stripMention(value, { nick: inbound.ownNick ?? "" })))
    return inbound;
  return { ...inbound, body: value, message: { ...message, body: value, fallbacks: [] } };
}
