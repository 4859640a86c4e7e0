/**
 * What somebody says about a message of theirs: that it should read otherwise (XEP-0308), or was never said (XEP-0424),
 * and what a room takes away (XEP-0425).
 *
 * | the message               | its correction                         | its retraction                |
 * | ------------------------- | -------------------------------------- | ----------------------------- |
 * | waits for its turn        | takes its place, and is its turn       | it is not taken up, counted   |
 * | was taken up              | is an event for the agent, no turn; a stop that is obeyed stops | an event; forgotten as context |
 * | was context in a room     | stands there instead, or is a turn where it now addresses the agent | forgotten |
 * | was said more than a day ago | is an event for the agent, no turn | nothing                       |
 * | is not known              | is a message as any other              | nothing                       |
 *
 * The correction is stored like any message, next to what it corrects, and that is marked in the same
 * transaction. What is marked ends when its turn comes: so there is one turn, whatever crashes in between.
 * The sender is part of the name by which a message is known, so that nobody reaches what somebody else said.
 */
import { createHash } from "node:crypto";
import { placeOfConversation } from "../outbound/recent-messages.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import type { EventNames } from "../state/event-names.ts";
import type { MessageQueue } from "./ingress-queue.ts";
import { authorKeys } from "./sender.ts";
import type { StoredMessage } from "./stored-message.ts";
import type { InboundMessage } from "./types.ts";

/** How long ago a message may have come that somebody takes back, ms. */
const LONGEST_MS = 24 * 60 * 60_000;
/** Messages of which it is known what became of them. */
const REMEMBERED = 2_000;

type Author = Pick<InboundMessage, "conversation" | "sender">;

export type Retracted = {
  event: string;
  /** "waiting": its turn does not come; "taken": the agent may have read it. */
  was: "waiting" | "taken";
};

export type Revisions = {
  /** Where a correction is stored: in the place of what it corrects, or at the end. */
  place(
    message: StoredMessage,
    corrects: string | undefined,
    author: Author,
  ): Promise<{ message: StoredMessage; receivedAt?: number }>;
  /** That a message is not to be taken up; undefined where none has one of these names. */
  retract(called: readonly string[]): Promise<Retracted | undefined>;
  /**
   * That a message is not to be taken up, because the operator says so.
   * @returns false where its turn has begun, or will not come anyway
   */
  clear(eventId: string): boolean;
  /** Whether it was that. */
  isCleared(eventId: string): boolean;
  /** Whether a message that waited was corrected, taken back or cleared since. */
  isReplaced(eventId: string): boolean;
  /** Those of the messages of which `isReplaced` is true, at one go. */
  replacedAmong(eventIds: readonly string[]): ReadonlySet<string>;
  /** The agent is given the message, or it is context for it. */
  isSettled(eventId: string): boolean;
  /** The message is asked about; nothing has become of it. */
  open(eventId: string): void;
  /** The agent is given these messages, or they are context for it. */
  settle(eventIds: readonly string[], as: "turn" | "context"): void;
  /** What to make of a correction now. */
  fate(revises: readonly string[]): "turn" | "context" | "event";
};

export function createRevisions(
  queue: Pick<MessageQueue, "listClaims" | "listPending">,
  names: EventNames,
  now: () => number,
): Revisions {
  const settled = new Map<string, "turn" | "context">();

  async function findWaiting(eventId: string) {
    if (names.isReplaced(eventId)) return undefined;
    const [pending, claims] = await Promise.all([
      queue.listPending({ limit: "all" }),
      queue.listClaims(),
    ]);
    const isIt = ({ id }: { id: string }) => id === eventId;
    return pending.find(isIt) ?? (settled.has(eventId) ? undefined : claims.find(isIt));
  }

  function findFirst(called: readonly string[], since: number): string | undefined {
    for (const name of called) {
      const event = names.find(name, since);
      if (event !== undefined) return event;
    }
    return undefined;
  }

  return {
    async place(message, corrects, author) {
      if (corrects === undefined) return { message };
      const called = namesBy(author, corrects);
      // Its later corrections name the first version as well, whether we know that or not.
      const named = { ...message, names: [...(message.names ?? []), ...called] };
      // However long ago: what is done with must not be done again, because a letter of it was wrong.
      const event = findFirst(called, 0);
      if (event === undefined) return { message: named };
      const waiting = await findWaiting(event);
      const before = waiting?.payload.message.inbound.revises ?? [];
      const revised = {
        ...named,
        replaces: waiting ? [event] : [],
        inbound: { ...message.inbound, revises: [...before, event] },
      };
      // One that now says stop goes where stops go.
      if (waiting?.laneKey !== message.lane) return { message: revised };
      return { message: revised, receivedAt: waiting.receivedAt };
    },
    async retract(called) {
      const event = findFirst(called, now() - LONGEST_MS);
      if (event === undefined) return undefined;
      const waiting = await findWaiting(event);
      // Its turn may have begun meanwhile.
      if (!waiting || settled.has(event)) {
        return names.isReplaced(event) ? undefined : { event, was: "taken" };
      }
      names.replace(event, undefined);
      return { event, was: "waiting" };
    },
    clear(eventId) {
      if (settled.has(eventId) || names.isReplaced(eventId)) return false;
      names.clear(eventId);
      return true;
    },
    isCleared: names.isCleared,
    isReplaced: names.isReplaced,
    replacedAmong: names.replacedAmong,
    isSettled: (eventId) => settled.has(eventId),
    open: (eventId) => void settled.delete(eventId),
    settle(eventIds, as) {
      for (const eventId of eventIds) settled.set(eventId, as);
      for (const oldest of settled.keys()) {
        if (settled.size <= REMEMBERED) break;
        settled.delete(oldest);
      }
    },
    fate(revises) {
      const fates = new Set(
        revises.map((eventId) => {
          const known = settled.get(eventId);
          if (known) return known;
          return names.isReplaced(eventId) ? undefined : "turn";
        }),
      );
      if (fates.has("turn")) return "event";
      return fates.has("context") ? "context" : "turn";
    },
  };
}

/** All names by which its own sender, or a room, may mean a message. */
export function namesOf({ conversation, sender, message, reference }: InboundMessage): string[] {
  const author = { conversation, sender };
  const ids = [message.id, message.originId, reference].filter((id) => id !== undefined);
  const own = [...new Set(ids)].flatMap((id) => namesBy(author, id));
  const isOfRoom = conversation.kind === "room" && reference !== undefined;
  return isOfRoom ? [...own, roomsNameOf(conversation.room, reference)] : own;
}

/** The names of what `author` calls `id`. */
export function namesBy(author: Author, id: string): string[] {
  const place = placeOfConversation(author.conversation);
  return authorKeys(author).map((each) => digest([place, each, id]));
}

/** The name of what a room calls `id`, whoever said it. */
export const roomsNameOf = (room: BareJid, id: string): string => digest([room, id]);

/** Corrections are of messages with a text only: what is encrypted says nothing about another. */
export const correctedBy = ({
  encryption,
  replaceId,
  isAboutAnother,
}: Message): string | undefined => (isAboutAnother || encryption ? undefined : replaceId);

function digest(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("base64url");
}
