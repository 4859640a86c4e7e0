/** What an answer refers to (XEP-0461), and what of it is repeated for clients that do not know replies. */
import type { MessageFacts, Outbox } from "./send.ts";
import type { Place } from "./recent-messages.ts";

export type Answered = Pick<MessageFacts, "reply" | "quote">;

/**
 * The message of `place` that the host or others call `id`; nothing where it is not known, or nobody else could tell
 * which one is meant.
 *
 * The quote is for people who could not tell otherwise: with `isAlwaysQuoted` it is there each time, else only
 * where something was said in between.
 */
export function answeredBy(
  { recent }: Pick<Outbox, "recent">,
  place: Place,
  id: string,
  { isAlwaysQuoted }: { isAlwaysQuoted: boolean },
): Answered {
  const said = recent.find(place, id);
  if (said?.reference === undefined) return {};
  const isQuoted = isAlwaysQuoted || !recent.isLast(place, id);
  return {
    reply: { id: said.reference, to: said.from },
    quote: isQuoted ? { text: said.text, author: said.author } : undefined,
  };
}
