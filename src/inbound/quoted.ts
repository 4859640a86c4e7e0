/** What a message answers (XEP-0461), for the agent: the text from our own memory, else what the sender quotes of it. */
import { placeOfConversation } from "../outbound/recent-messages.ts";
import { cutRanges, type CharacterRange } from "../protocol/xep-0426-characters.ts";
import { REPLY } from "../protocol/xep-0461-reply.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

export type QuotedFacts = {
  /** The host's name for it, as far as it has one. */
  id: string;
  body?: string;
  sender?: string;
  isQuote: true;
  /** It was said by us, or by somebody whom policy admits. Whose words the sender quotes, nobody knows. */
  senderAllowed: boolean;
};

const MAX_QUOTE = 2_000;

/** Undefined where it answers nothing. */
export function quotedBy(
  { outbox }: Pick<InboundContext, "outbox">,
  { conversation, message }: Pick<InboundMessage, "conversation" | "message">,
): QuotedFacts | undefined {
  const { reply } = message;
  if (!reply) return undefined;
  const said = outbox.recent.find(placeOfConversation(conversation), reply.id);
  if (said) {
    const sender = said.senderId === undefined ? "you" : said.author;
    return { id: reply.id, body: said.text, sender, isQuote: true, senderAllowed: true };
  }
  const quote = quoteIn(message);
  // Whose words these are is the sender's word: so it is their quote, of nobody in particular.
  return { id: reply.id, ...(quote ? { body: quote } : {}), isQuote: true, senderAllowed: false };
}

/** The fallback's text, without the marks of quoting. */
function quoteIn({ body = "", fallbacks }: InboundMessage["message"]): string {
  const ranges = fallbacks.flatMap((each) =>
    each.for === REPLY && each.body !== "whole" ? each.body : [],
  );
  const length = Array.from(body).length;
  return cutRanges(body, complement(ranges, length))
    .split("\n")
    .map((line) => line.replace(/^>\s?/, ""))
    .join("\n")
    .trim()
    .slice(0, MAX_QUOTE)
    .toWellFormed();
}

/** All that is in none of the ranges. Those beyond the end count another text. */
function complement(ranges: readonly CharacterRange[], length: number): CharacterRange[] {
  const within = ranges.filter(({ end }) => end <= length);
  const gaps: CharacterRange[] = [];
  let at = 0;
  for (const { begin, end } of within.toSorted((a, b) => a.begin - b.begin)) {
    if (begin > at) gaps.push({ begin: at, end: begin });
    at = Math.max(at, end);
  }
  if (at < length) gaps.push({ begin: at, end: length });
  return gaps;
}
