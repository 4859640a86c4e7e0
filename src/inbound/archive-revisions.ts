/**
 * What was taken back (XEP-0424), corrected (XEP-0308) or moderated (XEP-0425) while we were away, in the same reading of
 * an archive. What is handed on is taken up at once: without a look ahead the agent would do what nobody wants any more.
 */
import type { ArchivedMessage } from "../client/archive.ts";
import { decodeMessage, type Message } from "../protocol/stanza.ts";
import { correctedBy } from "./revisions.ts";

/** By which ids a server vouches for who wrote it; none where nobody does, and it is nobody's to change. */
export type AuthorsOf = (message: Message) => readonly string[];

/**
 * Without those that a later message of the same author, or of the room itself, takes back or replaces. The later ones
 * stay: they may concern what came before the reading as well.
 * @param messages of direct chats, or of one room; the oldest first
 */
export function withoutReplaced(
  messages: readonly ArchivedMessage[],
  authorsOf: AuthorsOf,
): ArchivedMessage[] {
  const replaced = new Set<ArchivedMessage>();
  const known = new Map<string, ArchivedMessage>();
  const namesOf = new Map<ArchivedMessage, readonly string[]>();
  for (const each of messages) {
    const message = decodeMessage(each.message);
    const { id, moderation, originId, retraction } = message;
    const authors = authorsOf(message);
    const called = (name: string) => authors.map((author) => JSON.stringify([author, name]));
    const corrected = correctedBy(message);
    const other = retraction?.id ?? corrected;
    const meant = moderation
      ? [nameByRoom(moderation.id)]
      : other === undefined
        ? []
        : called(other);
    const target = meant.map((name) => known.get(name)).find(Boolean);
    if (target) replaced.add(target);
    if (message.isAboutAnother || moderation) continue;
    // Later ones name the first version as well, whether it was read or not.
    const own = [id, originId, corrected, each.id].filter((name) => name !== undefined);
    const earlier = (target && namesOf.get(target)) ?? [];
    const names = [...own.flatMap(called), nameByRoom(each.id), ...earlier];
    namesOf.set(each, names);
    for (const name of names) known.set(name, each);
  }
  return messages.filter((each) => !replaced.has(each));
}

/** Only the room itself says so, whoever the author is. */
const nameByRoom = (id: string): string => JSON.stringify([id]);
