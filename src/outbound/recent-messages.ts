/**
 * What was said lately, by us and by those whom policy admits: what a reply quotes, a reaction is about, a
 * correction replaces. In memory and bounded; after a restart it begins anew.
 */
import type { BareJid, FullJid } from "../protocol/jid.ts";
import type { Conversation } from "../policy/admission.ts";
import type { Thread } from "../protocol/stanza.ts";
import type { Reply } from "../protocol/xep-0461-reply.ts";
import { conversationOf, type Target } from "./target.ts";

/** A direct chat, a room, or a private chat with one occupant. */
export type Place = BareJid | FullJid;

/** Messages of one conversation, and conversations, of which messages are known. */
const KEPT_EACH = 100;
const KEPT_PLACES = 300;
const MAX_TEXT = 2_000;
const MAX_NAMES = 8;
/** Who chooses the longest ids would fill the memory with them. */
const MAX_NAME = 1_000;
const BEFORE_ALL = -1;

export type SaidMessage = {
  /** What anybody may call it: the host's key, the room's id, and the author's where the room gives none. */
  ids: string[];
  /** What its author alone may call it: ids that they chose, which may be those of another's message. */
  authorIds?: string[] | undefined;
  /** What a reply or a reaction calls it; undefined as long as nobody else could know it by that. */
  reference: string | undefined;
  /** Of ours: the id that its first version was sent with, by which a correction names it (XEP-0308). */
  firstId?: string | undefined;
  /** Of ours: where it belongs and what it answers, which a correction has to say again (XEP-0308 §3). */
  thread?: Thread | undefined;
  reply?: Reply | undefined;
  /** Of ours: it is a file, and its text but the place of that. */
  isFile?: boolean | undefined;
  /** Who said it, as a reply names them (XEP-0461). */
  from: FullJid | undefined;
  /** `sender.id` of who said it; undefined: we did. */
  senderId: string | undefined;
  /** For people to read. */
  author: string;
  /** Without what it quotes; cut after 2000 characters. */
  text: string;
  /** Who has which reactions on it now (XEP-0444); by `sender.id`. */
  reactions: Map<string, readonly string[]>;
};

export type RecentMessages = {
  add(place: Place, said: Omit<SaidMessage, "reactions">): void;
  /** The same of something said before all that is known there, as its archive tells. */
  addEarlier(place: Place, said: Omit<SaidMessage, "reactions">): void;
  /** Undefined: said too long ago, or never. Of several with that id the last. */
  find(place: Place, id: string): SaidMessage | undefined;
  /** The one that its own author, `sender.id`, calls so; undefined as well where it is somebody else's. */
  findBy(senderId: string, place: Place, id: string): SaidMessage | undefined;
  /** What we said there, the oldest first; each version of a message by itself. */
  own(place: Place): SaidMessage[];
  /** What a room calls a message that we know by `id`. */
  name(place: Place, id: string, reference: string): void;
  /** Its author took it back, or it was moderated; `senderId` as in `SaidMessage`. What others call so stays. */
  remove(senderId: string | undefined, place: Place, id: string): void;
  /** Somebody said something there, whoever it was. */
  touch(place: Place): void;
  /** Whether nobody else has said anything there since. */
  isLast(place: Place, id: string): boolean;
  /** What somebody may call a message of ours that has no text yet. */
  noteOwn(place: Place, id: string): void;
  /** Whether we said it, also before the account was started. */
  isOurs(place: Place, id: string): boolean;
  /** Of a room that we left. */
  forget(place: Place): void;
};

export function placeOfConversation(conversation: Conversation): Place {
  switch (conversation.kind) {
    case "direct":
      return conversation.peer;
    case "room":
      return conversation.room;
    case "room-private":
      return conversation.occupant;
  }
}

/** As `placeOfConversation`, of where something is sent. */
export const placeOfTarget = (target: Target): Place =>
  target.kind === "room-private" ? target.to : conversationOf(target);

/** What is remembered of our own messages beyond this process: which they are. */
export type OwnNames = {
  noteOwn(place: Place, id: string): void;
  isOwn(place: Place, id: string): boolean;
};

const namesIn = (ids: readonly string[]): string[] =>
  [...new Set(ids)].filter((id) => id.length <= MAX_NAME).slice(0, MAX_NAMES);

const NONE: OwnNames = { noteOwn: () => undefined, isOwn: () => false };

export function createRecentMessages({ noteOwn, isOwn }: OwnNames = NONE): RecentMessages {
  type Entry = SaidMessage & { at: number };
  const places = new Map<Place, { entries: Entry[]; at: number }>();

  function open(place: Place) {
    const known = places.get(place) ?? { entries: [], at: 0 };
    // The one that was used last goes last.
    places.delete(place);
    places.set(place, known);
    for (const oldest of places.keys()) {
      if (places.size <= KEPT_PLACES) break;
      places.delete(oldest);
    }
    return known;
  }

  const find = (place: Place, id: string) =>
    places.get(place)?.entries.findLast(({ ids }) => ids.includes(id));

  const isNamedBy = (senderId: string | undefined, id: string) => (entry: Entry) =>
    entry.senderId === senderId &&
    (entry.ids.includes(id) || entry.authorIds?.includes(id) === true);

  function entryOf(said: Omit<SaidMessage, "reactions">, at: number): Entry {
    const ids = namesIn(said.ids);
    const authorIds = said.authorIds && namesIn(said.authorIds);
    const reference = said.reference && namesIn([said.reference])[0];
    const text = said.text.slice(0, MAX_TEXT).toWellFormed();
    return { ...said, ids, authorIds, reference, text, reactions: new Map(), at };
  }

  return {
    add(place, said) {
      const known = open(place);
      // What we say ourselves comes between nothing: it is the rest of the same answer, mostly.
      if (said.senderId !== undefined) known.at += 1;
      known.entries.push(entryOf(said, known.at));
      if (known.entries.length > KEPT_EACH) known.entries.shift();
      if (said.senderId === undefined && said.reference !== undefined) {
        noteOwn(place, said.reference);
      }
    },
    addEarlier(place, said) {
      const { entries } = open(place);
      if (entries.length >= KEPT_EACH || said.ids.some((id) => find(place, id))) return;
      entries.unshift(entryOf(said, BEFORE_ALL));
    },
    find,
    findBy: (senderId, place, id) => places.get(place)?.entries.findLast(isNamedBy(senderId, id)),
    own: (place) =>
      places.get(place)?.entries.filter(({ senderId }) => senderId === undefined) ?? [],
    name(place, id, reference) {
      const entry = find(place, id);
      if (!entry) return;
      entry.reference = reference;
      if (entry.senderId === undefined) noteOwn(place, reference);
      if (!entry.ids.includes(reference)) entry.ids.push(reference);
    },
    remove(senderId, place, id) {
      const known = places.get(place);
      const isIt = isNamedBy(senderId, id);
      if (known) known.entries = known.entries.filter((entry) => !isIt(entry));
    },
    touch(place) {
      const known = places.get(place);
      if (known) known.at += 1;
    },
    isLast: (place, id) => find(place, id)?.at === places.get(place)?.at,
    noteOwn,
    isOurs(place, id) {
      const entry = find(place, id);
      return entry ? entry.senderId === undefined : isOwn(place, id);
    },
    forget: (place) => void places.delete(place),
  };
}
