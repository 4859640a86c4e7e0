/**
 * What was said in one conversation, for an agent that asks: read from the archive (XEP-0313) of the account, or of the
 * room. As it is now: corrected, without what was taken back. Only what policy lets the agent hear.
 */
import type { ArchivedMessage } from "../client/archive.ts";
import { placeOfTarget } from "../outbound/recent-messages.ts";
import type { Outbox } from "../outbound/send.ts";
import type { Target } from "../outbound/target.ts";
import type { RoomTrust } from "../policy/room-trust.ts";
import { bareJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { decodeMessage, type Message } from "../protocol/stanza.ts";
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import { hasTombstone } from "../protocol/xep-0424-retraction.ts";
import { stripFallback } from "../protocol/xep-0428-fallback.ts";
import { REPLY } from "../protocol/xep-0461-reply.ts";
import { provesOwn, resolveArchivedSender, resolveSender, type Sender } from "./sender.ts";
import type { InboundMessage } from "./types.ts";

export type ReadMessage = {
  /** What reactions, replies, corrections and retractions call it. */
  id: string;
  /** For people to read; "you" is the agent. */
  author: string;
  text: string;
  /** When the archive got it, as ISO 8601. */
  timestamp: string;
  isOwn: boolean;
  isEdited?: true;
  /** The message that it answers (XEP-0461). */
  replyTo?: string;
};

export type ReadConversation = {
  /** The oldest first. */
  messages: ReadMessage[];
  /** Names the place before all of it, for the next question; undefined where nothing is older. */
  before: string | undefined;
};

export type ReadContext = {
  outbox: Outbox;
  own: BareJid;
  isBelieved: RoomTrust;
  /** Whether the agent may know what they say there. */
  mayHear: (
    inbound: Pick<InboundMessage, "conversation" | "message" | "sender">,
  ) => Promise<boolean>;
};

type ReadTarget = Exclude<Target, { kind: "room-private" }>;

const PAGE_SIZE = 50;
/** Reactions and what others say fill pages, too; no question takes longer than that. */
const MAX_PAGES = 6;
const MAX_TEXT = 4_000;
const UNREADABLE = "(encrypted: it cannot be read)";

/**
 * The newest `limit` messages of a conversation, or the newest before `before`, which an earlier answer gave. They can be
 * reacted to, answered and, where they are ours, changed from now on.
 * @throws as `Archive.pages`
 */
export async function readConversation(
  context: ReadContext,
  target: ReadTarget,
  { limit, before = "" }: { limit: number; before?: string | undefined },
): Promise<ReadConversation> {
  const { outbox } = context;
  const of = target.kind === "room" ? target.room : undefined;
  const peer = target.kind === "direct" ? bareJid(target.to) : undefined;
  const query = { of, with: peer, before, pageSize: PAGE_SIZE };
  let archived: ArchivedMessage[] = [];
  let read: Entry[] = [];
  let isComplete = false;
  let pages = 0;
  for await (const page of outbox.archive.pages(query)) {
    archived = [...page.messages, ...archived];
    read = await asItIsNow(context, target, archived);
    isComplete = page.isComplete;
    if (isComplete || read.length >= limit || ++pages >= MAX_PAGES) break;
  }
  const shown = read.slice(-limit);
  remember(context, target, shown);
  const isAll = isComplete && shown.length === read.length;
  const oldest = shown[0]?.archiveId ?? archived[0]?.id;
  return { messages: shown.map(toReadMessage), before: isAll ? undefined : oldest };
}

type Entry = {
  archiveId: string;
  /** What others call it; the first version's where it was corrected. */
  reference: string;
  /** What anybody may call it. */
  ids: string[];
  /** The stanza's own ids. */
  chosenIds: string[];
  /** The id of the first version. */
  firstId: string | undefined;
  /** Undefined: we said it. */
  sender: Sender | undefined;
  from: FullJid;
  text: string;
  stamp: Date;
  isEdited: boolean;
} & Pick<Message, "reply" | "thread">;

async function asItIsNow(
  context: ReadContext,
  target: ReadTarget,
  archived: readonly ArchivedMessage[],
): Promise<Entry[]> {
  const entries: Entry[] = [];
  for (const each of archived) {
    if (hasTombstone(each.message)) continue;
    const message = decodeMessage(each.message);
    if (target.kind === "room" && message.from?.full === target.room) {
      const { moderation } = message;
      if (moderation) remove(entries, ({ archiveId }) => archiveId === moderation.id);
      continue;
    }
    const author = authorOf(context, target, message, each.id);
    if (!author) continue;
    if (message.retraction) {
      const { id } = message.retraction;
      remove(entries, (entry) => isSame(entry.sender, author.sender) && isNamed(entry, target, id));
      continue;
    }
    const entry = toEntry(each, message, author, target);
    if (!entry || !(await isHeard(context, target, message, author.sender))) continue;
    const { replaceId } = message;
    const first = entries.findLast(
      ({ firstId, sender }) => firstId === replaceId && isSame(sender, author.sender),
    );
    if (replaceId === undefined || !first) entries.push(entry);
    else {
      first.text = entry.text;
      first.isEdited = true;
      first.ids.push(...entry.ids);
      first.chosenIds.push(...entry.chosenIds);
    }
  }
  return entries;
}

function remove(entries: Entry[], isMeant: (entry: Entry) => boolean): void {
  const index = entries.findLastIndex(isMeant);
  if (index >= 0) entries.splice(index, 1);
}

/** XEP-0424 §3: in a room by the id that the room gave, elsewhere by the sender's. */
const isNamed = ({ archiveId, ids }: Entry, target: ReadTarget, id: string): boolean =>
  target.kind === "room" ? archiveId === id : ids.includes(id);

/** Undefined where the message is no part of the conversation; `sender` undefined: it is ours. */
function authorOf(
  { isBelieved, outbox, own }: ReadContext,
  target: ReadTarget,
  message: Message,
  archiveId: string,
): { sender: Sender | undefined; from: FullJid } | undefined {
  const { from, hasForwarded, hasMucUser, retraction, to, type } = message;
  if (!from || hasForwarded) return undefined;
  const { recent, rooms } = outbox;
  if (target.kind === "room") {
    if (type !== "groupchat" || from.bare !== target.room || from.resource === undefined) {
      return undefined;
    }
    // Where the room vouches for nobody, ours is what we remember that we said; anybody may have had our nick.
    const isOurs = () => retraction !== undefined || recent.isOurs(target.room, archiveId);
    const hasOurNick = from.resource === rooms.get(target.room)?.nick;
    const proof = isBelieved(target.room) ? provesOwn(message, rooms, own) : undefined;
    if (proof ?? (hasOurNick && isOurs())) {
      return { sender: undefined, from: from.full };
    }
    const conversation = { kind: "room" as const, room: from.bare, nick: from.resource };
    const sender = resolveArchivedSender(conversation, rooms, isBelieved, message);
    return { sender, from: occupantJid(from.bare, from.resource) };
  }
  if (type !== "chat" && type !== "normal") return undefined;
  const peer = bareJid(target.to);
  if (from.bare === own) {
    return to?.bare === peer ? { sender: undefined, from: from.full } : undefined;
  }
  if (from.bare !== peer || hasMucUser) return undefined;
  const conversation = { kind: "direct" as const, peer, replyTo: peer };
  return { sender: resolveSender(conversation, rooms, isBelieved), from: from.full };
}

const isSame = (one: Sender | undefined, other: Sender | undefined) => one?.id === other?.id;

async function isHeard(
  { mayHear }: ReadContext,
  target: ReadTarget,
  message: Message,
  sender: Sender | undefined,
): Promise<boolean> {
  const { from } = message;
  if (!sender || !from) return true;
  const conversation =
    target.kind === "room"
      ? { kind: "room" as const, room: target.room, nick: from.resource ?? "" }
      : { kind: "direct" as const, peer: from.bare, replyTo: from.bare };
  return await mayHear({ conversation, message, sender });
}

function toEntry(
  { id: archiveId, stamp }: ArchivedMessage,
  message: Message,
  { from, sender }: { from: FullJid; sender: Sender | undefined },
  target: ReadTarget,
): Entry | undefined {
  const { body, encryption, fallbacks, id, isAboutAnother, originId, replaceId } = message;
  if (isAboutAnother || (body === undefined && !encryption)) return undefined;
  const text = encryption ? UNREADABLE : stripFallback(body ?? "", fallbacks, REPLY).trim();
  if (text === "") return undefined;
  const isRooms = target.kind === "room";
  const reference = isRooms ? archiveId : (replaceId ?? originId ?? id);
  if (reference === undefined) return undefined;
  const chosenIds = [originId, id, replaceId].filter((each) => each !== undefined);
  return {
    archiveId,
    reference,
    // Who is not the author goes by the room's ids: see said.ts.
    ids: isRooms && sender ? [archiveId] : [archiveId, ...chosenIds],
    chosenIds,
    firstId: replaceId ?? id,
    sender,
    from,
    text: text.slice(0, MAX_TEXT).toWellFormed(),
    stamp,
    isEdited: replaceId !== undefined,
    reply: message.reply,
    thread: message.thread,
  };
}

/** What the agent has read it may name. */
function remember({ outbox }: ReadContext, target: ReadTarget, entries: readonly Entry[]): void {
  for (const entry of entries.toReversed()) {
    const { chosenIds, firstId, from, ids, reference, reply, sender, text, thread } = entry;
    outbox.recent.addEarlier(placeOfTarget(target), {
      ids,
      authorIds: chosenIds,
      reference,
      ...(sender ? {} : { firstId, reply, thread }),
      from,
      senderId: sender?.id,
      author: sender?.label ?? "",
      text,
    });
  }
}

function toReadMessage({ isEdited, reference, reply, sender, stamp, text }: Entry): ReadMessage {
  return {
    id: reference,
    author: sender?.label ?? "you",
    text,
    timestamp: stamp.toISOString(),
    isOwn: sender === undefined,
    ...(isEdited ? { isEdited } : {}),
    ...(reply === undefined ? {} : { replyTo: reply.id }),
  };
}
