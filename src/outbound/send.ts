/**
 * One message to one destination over the session that is live now: handed out, confirmed by the server,
 * and, in a room, seen to arrive.
 */
import { randomUUID } from "node:crypto";
import type { Element } from "ltx";
import type { Archive } from "../client/archive.ts";
import type { Rooms } from "../client/rooms.ts";
import type { Logger, XmppSession } from "../client/types.ts";
import type { Uploads } from "../client/upload.ts";
import { XmppNotSentError, XmppStanzaError } from "../errors.ts";
import type { Limits } from "../policy/limits.ts";
import {
  decodeMessage,
  encodeMessage,
  type OutboundMessage,
  type Thread,
} from "../protocol/stanza.ts";
import { stripFallback } from "../protocol/xep-0428-fallback.ts";
import type { QuickResponse } from "../protocol/xep-0439-quick-response.ts";
import { quoteForReply, REPLY, type Reply } from "../protocol/xep-0461-reply.ts";
import { encodeMucUser, occupantJid } from "../protocol/xep-0045-muc.ts";
import { markupOfStyling } from "../protocol/xep-0394-markup.ts";
import { stripInvalidXmlChars } from "../protocol/xml-text.ts";
import { chunkText } from "./chunk.ts";
import type { Departures } from "./departures.ts";
import { toMessageStyling } from "./styling.ts";
import { placeOfTarget, type RecentMessages } from "./recent-messages.ts";
import type { SentMessages } from "./sent-messages.ts";
import { conversationOf, type Target } from "./target.ts";

/** The road out as it is now: a session, and what goes with it. */
export type Outbox = {
  session: XmppSession;
  rooms: Rooms;
  sent: SentMessages;
  recent: RecentMessages;
  archive: Archive;
  uploads: Uploads;
  departures: Departures;
  limits: Limits;
  log: Logger;
};

/** What a message has beside its text. */
export type MessageFacts = {
  thread?: Thread | undefined;
  /** What it answers (XEP-0461). */
  reply?: Reply | undefined;
  /** What that said, and who did, for clients that do not know replies; a few lines of it are in the body then. */
  quote?: { text: string; author: string | undefined } | undefined;
  /** The message that it takes the place of (XEP-0308). */
  replaceId?: string | undefined;
  /** Answers to choose from, which the text lists as well (XEP-0439). */
  responses?: readonly QuickResponse[] | undefined;
};

/**
 * Bytes that a message takes beside its text: addresses of 3 KiB each at most, ids, a prefix, how it is styled, and
 * what the server adds.
 */
const ENVELOPE_BYTES = 12 * 1024;
/** Where a server takes next to nothing, text gets this much all the same. */
const LEAST_TEXT_BYTES = 1024;

export type TextOptions = {
  /** Characters a message at most. */
  textLimit: number;
  /** Plain text before the first message; beside the limit. */
  prefix?: string | undefined;
};

/**
 * `markdown` as the texts of the messages that it takes. Where it is cut does not depend on the prefix: what
 * is left of an answer after a crash is sent without one.
 */
export function toBodies(
  { session }: Pick<Outbox, "session">,
  markdown: string,
  { prefix = "", textLimit }: TextOptions,
): string[] {
  const text = stripInvalidXmlChars(toMessageStyling(markdown));
  const { state } = session;
  const maxBytes = state.kind === "online" ? (state.facts.maxStanzaBytes ?? Infinity) : Infinity;
  const most = Math.max(LEAST_TEXT_BYTES, maxBytes - ENVELOPE_BYTES);
  const [first, ...others] = chunkText(text, textLimit, most);
  return first === undefined ? [] : [stripInvalidXmlChars(prefix) + first, ...others];
}

export function encodeBody(
  target: Target,
  id: string,
  text: string,
  { quote, replaceId, reply, responses, thread }: MessageFacts,
): Element {
  // Dino, up to 0.5, reads nothing of a correction but its text: it would show the quote as part of it.
  const isQuoted = reply && quote && replaceId === undefined;
  const { body, fallback } = isQuoted
    ? quoteForReply(text, quote)
    : { body: text, fallback: undefined };
  return encodeSaid(target, id, {
    body,
    thread,
    replaceId,
    reply,
    responses,
    fallbacks: fallback ? [fallback] : [],
    markup: markupOfStyling(body, body.length - text.length),
  });
}

/** Something said, and no mere sign: for archives, and for receipts where not everybody would send one. */
export function encodeSaid(
  target: Target,
  id: string,
  content: Omit<OutboundMessage, "to" | "type" | "id">,
): Element {
  const isDirect = target.kind === "direct";
  const message = encodeMessage({
    to: target.to,
    type: target.kind === "room" ? "groupchat" : "chat",
    id,
    originId: id,
    chatState: "active",
    receiptRequested: isDirect,
    markable: isDirect,
    hints: ["store"],
    ...content,
  });
  if (target.kind === "room-private") message.append(encodeMucUser());
  return message;
}

/**
 * Sends a message when it is its turn. `beforeSend` is awaited right before it is written.
 *
 * @throws XmppNotSentError it did not arrive: offline, the room not joined, the occupant gone
 * @throws XmppStanzaError it came back: nobody of that name, no voice in the room, …
 * @throws XmppUnconfirmedError the connection ended before the server confirmed it
 */
export async function sendMessage(
  { session, rooms, sent, recent, departures, limits }: Outbox,
  target: Target,
  message: Element,
  beforeSend?: () => Promise<void> | void,
): Promise<void> {
  const id = String(message.attrs["id"]);
  await departures.pace(conversationOf(target), limits.sendsPerSecond);
  assertReachable(rooms, target);
  await beforeSend?.();
  sent.add(id, target.to, target.kind);
  noteOwn({ recent, rooms, sent }, target, message);
  await session.send(message);
  if (target.kind === "room") await sent.returned(id);
  sent.assertNotRefused(id);
}

/**
 * Sends `markdown` at once, in order, as as many messages as it takes: for what is not worth waiting.
 * @throws as `sendMessage`; what had been sent before is not told
 */
export async function sendText(
  outbox: Outbox,
  target: Target,
  markdown: string,
  { textLimit, prefix, ...facts }: MessageFacts & TextOptions,
): Promise<void> {
  for (const body of toBodies(outbox, markdown, { textLimit, prefix })) {
    await sendMessage(outbox, target, encodeBody(target, randomUUID(), body, facts));
  }
}

/** What it says is quoted, where somebody answers it. */
function noteOwn(
  { recent, rooms, sent }: Pick<Outbox, "recent" | "rooms" | "sent">,
  target: Target,
  element: Element,
): void {
  const { body, fallbacks, fileShares, id, isAboutAnother, replaceId, reply, thread } =
    decodeMessage(element);
  if (body === undefined || id === undefined || isAboutAnother) return;
  const isOfRoom = target.kind !== "direct";
  const nick = isOfRoom ? rooms.get(target.room)?.nick : undefined;
  recent.add(placeOfTarget(target), {
    // Of an answer that grew in a room, nothing else knows what the room called its first state.
    ids: [id, replaceId, replaceId && sent.nameOf(replaceId)].filter((each) => each !== undefined),
    reference: target.kind === "room" ? undefined : (replaceId ?? id),
    firstId: replaceId ?? id,
    thread,
    reply,
    isFile: fileShares.length > 0,
    from: isOfRoom && nick !== undefined ? occupantJid(target.room, nick) : undefined,
    senderId: undefined,
    author: nick ?? "",
    text: stripFallback(body, fallbacks, REPLY),
  });
}

/** XEP-0045 §7.5 and §7.4: only an occupant may send to a room, and only to occupants privately. */
function assertReachable(rooms: Rooms, target: Target): void {
  if (target.kind === "direct") return;
  const room = rooms.get(target.room);
  if (room?.state !== "joined") {
    const why = room?.reason ? `: ${room.reason}` : "";
    throw new XmppNotSentError(
      room
        ? `not in room ${target.room} (${room.state}${why})`
        : `not in room ${target.room}; add it to channels.xmpp.rooms`,
    );
  }
  if (target.kind === "room") return;
  const occupant = rooms.occupant(target.room, target.nick);
  if (!occupant) {
    throw new XmppNotSentError(`nobody called "${target.nick}" is in room ${target.room}`);
  }
  if (target.stay !== undefined && occupant.stay !== target.stay) {
    throw new XmppNotSentError(
      `"${target.nick}" in room ${target.room} is not, or not provably, who wrote`,
    );
  }
}

/** Whether the sender is asked to come back later, and with less. */
export function isTooMuch({ type, condition }: XmppStanzaError): boolean {
  return (
    (type === "wait" && condition !== "remote-server-timeout") ||
    condition === "policy-violation" ||
    condition === "resource-constraint"
  );
}
