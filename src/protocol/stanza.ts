/**
 * Messages as values: RFC 6121 §5, https://www.rfc-editor.org/rfc/rfc6121#section-5
 * The extensions that any road through the plugin needs are decoded here with them.
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { parseJid, type FullJid, type Jid } from "./jid.ts";
import { decodeStanzaError, encodeStanzaError, type StanzaError } from "./rfc-6120-stanza-error.ts";
import { decodeInvitation, hasMucUser, type Invitation } from "./xep-0045-invitation.ts";
import { type ArchivedAuthor, decodeArchivedAuthor } from "./xep-0045-muc.ts";
import { decodeOobUrls, encodeOobUrl } from "./xep-0066-oob.ts";
import { decodeLocation, encodeLocation, type Location } from "./xep-0080-location.ts";
import { decodeChatState, encodeChatState, type ChatState } from "./xep-0085-chat-states.ts";
import {
  decodeReceipt,
  encodeReceipt,
  encodeReceiptRequest,
  hasReceiptRequest,
} from "./xep-0184-receipts.ts";
import { decodeDelays, type Delay } from "./xep-0203-delay.ts";
import { hasForwarded } from "./xep-0280-carbons.ts";
import { decodeReplaceId, encodeReplaceId } from "./xep-0308-correction.ts";
import {
  decodeMarker,
  encodeDisplayed,
  encodeMarkable,
  hasMarkable,
  type Marker,
} from "./xep-0333-markers.ts";
import { decodeHints, encodeHint, type Hint } from "./xep-0334-hints.ts";
import { decodeOriginId, decodeStanzaIds, encodeOriginId, type StanzaId } from "./xep-0359-ids.ts";
import { decodeMentions, type Mention } from "./xep-0372-references.ts";
import { decodeEncryption, type Encryption } from "./xep-0380-eme.ts";
import { hasUnstyled } from "./xep-0393-styling.ts";
import { decodeMarkup, encodeMarkup, type Markup } from "./xep-0394-markup.ts";
import { decodeMediaShares } from "./xep-0385-media-sharing.ts";
import { decodeOccupantId } from "./xep-0421-occupant-id.ts";
import {
  decodeRetraction,
  encodeRetraction,
  hasRetraction,
  RETRACTION,
  RETRACTION_BODY,
  type Retraction,
} from "./xep-0424-retraction.ts";
import { decodeModeration, type Moderation } from "./xep-0425-moderation.ts";
import { decodeFallbacks, encodeFallback, type Fallback } from "./xep-0428-fallback.ts";
import { encodeQuickResponses, type QuickResponse } from "./xep-0439-quick-response.ts";
import {
  decodeReactions,
  encodeReactions,
  hasReactions,
  type Reactions,
} from "./xep-0444-reactions.ts";
import {
  type AttachedSources,
  decodeAttachedSources,
  decodeFileShares,
  encodeFileShare,
  type FileShare,
} from "./xep-0447-file-sharing.ts";
import { countQuoteInCharacters, decodeReply, encodeReply, type Reply } from "./xep-0461-reply.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export type MessageType = "normal" | "chat" | "groupchat" | "headline" | "error";
export type Thread = { id: string; parent: string | undefined };

export type Message = {
  type: MessageType;
  id: string | undefined;
  /** Undefined when there is none, and when it is no JID. */
  from: Jid | undefined;
  to: Jid | undefined;
  /** There was a `to`, but it is no JID. */
  toMalformed: boolean;
  body: string | undefined;
  subject: string | undefined;
  thread: Thread | undefined;
  /** Set exactly when `type` is "error". */
  error: StanzaError | undefined;
  delays: Delay[];
  originId: string | undefined;
  /** All that stand there, forged ones included: ask `trustedStanzaId`. */
  stanzaIds: StanzaId[];
  chatState: ChatState | undefined;
  /** A carbon, an archive result or another wrapped message. */
  hasForwarded: boolean;
  invitation: Invitation | undefined;
  hasMucUser: boolean;
  /** Who wrote it, as a room's archive says; anybody can write it on what did not come from there. */
  archivedAuthor: ArchivedAuthor | undefined;
  /** It says something about another message (XEP-0444, XEP-0424), in words only for clients that do not know how. */
  isAboutAnother: boolean;
  /** XEP-0444: the sender's whole set of reactions to another message. */
  reactions: Reactions | undefined;
  /** XEP-0424: the sender takes another of their own messages back. */
  retraction: Retraction | undefined;
  /** XEP-0425: the room took a message away. `occupantId` is then not the moderator's; some rooms put the author's there. */
  moderation: Moderation | undefined;
  /** XEP-0308: the id of the message that this one replaces. */
  replaceId: string | undefined;
  /** XEP-0461: the message that this one answers. */
  reply: Reply | undefined;
  /** XEP-0428: what in the body is only for clients without an extension; ask `stripFallback`. */
  fallbacks: Fallback[];
  /** XEP-0372: whom the sender says to mention. */
  mentions: Mention[];
  /** XEP-0421: believe it only where the room announces the feature. */
  occupantId: string | undefined;
  hints: Hint[];
  /** Set when the text itself is encrypted: `body` is then a stopgap, not what the sender wrote. */
  encryption: Encryption | undefined;
  oobUrls: string[];
  /** XEP-0447, else XEP-0385. The same files mostly stand in `oobUrls` and the body as well. */
  fileShares: FileShare[];
  /** XEP-0447 §3.3: where the files of an earlier message are. */
  attachedSources: AttachedSources | undefined;
  /** XEP-0184: the sender wants to hear that this arrived. */
  receiptRequest: boolean;
  /** XEP-0184: the id of the message that arrived. */
  receiptFor: string | undefined;
  /** XEP-0333: the sender wants to hear that this was displayed. */
  isMarkable: boolean;
  /** XEP-0333: how far the sender has got. */
  marker: Marker | undefined;
  /** XEP-0080, or a geo URI that is the body or handed over. */
  location: Location | undefined;
  /** XEP-0393 §6: the body is to be read as it stands. */
  isUnstyled: boolean;
  /** XEP-0394: how parts of the body are meant. */
  markup: Markup | undefined;
};

/** RFC 6121 §5.2.2: an unknown type is "normal". */
function decodeType(text: string | undefined): MessageType {
  return text === "chat" || text === "groupchat" || text === "headline" || text === "error"
    ? text
    : "normal";
}

/** A `<message/>` as a value. Never throws: what is malformed reads as absent. */
export function decodeMessage(element: Element): Message {
  const type = decodeType(attribute(element, "type"));
  const to = attribute(element, "to");
  const toJid = to === undefined ? undefined : parseJid(to);
  const body = decodeText(element, "body");
  const fileShares = decodeFileShares(element);
  return {
    type,
    id: attribute(element, "id") || undefined,
    from: parseJid(attribute(element, "from") ?? ""),
    to: toJid,
    toMalformed: to !== undefined && toJid === undefined,
    body,
    subject: decodeText(element, "subject"),
    thread: decodeThread(element),
    error: type === "error" ? decodeStanzaError(element) : undefined,
    delays: decodeDelays(element),
    originId: decodeOriginId(element),
    stanzaIds: decodeStanzaIds(element),
    chatState: decodeChatState(element),
    hasForwarded: hasForwarded(element),
    invitation: decodeInvitation(element),
    hasMucUser: hasMucUser(element),
    archivedAuthor: decodeArchivedAuthor(element),
    isAboutAnother: hasReactions(element) || hasRetraction(element),
    reactions: decodeReactions(element),
    retraction: decodeRetraction(element),
    moderation: decodeModeration(element),
    replaceId: decodeReplaceId(element),
    reply: decodeReply(element),
    fallbacks: decodeFallbacks(element).map((each) => countQuoteInCharacters(each, body ?? "")),
    mentions: decodeMentions(element),
    occupantId: decodeOccupantId(element),
    hints: decodeHints(element),
    encryption: decodeEncryption(element),
    oobUrls: decodeOobUrls(element),
    fileShares: fileShares.length > 0 ? fileShares : decodeMediaShares(element),
    attachedSources: decodeAttachedSources(element),
    receiptRequest: hasReceiptRequest(element),
    receiptFor: decodeReceipt(element),
    isMarkable: hasMarkable(element),
    marker: decodeMarker(element),
    location: decodeLocation(element),
    isUnstyled: hasUnstyled(element),
    markup: decodeMarkup(element),
  };
}

/** RFC 6121 §5.2.3: of several languages the text without `xml:lang`, else the first one. */
function decodeText(message: Element, name: "body" | "subject"): string | undefined {
  // The namespace of the stream differs (client, component); a child of another one is no body.
  const texts = message.getChildren(name).filter((child) => child.getNS() === message.getNS());
  const text = texts.find((child) => attribute(child, "xml:lang") === undefined) ?? texts[0];
  return text && stripInvalidXmlChars(text.getText());
}

function decodeThread(message: Element): Thread | undefined {
  const thread = message.getChild("thread");
  const id = thread?.getText().trim();
  if (!thread || !id || thread.getNS() !== message.getNS()) return undefined;
  return { id, parent: attribute(thread, "parent") || undefined };
}

export type OutboundMessage = {
  to: FullJid;
  type: "normal" | "chat" | "groupchat" | "headline";
  id?: string | undefined;
  originId?: string | undefined;
  body?: string | undefined;
  subject?: string | undefined;
  thread?: { id: string; parent?: string | undefined } | undefined;
  chatState?: ChatState | undefined;
  replaceId?: string | undefined;
  reply?: Reply | undefined;
  hints?: readonly Hint[] | undefined;
  /** Ranges count the body after `stripInvalidXmlChars`. */
  fallbacks?: readonly Fallback[] | undefined;
  /** For clients to show the file in place of the text, the body is this URL and nothing else. */
  oobUrl?: string | undefined;
  fileShares?: readonly FileShare[] | undefined;
  reactions?: Reactions | undefined;
  /** XEP-0439: answers to choose from. The body lists them as well. */
  responses?: readonly QuickResponse[] | undefined;
  /** Takes that message back; without a `body` it gets one that says so to clients that do not know how. */
  retractId?: string | undefined;
  receiptRequested?: boolean | undefined;
  receivedId?: string | undefined;
  markable?: boolean | undefined;
  displayedId?: string | undefined;
  location?: Location | undefined;
  /** Counts the body after `stripInvalidXmlChars`. */
  markup?: Markup | undefined;
};

/** The `<message/>` to send. Texts lose what XML cannot carry. */
export function encodeMessage(message: OutboundMessage): Element {
  const { to, type, id, subject, thread } = message;
  const isRetraction = message.retractId !== undefined;
  const body = message.body ?? (isRetraction ? RETRACTION_BODY : undefined);
  const element = new Element("message", { to, type, ...(id === undefined ? {} : { id }) });
  if (subject !== undefined) element.c("subject").t(stripInvalidXmlChars(subject));
  if (body !== undefined) element.c("body").t(stripInvalidXmlChars(body));
  if (thread) {
    const parent = thread.parent === undefined ? {} : { parent: thread.parent };
    element.c("thread", parent).t(stripInvalidXmlChars(thread.id));
  }
  if (message.chatState) element.append(encodeChatState(message.chatState));
  if (message.replaceId !== undefined) element.append(encodeReplaceId(message.replaceId));
  if (message.reply) element.append(encodeReply(message.reply));
  for (const payload of encodePayloads(message)) element.append(payload);
  if (isRetraction) element.append(encodeFallback({ for: RETRACTION, body: "whole" }));
  for (const fallback of message.fallbacks ?? []) element.append(encodeFallback(fallback));
  if (message.originId !== undefined) element.append(encodeOriginId(message.originId));
  for (const hint of message.hints ?? []) element.append(encodeHint(hint));
  return element;
}

function encodePayloads(message: OutboundMessage): Element[] {
  const {
    fileShares = [],
    oobUrl,
    reactions,
    responses = [],
    retractId,
    location,
    markup,
  } = message;
  return [
    ...fileShares.map(encodeFileShare),
    ...encodeQuickResponses(responses),
    oobUrl === undefined ? undefined : encodeOobUrl(oobUrl),
    location && encodeLocation(location),
    markup && encodeMarkup(markup),
    reactions && encodeReactions(reactions),
    retractId === undefined ? undefined : encodeRetraction({ id: retractId }),
    message.receiptRequested ? encodeReceiptRequest() : undefined,
    message.receivedId === undefined ? undefined : encodeReceipt(message.receivedId),
    message.markable ? encodeMarkable() : undefined,
    message.displayedId === undefined ? undefined : encodeDisplayed(message.displayedId),
  ].filter((payload) => payload !== undefined);
}

/**
 * The error that answers `stanza`; undefined where RFC 6120 §8.3.1 forbids one: on an error, on the
 * result of a request, and without anybody to send it to.
 */
export function encodeErrorReply(stanza: Element, error: StanzaError): Element | undefined {
  const type = attribute(stanza, "type");
  const from = attribute(stanza, "from");
  if (type === "error" || type === "result" || from === undefined) return undefined;
  const id = attribute(stanza, "id");
  const reply = new Element(stanza.getName(), {
    to: from,
    type: "error",
    ...(id === undefined ? {} : { id }),
  });
  reply.append(encodeStanzaError(error));
  return reply;
}
