/** Who wrote a message, as far as a server vouches for it. A nick names somebody, it never is somebody. */
import { randomUUID } from "node:crypto";
import type { Rooms } from "../client/rooms.ts";
import type { Conversation } from "../policy/admission.ts";
import type { BareJid } from "../protocol/jid.ts";

export type Sender = {
  /** Bare JID where one is vouched for, else the occupant JID (which proves nothing). */
  id: string;
  /** Vouched for: by the sender's server in a direct chat, by the room where it shows real JIDs. */
  jid: BareJid | undefined;
  /**
   * Whose session a direct conversation with them is: the JID, or this one stay in the room, so that
   * who takes the nick next does not find what the last one said.
   */
  peer: string;
  /** Their stay in the room; undefined in a direct chat. */
  stay?: string | undefined;
  /** For people to read: the nick in rooms, the JID elsewhere. */
  label: string;
};

/** XEP-0045 §7.2.3: a room that is not anonymous sends each occupant's real JID in its presence. */
export function resolveSender(conversation: Conversation, rooms: Rooms): Sender {
  if (conversation.kind === "direct") {
    const { peer } = conversation;
    return { id: peer, jid: peer, peer, label: peer };
  }
  const { room, nick } = conversation;
  const { realJid: jid, stay = randomUUID() } = rooms.occupant(room, nick) ?? {};
  const id = jid ?? `${room}/${nick}`;
  return { id, jid, peer: jid ?? `${room}#${stay}`, stay, label: nick };
}
