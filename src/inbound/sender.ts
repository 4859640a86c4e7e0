/**
 * Who wrote a message, as far as a server vouches for it. A nick names somebody, it never is somebody.
 *
 * | grade         | who vouches                                             | `id`                  |
 * | ------------- | ------------------------------------------------------- | --------------------- |
 * | `jid`         | the sender's server; in a room the room, where it shows real JIDs | the bare JID |
 * | `occupant-id` | the room, where it announces XEP-0421                   | `room#occupant:<id>`  |
 * | `nick`        | nobody; the id is that of this stay in the room         | `room#stay:<stay>`    |
 *
 * Of a message from a room's archive counts only what the archive says, and what the room says now of the one
 * with that real JID or occupant id: who has the nick today is somebody else.
 *
 * The last two are no JIDs ("#" cannot stand in a domain), so that no nick can look like one of them.
 */
import { randomUUID } from "node:crypto";
import type { Rooms } from "../client/rooms.ts";
import type { Conversation } from "../policy/admission.ts";
import { NOBODY, type RoomSender } from "../policy/room-entry.ts";
import type { RoomTrust } from "../policy/room-trust.ts";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import type { ArchivedAuthor } from "../protocol/xep-0045-muc.ts";

export type Sender = {
  id: string;
  grade: "jid" | "occupant-id" | "nick";
  jid: BareJid | undefined;
  /** What a believed room vouches for; "none" and undefined elsewhere, and in direct chats. */
  occupant: RoomSender;
  /** Their stay in the room; undefined in a direct chat. */
  stay?: string | undefined;
  /** XEP-0115: the software that they announced as they spoke; undefined in a direct chat. */
  caps?: string | undefined;
  /** For people to read: the nick in rooms, the JID elsewhere. */
  label: string;
};

/** XEP-0045 §7.2.3: a room that is not anonymous sends each occupant's real JID in its presence. */
export function resolveSender(
  conversation: Conversation,
  rooms: Rooms,
  isBelieved: RoomTrust,
  occupantIdOfMessage?: string | undefined,
): Sender {
  if (conversation.kind === "direct") {
    const { peer } = conversation;
    return { id: peer, grade: "jid", jid: peer, occupant: NOBODY, label: peer };
  }
  const { room, nick } = conversation;
  const found = rooms.occupant(room, nick);
  const stay = found?.stay ?? randomUUID();
  const known = { stay, label: nick, caps: found?.caps };
  // XEP-0421 §4: the room stamps each message. Another id than the nick's owner has: we missed who it is.
  const isSomebodyElse =
    found?.occupantId !== undefined &&
    occupantIdOfMessage !== undefined &&
    occupantIdOfMessage !== found.occupantId;
  if (!found || isSomebodyElse || !isBelieved(room)) {
    return {
      ...known,
      id: `${room}#stay:${stay}`,
      grade: "nick",
      jid: undefined,
      occupant: NOBODY,
    };
  }
  const { occupantId, affiliation, role } = found;
  // A gateway to another network has people of that network: what it calls their JIDs are none.
  const { conference = "text" } = rooms.get(room) ?? {};
  const jid = conference === "text" ? found.realJid : undefined;
  const occupant = { jid, occupantId, affiliation, role };
  if (jid) return { ...known, id: jid, grade: "jid", jid, occupant };
  return occupantId === undefined
    ? { ...known, id: `${room}#stay:${stay}`, grade: "nick", jid, occupant }
    : { ...known, id: occupantKey(room, occupantId), grade: "occupant-id", jid, occupant };
}

/** Who speaks, and where, in a direct chat. */
export function directPlace(
  { outbox: { rooms }, isBelieved }: { outbox: { rooms: Rooms }; isBelieved: RoomTrust },
  peer: BareJid,
): { conversation: Conversation; sender: Sender } {
  const conversation = { kind: "direct", peer, replyTo: peer } as const;
  return { conversation, sender: resolveSender(conversation, rooms, isBelieved) };
}

/** The author of a groupchat message that was read from the room's archive (XEP-0313). */
export function resolveArchivedSender(
  { room, nick }: Extract<Conversation, { kind: "room" }>,
  rooms: Rooms,
  isBelieved: RoomTrust,
  message: Pick<Message, "archivedAuthor" | "occupantId">,
): Sender {
  const { conference = "text", nonAnonymous, occupantIds } = rooms.get(room) ?? {};
  const occupantId = isBelieved(room) && occupantIds ? message.occupantId : undefined;
  // Where a room hides real JIDs, its archive may pass on what the author wrote of themselves.
  const showsJids = isBelieved(room) && nonAnonymous === true && conference === "text";
  const author = showsJids ? message.archivedAuthor : undefined;
  const key = occupantId === undefined ? author && realJidKey(author) : { occupantId };
  const here = key && rooms.occupantBy(room, key);
  const isSame = here !== undefined && here.nick === nick;
  const stay = isSame ? here.stay : randomUUID();
  const known = { stay, label: nick, caps: isSame ? here.caps : undefined };
  const hereJid = conference === "text" ? here?.realJid : undefined;
  const jid = author?.realJid ?? hereJid;
  const contradicts = hereJid !== undefined && jid !== hereJid;
  if (contradicts || (jid === undefined && occupantId === undefined)) {
    const id = `${room}#stay:${stay}`;
    return { ...known, id, grade: "nick", jid: undefined, occupant: NOBODY };
  }
  const { affiliation, role } = here ?? author ?? NOBODY;
  const occupant = { jid, occupantId: occupantId ?? here?.occupantId, affiliation, role };
  return jid === undefined
    ? { ...known, id: `${room}#occupant:${occupantId}`, grade: "occupant-id", jid, occupant }
    : { ...known, id: jid, grade: "jid", jid, occupant };
}

/**
 * Whether a room's archive tells of ourselves: by occupant id or real JID, whichever both sides have. The
 * nick alone decides only where there is neither: rather is somebody unheard than that we answer ourselves.
 */
export function isOwnArchived(
  message: Pick<Message, "from" | "archivedAuthor" | "occupantId">,
  rooms: Rooms,
  own: BareJid,
): boolean {
  const room = message.from && rooms.get(message.from.bare);
  if (!room) return false;
  // Who claims to be us in vain is not heard: that harms nobody else.
  if (message.archivedAuthor?.realJid === own) return true;
  return provesOwn(message, rooms, own) ?? message.from?.resource === room.nick;
}

/**
 * The same, where somebody would be believed to be us: by what the room vouches for alone; undefined where that is
 * nothing, as an author can write any real JID where the room hides them, and have had our nick.
 */
export function provesOwn(
  { archivedAuthor, from, occupantId }: Pick<Message, "from" | "archivedAuthor" | "occupantId">,
  rooms: Rooms,
  own: BareJid,
): boolean | undefined {
  const room = from && rooms.get(from.bare);
  const self = room && rooms.occupant(room.room, room.nick);
  if (self?.occupantId !== undefined && occupantId !== undefined) {
    return self.occupantId === occupantId;
  }
  const realJid = room?.nonAnonymous ? archivedAuthor?.realJid : undefined;
  return realJid === undefined ? undefined : realJid === own;
}

const realJidKey = ({ realJid }: ArchivedAuthor) => realJid && { realJid };

/** Whose limits a message counts for. Whom nobody vouches for could be somebody else at each try: all of a room are one. */
export function senderKey(place: { conversation: Conversation; sender: Sender }): string {
  const { conversation, sender } = place;
  return sender.grade === "nick" && conversation.kind !== "direct" ? conversation.room : sender.id;
}

/** The id of the grade `occupant-id`. */
export const occupantKey = (room: BareJid, occupantId: string): string =>
  `${room}#occupant:${occupantId}`;

/**
 * By which ids somebody is known. Where a room vouches for a real JID and an occupant id (XEP-0421), both: its archive may
 * have the one alone.
 */
export function authorKeys(place: { conversation: Conversation; sender: Sender }): string[] {
  const { conversation, sender } = place;
  const { occupantId } = sender.occupant;
  const isBoth = conversation.kind === "room" && occupantId !== undefined;
  return [...new Set([sender.id, ...(isBoth ? [occupantKey(conversation.room, occupantId)] : [])])];
}

/** What an id of the grade `occupant-id` or `nick` says; undefined for a JID. */
export function parseOccupantKey(
  id: string,
): ({ room: BareJid } & ({ occupantId: string } | { stay: string })) | undefined {
  // A local part may hold "#", as those of IRC channels do, but no ":".
  const [, place = "", kind, key] = /^([^:]+)#(occupant|stay):(.+)$/s.exec(id) ?? [];
  const room = bareJid(place);
  if (room === undefined || key === undefined) return undefined;
  return kind === "occupant" ? { room, occupantId: key } : { room, stay: key };
}

/** A nick is whoever takes it, and may look like any of this; what stands last says who that was. */
export function describeSender({ jid, label, occupant }: Sender): string {
  if (jid) return `${label} (${jid})`;
  const { occupantId } = occupant;
  return `${label} (${occupantId === undefined ? "unverified" : `occupant:${occupantId}`})`;
}
