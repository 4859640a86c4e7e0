/**
 * What waits for its turn, for the operator to look at and to clear.
 *
 * Nothing is taken out by looking. What is cleared is marked first, in the database, so that its turn does not come
 * whoever holds it now and whatever crashes (see revisions.ts); what nobody holds is completed at once, which makes
 * room for others. Either way it stays known by its ids: a copy of it is a copy, and is not taken up.
 */
import type { Logger } from "../client/types.ts";
import { wordsOf } from "../policy/attached-files.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import type { MessageQueue } from "./ingress-queue.ts";
import type { Revisions } from "./revisions.ts";
import { reviveMessage, type StoredMessage } from "./stored-message.ts";
import type { Tally } from "./tally.ts";

export type WaitingMessage = {
  /** The person or the room; for what an occupant wrote privately, the occupant's address. */
  conversation: BareJid | FullJid;
  /** Who wrote it: a JID, or in rooms the nick. */
  from: string;
  /** ms since the epoch. */
  receivedAt: number;
  /** How often it was tried. */
  attempts: number;
  /** "queued": nobody has taken it up; "held": it waits for the turn before it; "begun": the agent gets it now. */
  state: "queued" | "held" | "begun";
  /** The first of its text; undefined where it is encrypted, or cannot be read. */
  text?: string | undefined;
};

export type WaitingMessages = {
  /**
   * How many there are, and since when the first waits (ms since the epoch). Reads none of what they say: status asks
   * often, and much may wait.
   */
  count(): Promise<{ waiting: number; oldestAt?: number }>;
  /** The oldest first. */
  list(): Promise<WaitingMessage[]>;
  /**
   * Takes them out, all or those of one conversation. They are not answered, and are counted and logged.
   * @returns `kept`: those whose turn has begun
   */
  clear(conversation?: string): Promise<{ cleared: number; kept: number }>;
};

const MAX_TEXT = 500;

export function createWaitingMessages(params: {
  queue: Pick<MessageQueue, "listPending" | "listClaims" | "complete">;
  revisions: Pick<Revisions, "clear" | "isSettled" | "replacedAmong">;
  tally: Tally;
  log: Logger;
}): WaitingMessages {
  const { queue, revisions, tally, log } = params;

  /** A message may be taken up between the two readings: it is in both then, and counts as held. */
  async function find() {
    const pending = await queue.listPending({ limit: "all" });
    const claims = await queue.listClaims();
    const held = new Set(claims.map(({ id }) => id));
    const all = [
      ...pending.filter(({ id }) => !held.has(id)).map((record) => ({ record, isHeld: false })),
      ...claims.map((record) => ({ record, isHeld: true })),
    ];
    const replaced = revisions.replacedAmong(all.map(({ record }) => record.id));
    return all.filter(({ record }) => !replaced.has(record.id));
  }

  async function read() {
    return (await find())
      .flatMap(({ record, isHeld }) => {
        const message = storedIn(record);
        return message ? { record, isHeld, message, conversation: placeOf(message) } : [];
      })
      .toSorted((one, other) => one.record.receivedAt - other.record.receivedAt);
  }

  return {
    async count() {
      const found = await find();
      const oldestAt = Math.min(...found.map(({ record }) => record.receivedAt));
      return { waiting: found.length, ...(found.length > 0 ? { oldestAt } : {}) };
    },
    async list() {
      return (await read()).map(({ record, isHeld, message, conversation }) => ({
        conversation,
        from: message.inbound.sender.label,
        receivedAt: record.receivedAt,
        attempts: record.attempts,
        state: isHeld ? (revisions.isSettled(record.id) ? "begun" : "held") : "queued",
        // For who asks: to read the stanza takes longer than all the rest.
        get text() {
          return textOf(message);
        },
      }));
    },
    async clear(only) {
      let cleared = 0;
      let kept = 0;
      const conversations = new Set<string>();
      for (const { record, isHeld, conversation } of await read()) {
        if (only !== undefined && conversation !== only) continue;
        if (!revisions.clear(record.id)) {
          kept += 1;
          continue;
        }
        cleared += 1;
        conversations.add(conversation);
        // Where somebody took it up meanwhile, it ends by its mark.
        if (!isHeld) await queue.complete(record.id);
      }
      if (cleared > 0) {
        tally.add("cleared", cleared);
        const places = [...conversations].join(", ");
        log.warn(`the operator cleared ${cleared} message(s), which are not answered: ${places}`);
      }
      return { cleared, kept };
    },
  };
}

/** Undefined where it was taken up and answered meanwhile, or is not ours to read. */
function storedIn(record: { payload: { message: StoredMessage } }): StoredMessage | undefined {
  try {
    const { message } = record.payload;
    return typeof message?.inbound?.conversation?.kind === "string" ? message : undefined;
  } catch {
    return undefined;
  }
}

function placeOf({ inbound: { conversation } }: StoredMessage): BareJid | FullJid {
  if (conversation.kind === "direct") return conversation.peer;
  return conversation.kind === "room" ? conversation.room : conversation.occupant;
}

function textOf(stored: StoredMessage): string | undefined {
  if (stored.inbound.isEncrypted) return undefined;
  try {
    const { message } = reviveMessage(stored);
    const text = wordsOf(message, stored.inbound.body).trim() || stored.inbound.body;
    return text.slice(0, MAX_TEXT).toWellFormed();
  } catch {
    return undefined; // unreadable, as its turn will find, too: the list goes on without its words
  }
}
