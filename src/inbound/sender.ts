/** Who wrote a message, as far as a server vouches for it. A nick names somebody, it never is somebody. */
import type { Rooms } from "../client/rooms.ts";
import type { Conversation } from "../policy/admission.ts";
import type { BareJid } from "../protocol/jid.ts";

export type Sender = {
  /** Bare JID where one is vouched for, else the occupant JID (which proves nothing). */
  id: string;
  /** Vouched for: by the sender's server in a direct chat, by the room where it shows real JIDs. */
  jid: BareJid | undefined;
  /** For people to read: the nick in rooms, the JID elsewhere. */
  label: string;
};

/** XEP-0045 §7.2.3: a room that is not anonymous sends each occupant's real JID in its presence. */
export function resolveSender(conversation: Conversation, rooms: Rooms): Sender {
  if (conversation.kind === "direct") {
    return { id: conversation.peer, jid: conversation.peer, label: conversation.peer };
  }
  const { room, nick } = conversation;
  const jid = rooms.occupant(room, nick)?.realJid;
  return { id: jid ?? `${room}/${nick}`, jid, label: nick };
}
