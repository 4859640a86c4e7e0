/**
 * What was taken back (XEP-0424) or corrected (XEP-0308) while we were away, in the same reading of our account's
 * archive. What is handed on is taken up at once: without a look ahead the agent would do what nobody wants any more.
 */
import type { ArchivedMessage } from "../client/archive.ts";
import { decodeMessage } from "../protocol/stanza.ts";
import { correctedBy } from "./revisions.ts";

/**
 * Without those that a later message of the same account takes back or replaces. The later ones stay: they may concern
 * what came before the reading as well.
 * @param messages of direct chats, the oldest first
 */
export function withoutReplaced(messages: readonly ArchivedMessage[]): ArchivedMessage[] {
  const replaced = new Set<ArchivedMessage>();
  const known = new Map<string, ArchivedMessage>();
  for (const each of messages) {
    const message = decodeMessage(each.message);
    const { from, id, originId, retraction } = message;
    const nameOf = (name: string) => JSON.stringify([from?.bare, name]);
    const corrected = correctedBy(message);
    const other = retraction?.id ?? corrected;
    const target = other === undefined ? undefined : known.get(nameOf(other));
    if (target) replaced.add(target);
    if (message.isAboutAnother) continue;
    // Its later corrections name the first version as well.
    for (const name of [id, originId, corrected]) {
      if (name !== undefined) known.set(nameOf(name), each);
    }
  }
  return messages.filter((each) => !replaced.has(each));
}
