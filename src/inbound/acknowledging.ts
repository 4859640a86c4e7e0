/**
 * Receipts (XEP-0184) and read markers (XEP-0333) for what was said to the agent.
 *
 * | what      | when                                                   | to whom                                  |
 * | --------- | ------------------------------------------------------ | ---------------------------------------- |
 * | receipt   | it is on disk, and policy lets its sender speak        | the device that asked, in a direct chat  |
 * | displayed | the agent has taken it up                              | the person; or a room where everybody knows everybody (members only, real JIDs shown) |
 *
 * Nobody else hears anything, and neither does a copy of what came before: it ends at the disk. What was said while
 * we were away is received for the first time when it is fetched (XEP-0184 §5.4), so that it is answered as well;
 * older than that nothing is taken up.
 */
import { postDisplayed, postReceipt } from "../outbound/acknowledgements.ts";
import { replyTarget } from "../outbound/reply-target.ts";
import type { Outbox } from "../outbound/send.ts";
import type { Message } from "../protocol/stanza.ts";
import type { Hint } from "../protocol/xep-0334-hints.ts";
import type { InboundMessage } from "./types.ts";

/** A message that the host puts off comes here again. */
const REMEMBERED = 1_000;

export type Acknowledging = {
  /** Policy said yes. */
  received(outbox: Outbox, inbound: InboundMessage, eventId: string): void;
  /** The agent works on it. */
  displayed(outbox: Outbox, inbound: InboundMessage): void;
};

export function createAcknowledging(mayTellRead: () => boolean): Acknowledging {
  const told = new Set<string>();

  function isFirst(key: string): boolean {
    if (told.has(key)) return false;
    told.add(key);
    const [oldest] = told;
    if (told.size > REMEMBERED && oldest !== undefined) told.delete(oldest);
    return true;
  }

  return {
    received(outbox, { conversation, message, parts }, eventId) {
      if (conversation.kind !== "direct") return;
      for (const part of parts ?? [{ eventId, message }]) {
        const { from, id, hints, receiptRequest } = part.message;
        if (!receiptRequest || !from || id === undefined || !isFirst(part.eventId)) continue;
        postReceipt(outbox, from.full, id, storing(hints));
      }
    },
    displayed(outbox, { conversation, message, parts, reference, sender }) {
      if (!mayTellRead() || conversation.kind === "room-private") return;
      const last = (parts?.map((part) => part.message) ?? [message]).findLast(isMarkable);
      if (!last) return;
      if (conversation.kind === "room" && !isAmongFriends(outbox, conversation.room)) return;
      const id = conversation.kind === "room" ? reference : last.id;
      if (id === undefined) return;
      postDisplayed(outbox, replyTarget(conversation, sender.stay), id, storing(last.hints));
    },
  };
}

const isMarkable = (message: Message) => message.isMarkable;

/** XEP-0333 §6: who has read what is nobody's business where strangers come and go. */
function isAmongFriends({ rooms }: Outbox, room: Parameters<Outbox["rooms"]["get"]>[0]): boolean {
  const { membersOnly, nonAnonymous } = rooms.get(room) ?? {};
  return membersOnly === true && nonAnonymous === true;
}

/** XEP-0334 §4.4: the person's other devices learn it from the archive, unless the message is to be in none. */
function storing(hints: readonly Hint[]): Hint[] {
  return hints.includes("no-store") || hints.includes("no-permanent-store")
    ? ["no-store"]
    : ["store"];
}
