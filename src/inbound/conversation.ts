/**
 * Which conversation of the host a message belongs to, and so whose memory the agent has in it.
 *
 * | where               | who                                  | `sharedSessions` | conversation           |
 * | ------------------- | ------------------------------------ | ---------------- | ---------------------- |
 * | direct chat         | anybody                              | any              | direct, with their JID |
 * | room                | anybody                              | `off`            | the room's             |
 * | room                | known by real JID, now or earlier *  | `identified`     | direct, with their JID |
 * | room                | anybody else                         | `identified`     | the room's             |
 * | privately in a room | real JID                             | any              | direct, with their JID |
 * | privately in a room | known by real JID earlier *          | `identified`     | direct, with their JID |
 * | privately in a room | occupant id, or this stay in the room | any             | direct, with nobody else |
 *
 * * by an occupant id (XEP-0421) for which the same room showed the real JID of a known user.
 */
import type { InboundContext, InboundMessage } from "./types.ts";
import type { BareJid } from "../protocol/jid.ts";

export type HostConversation = {
  kind: "direct" | "group";
  id: string;
  /** Whose direct chat this is, where a server vouches for it: what is kept for later goes there. */
  jid?: BareJid | undefined;
};

type Facts = {
  policy: Pick<InboundContext["policy"], "sharedSessions">;
  knownUsers: Pick<InboundContext["knownUsers"], "byOccupantId">;
};

export function hostConversation(
  { policy, knownUsers }: Facts,
  { conversation, sender }: Pick<InboundMessage, "conversation" | "sender">,
): HostConversation {
  if (conversation.kind === "direct") return direct(conversation.peer);
  const { room } = conversation;
  const isShared = policy.sharedSessions === "identified";
  const { occupantId } = sender.occupant;
  const earlier =
    isShared && occupantId !== undefined ? knownUsers.byOccupantId(room, occupantId) : undefined;
  const jid = sender.jid ?? earlier;
  if (conversation.kind === "room-private") {
    return jid ? direct(jid) : { kind: "direct", id: sender.id };
  }
  return isShared && jid ? direct(jid) : { kind: "group", id: room };
}

function direct(jid: BareJid): HostConversation {
  return { kind: "direct", id: jid, jid };
}
