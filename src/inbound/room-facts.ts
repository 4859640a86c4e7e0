/**
 * What the agent is told of a room. Names, nicks and subjects are strangers' words: they go where the
 * host fences them off from instructions, and never into the system prompt.
 */
import type { Occupant, RoomView } from "../client/rooms.ts";
import type { InboundMessage } from "./types.ts";

const MAX_NAMED = 50;
/** The host cuts the list at 2,000 characters. */
const MAX_LENGTH = 1500;
const MAX_NICK_LENGTH = 60;

/** The nicks of those who are there, as one line: some of them, and how many more. */
export function describePresent(occupants: readonly Occupant[]): string {
  const named: string[] = [];
  let length = 0;
  for (const { nick } of occupants.slice(0, MAX_NAMED)) {
    const isLong = nick.length > MAX_NICK_LENGTH;
    const name = isLong ? `${nick.slice(0, MAX_NICK_LENGTH).toWellFormed()}…` : nick;
    length += name.length + 2;
    if (length > MAX_LENGTH) break;
    named.push(name);
  }
  const more = occupants.length - named.length;
  return more > 0 ? `${named.join(", ")} and ${more} more` : named.join(", ");
}

/** A block of facts about the room and about who speaks in it. `isElsewhere`: the session is not the room's. */
export function describeRoom(
  { room, name, subject, nick, occupantCount }: RoomView,
  { conversation, sender }: InboundMessage,
  isElsewhere = false,
) {
  const { affiliation, role } = sender.occupant;
  return {
    label: "Room",
    source: "xmpp",
    type: "room",
    payload: {
      room,
      // They were cut somewhere, and half a character is refused by some models.
      ...(name ? { name: name.toWellFormed() } : {}),
      ...(subject ? { subject: subject.toWellFormed() } : {}),
      your_nick: nick,
      occupants: occupantCount,
      speaker: {
        nick: sender.label,
        ...(sender.jid ? { jid: sender.jid } : {}),
        identity: sender.grade,
        affiliation,
        role,
      },
      private: conversation.kind === "room-private",
      ...(isElsewhere ? { note: "Said in this room: everybody in it reads your answer." } : {}),
    },
  };
}
