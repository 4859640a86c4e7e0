/**
 * Whether a message of ours that nobody confirmed has arrived after all: the archive knows (XEP-0313).
 *
 * | to            | archive           | not found means                                             |
 * | ------------- | ----------------- | ----------------------------------------------------------- |
 * | a person      | our own account's | it did not arrive, where all messages to them are archived  |
 * | a room        | the room's        | it did not arrive                                           |
 * | an occupant   | our own account's | nothing: servers need not archive these                     |
 *
 * It is only asked over a later login. By then the server has ended the earlier stream, which had the same
 * resource, and handles nothing of it any more; and what had gone on to a room came there before our
 * presence did.
 */
import type { Element } from "ltx";
import type { Rooms } from "../client/rooms.ts";
import type { XmppSession } from "../client/types.ts";
import { XmppStanzaError } from "../errors.ts";
import { attribute } from "../protocol/element.ts";
import { bareJid, parseJid, type BareJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { decodeMessage } from "../protocol/stanza.ts";
import { decodeOriginId } from "../protocol/xep-0359-ids.ts";
import { stripFallback } from "../protocol/xep-0428-fallback.ts";
import { archivesAll, encodePreferencesRequest } from "../protocol/xep-0441-preferences.ts";
import { REPLY } from "../protocol/xep-0461-reply.ts";
import type { Outbox } from "./send.ts";
import { conversationOf, type Target } from "./target.ts";

/** Our clock may be so far ahead of the server's, in ms: it must not hide a message that arrived. */
const CLOCK_SKEW_MS = 24 * 60 * 60_000;
/** Messages that are looked through at most; a room may be busy. */
const MOST_MESSAGES = 2_000;

export type Evidence = {
  /** Those of the ids that are in the archive. */
  arrived: Set<string>;
  /** Whether the others are known not to have arrived. */
  isConclusive: boolean;
};

const NOTHING: Evidence = { arrived: new Set(), isConclusive: false };

/**
 * @param isOurs whether an id is one of those in question
 * @param since when the first of them may have been sent, by our clock
 * @throws XmppConnectionError, XmppNotSentError, XmppStanzaError ("wait") when there is no answer: it may be
 *   asked again
 */
export async function findEvidence(
  { session, rooms, archive }: Pick<Outbox, "session" | "rooms" | "archive">,
  target: Target,
  isOurs: (id: string) => boolean,
  since: Date,
): Promise<Evidence> {
  const peer = conversationOf(target);
  const of = target.kind === "room" ? target.room : undefined;
  if (!(await archive.isAvailable(of))) return NOTHING;
  const start = new Date(since.getTime() - CLOCK_SKEW_MS);
  const arrived = new Set<string>();
  let read = 0;
  let hasWitness = false;
  let isForged = false;
  try {
    const query = of ? { of, start } : { with: peer, start };
    // From the end, where a message of late is.
    for await (const { messages } of archive.pages({ ...query, before: "", pageSize: 100 })) {
      for (const { message } of messages) {
        const id = decodeOriginId(message) ?? attribute(message, "id");
        const isKnown = id !== undefined && isOurs(id);
        if (isFromUs(message, session, of && rooms)) {
          hasWitness = true;
          if (isKnown) arrived.add(id);
        } else isForged ||= isKnown;
      }
      read += messages.length;
      if (read > MOST_MESSAGES) return { arrived, isConclusive: false };
    }
  } catch (error) {
    if (!isRefused(error)) throw error;
    return { arrived, isConclusive: false };
  }
  const isComplete =
    of !== undefined ||
    (target.kind === "direct" && (hasWitness || (await archivesEverything(session, peer))));
  // Somebody else's message with such an id: theirs, or ours under a nick that we had then.
  return { arrived, isConclusive: isComplete && !isForged };
}

/**
 * Whether we have said `text` there after a message, in whole or at least how it begins.
 * @param after the archive's id of that message
 * @param others what else may have been said since: each of them that begins or reads the same stands for one message
 * @returns false also where there is no archive, or it does not have that message
 * @throws as `findEvidence`
 */
export async function hasSaid(
  { session, rooms, archive }: Pick<Outbox, "session" | "rooms" | "archive">,
  target: Target,
  after: string,
  text: string,
  others: readonly string[] = [],
): Promise<boolean> {
  const of = target.kind === "room" ? target.room : undefined;
  if (!(await archive.isAvailable(of))) return false;
  const words = wordsOf(text);
  // The first of several messages; or with the nick of whom it is for in front.
  const isLike = (body: string) => words.startsWith(body) || body.endsWith(words);
  // What has no words at all, a smile for one, is not looked at below either.
  let expected = others.map(wordsOf).filter((body) => body !== "" && isLike(body)).length;
  let read = 0;
  try {
    const query = of ? { of, after } : { with: conversationOf(target), after };
    for await (const { messages } of archive.pages({ ...query, pageSize: 100 })) {
      for (const { message } of messages) {
        const { body: said = "", chatState, fallbacks } = decodeMessage(message);
        const body = wordsOf(stripFallback(said, fallbacks, REPLY));
        if (body === "" || !isFromUs(message, session, of && rooms)) continue;
        // How it was seen growing (live-answer.ts), of an archive that does not heed "no-store".
        if (chatState === "composing") continue;
        if (isLike(body) && expected-- === 0) return true;
      }
      read += messages.length;
      if (read > MOST_MESSAGES) return false;
    }
  } catch (error) {
    if (!isRefused(error)) throw error;
  }
  return false;
}

/** Without what styling changes. */
const wordsOf = (text: string): string => text.replace(/[^\p{L}\p{N}]/gu, "");

function isFromUs(message: Element, { jid }: XmppSession, rooms: Rooms | undefined): boolean {
  const from = parseJid(attribute(message, "from") ?? "");
  if (!from) return false;
  if (!rooms) return from.bare === bareJid(jid ?? "");
  return from.resource !== undefined && rooms.isReflection(from.bare, from.resource);
}

/** Whether the account's settings have all messages with `peer` archived; false where nobody says so. */
async function archivesEverything(session: XmppSession, peer: BareJid): Promise<boolean> {
  try {
    const answer = await session.request(encodeRequest("get", encodePreferencesRequest()));
    return archivesAll(answer, peer);
  } catch (error) {
    if (!isRefused(error)) throw error;
    return false;
  }
}

/** It will not say; an error of the type "wait" (RFC 6120 §8.3.2) means: not now. */
const isRefused = (error: unknown): boolean =>
  error instanceof XmppStanzaError && error.type !== "wait";
