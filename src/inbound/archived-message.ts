/**
 * Which messages of an archive (XEP-0313) could become a turn, or are an invitation: these are handed to the
 * road in, where policy/admission.ts decides as always, and only these count against the bounds.
 */
import { declaredFiles } from "../policy/attached-files.ts";
import type { BareJid, Jid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";

/** Whether that is a room, or somebody in one. */
export type RoomFinder = (jid: Jid) => boolean;

/** In the archive of our account, where what our other resources get lies as well. */
export function isOfUse(message: Message, own: Jid, isRoom: RoomFinder): boolean {
  const { from, to, type, invitation } = message;
  if (!from || from.bare === own.bare || (type !== "chat" && type !== "normal")) return false;
  if (to && to.full !== own.bare && to.full !== own.full) return false;
  if (invitation) return true;
  return saysSomething(message) && !message.hasMucUser && !isRoom(from);
}

/**
 * In the archive of our account: said by an occupant to us alone (XEP-0045 §7.5), whose nick may be another
 * person's since.
 */
export function isRoomPrivate(message: Message, isRoom: RoomFinder): boolean {
  const { from, type, invitation, hasMucUser } = message;
  if (!from?.resource || (type !== "chat" && type !== "normal") || invitation) return false;
  return saysSomething(message) && (hasMucUser || isRoom(from));
}

/** In the archive of `room`. */
export function isOfUseInRoom(
  message: Message,
  room: BareJid,
  isOurs: (message: Message) => boolean,
): boolean {
  const { from, type } = message;
  return type === "groupchat" && from?.bare === room && saysSomething(message) && !isOurs(message);
}

/** In the archive of `room`, of which each message is from the room: that it took a message away (XEP-0425). */
export const isModeration = ({ from, moderation }: Message, room: BareJid): boolean =>
  moderation !== undefined && from?.full === room;

/** As admission has it: text, a file, a place; or that something else is taken back, or that a file is to come. */
function saysSomething(message: Message): boolean {
  const { body, encryption, fileShares, location, retraction } = message;
  if (fileShares.length > 0) return true;
  if (encryption !== undefined || (body !== undefined && body.trim() !== "")) return true;
  return location !== undefined || retraction !== undefined || declaredFiles(message).length > 0;
}
