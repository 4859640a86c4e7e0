/** What an answer to a turn has beside its text: thread, reference, name, and the message that it takes the place of. */
import type { OutboundReplyPayload } from "openclaw/plugin-sdk/reply-payload";
import { placeOfConversation } from "../outbound/recent-messages.ts";
import type { ReplyFacts } from "../outbound/reply-facts.ts";
import { answeredBy, type Answered } from "../outbound/reply-quote.ts";
import { configuredReplyMode } from "../policy/reply-mode.ts";
import type { ResolvedRoom } from "../policy/room.ts";
import type { LiveTurn } from "./live-turn.ts";
import { authorOf, referenceOf } from "./said.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/**
 * What an answer has beside its text. The first of a turn also says whom it is for; it is asked for twice
 * where the host could not keep the answer on disk. What the answer refers to says the host (`replyToMode`), by our
 * `messageId`, or the agent by the id of another message.
 */
export function createReplyFacts(
  { outbox, settings }: InboundContext,
  inbound: InboundMessage,
  room: ResolvedRoom | undefined,
  live: LiveTurn | undefined,
) {
  const { conversation, message, messageId, sender } = inbound;
  const { limits } = outbox;
  const place = placeOfConversation(conversation);
  const chatType = conversation.kind === "room" ? "group" : "direct";
  const isAlwaysQuoted = configuredReplyMode(settings, chatType) !== undefined;
  const known = new WeakMap<object, ReplyFacts>();
  let isFirst = true;
  const answered = (replyToId: string | undefined): Answered => {
    if (replyToId === undefined) return {};
    const found = answeredBy(outbox, place, replyToId, { isAlwaysQuoted });
    if (found.reply || replyToId !== messageId) return found;
    // Too much was said since.
    const id = referenceOf(inbound);
    return id === undefined ? {} : { reply: { id, to: authorOf(inbound) } };
  };
  const create = (
    { replyToId, text = "" }: OutboundReplyPayload,
    kind: string,
    speaker: string | undefined,
  ): ReplyFacts => {
    const words = [
      ...(isFirst && room?.replyWithNick ? [`${sender.label}:`] : []),
      ...(speaker ? [`[${speaker}]`] : []),
    ];
    isFirst = false;
    // Clients show the URL of a file that takes a text's place, and not the file.
    const preview = kind === "final" && text.trim() !== "" ? live : undefined;
    preview?.claim();
    let taken: Promise<string | undefined> | undefined;
    return {
      thread: message.thread,
      patienceMs: limits.offlineMinutes * 60_000,
      prefix: words.length > 0 ? `${words.join(" ")} ` : undefined,
      ...answered(replyToId),
      ...(kind === "final" ? { takePreview: () => (taken ??= take(preview)) } : {}),
      ...(preview ? { clearReplaced: preview.clear } : {}),
    };
  };
  return (payload: OutboundReplyPayload, kind: string, speaker: string | undefined): ReplyFacts => {
    const facts = known.get(payload) ?? create(payload, kind, speaker);
    known.set(payload, facts);
    return facts;
  };
}

const take = async (live: LiveTurn | undefined) => await live?.take();
