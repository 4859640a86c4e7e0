/**
 * Whether a message is something that a person said to the agent, before anybody asks who may speak.
 * The first line that applies decides:
 *
 * |    | the message                                                       | decision           |
 * | -- | ----------------------------------------------------------------- | ------------------ |
 * |  1 | is of type "error"                                                | `error`            |
 * |  2 | has no sender, or a malformed one                                 | `no-sender`        |
 * |  3 | is addressed to somebody else, or to another resource of ours     | `misaddressed`     |
 * |  4 | wraps another message: a carbon, an archive result, a forward     | `forwarded`        |
 * |  5 | comes from our own account, or another that this process runs     | `own`              |
 * |  6 | is an invitation, mediated, direct or declined                    | `invitation`       |
 * |  7 | is of type "headline"                                             | `headline`         |
 * |  8 | is of type "groupchat", or marked by a room, from a room not ours | `unknown-room`     |
 * |  9 | comes from a room of ours itself, not from an occupant            | `room-service`     |
 * | 10 | comes from our own occupant: a reflection                         | `own`              |
 * | 11 | comes from a room that we have not joined completely              | `joining`          |
 * | 12 | is of type "groupchat" and held back by anybody but our server    | `history`          |
 * | 13 | comes from a bare domain: a server or a gateway, no person        | `service`          |
 * | 14 | is encrypted, whatever its body says                              | `encrypted`        |
 * | 15 | has neither file, place (XEP-0080) nor text of its own: a chat state, a receipt, a subject, a reaction, a retraction | `no-body` |
 * | 16 | is anything else                                                  | admitted           |
 *
 * A message that was read from an archive (XEP-0313) is judged by the same lines, except that
 *
 * - in our account's archive it may be addressed to any resource of ours (3); of type "groupchat" it is
 *   `history` (8), because rooms have archives of their own; and what comes from an occupant of a room is
 *   `private-history` (11), because nobody can tell any more whose nick that was;
 * - in a room's archive it is ours when the identity of its author says so, not the nick (10), we need
 *   not be in the room (11), and what is not of type "groupchat" and from an occupant of that room is
 *   `misaddressed`; no delay makes it history (12).
 *
 * Wrapped messages are never input, because an agent has nothing to gain from what its other
 * resources saw and a forged carbon speaks in another person's name (CVE-2017-5589).
 * A direct message that the server had stored while we were away is admitted.
 */
import { parseJid, withResource, type BareJid, type FullJid, type Jid } from "../protocol/jid.ts";
import { toGeoUri } from "../protocol/rfc-5870-geo-uri.ts";
import type { Message } from "../protocol/stanza.ts";
import { declaredFiles } from "./attached-files.ts";

export type AdmissionContext = {
  /** The JID that the server bound us to. */
  ownJid: FullJid;
  /** What we know of a room; undefined for one that we did not ask to enter. */
  room: (room: BareJid) => { joined: boolean; nick: string } | undefined;
  /** Whether another account of this process speaks here: two agents would answer each other for ever. */
  isSibling: (from: Jid) => boolean;
  /** Set for what was read from an archive. */
  archived?:
    | {
        /** Whose archive: our own account's, or the room's. */
        by: BareJid;
        /** Of a room's archive: whether its author was ourselves, or another account of this process. */
        isOwn: boolean;
      }
    | undefined;
};

export type Conversation =
  /** `replyTo` is the bare JID: an answer takes its time, and the person may have changed the device. */
  | { kind: "direct"; peer: BareJid; replyTo: BareJid }
  | { kind: "room"; room: BareJid; nick: string }
  | { kind: "room-private"; room: BareJid; nick: string; occupant: FullJid };

export type Drop =
  | "error"
  | "no-sender"
  | "misaddressed"
  | "forwarded"
  | "own"
  | "invitation"
  | "headline"
  | "unknown-room"
  | "room-service"
  | "joining"
  | "history"
  | "private-history"
  | "service"
  | "encrypted"
  | "no-body";

export type Admission =
  | { admit: true; conversation: Conversation; body: string }
  /**
   * `conversation` is there for "encrypted" and "no-body", which come from somebody who could be
   * answered: that we cannot read it may be told, once policy said that they may speak at all.
   */
  | { admit: false; drop: Drop; conversation?: Conversation };

export function admit(message: Message, context: AdmissionContext): Admission {
  const { from } = message;
  if (message.type === "error") return dropped("error");
  if (!from) return dropped("no-sender");
  const own = parseJid(context.ownJid);
  if (!own || !isAddressedTo(message, own, context)) return dropped("misaddressed");
  if (message.hasForwarded) return dropped("forwarded");
  if (from.bare === own.bare || isSibling(from, own, context)) return dropped("own");
  if (message.invitation) return dropped("invitation");
  if (message.type === "headline") return dropped("headline");

  const conversation = locate(message, from, own, context);
  if (typeof conversation === "string") return dropped(conversation);
  if (message.encryption) return { admit: false, drop: "encrypted", conversation };
  const { location } = message;
  const body = message.body?.trim() ? message.body : ((location && toGeoUri(location)) ?? "");
  if (message.isAboutAnother || (body === "" && declaredFiles(message).length === 0)) {
    return { admit: false, drop: "no-body", conversation };
  }
  return { admit: true, conversation, body };
}

function dropped(drop: Drop): Admission {
  return { admit: false, drop };
}

/** Who has a nick today says nothing of who had it when a room archived the message. */
function isSibling(from: Jid, own: Jid, { archived, isSibling: ask }: AdmissionContext): boolean {
  const isOfRoom = archived !== undefined && archived.by !== own.bare;
  return !isOfRoom && ask(from);
}

/** RFC 6120 §8.1.1.1: without `to` a stanza is meant for the account itself. */
function isAddressedTo(message: Message, own: Jid, { archived }: AdmissionContext): boolean {
  const { from, to, type } = message;
  if (message.toMalformed) return false;
  if (archived && archived.by !== own.bare) {
    // A room's archive is about that room, and has one copy for everybody.
    return type === "groupchat" && from?.bare === archived.by;
  }
  if (to === undefined || to.full === own.full || to.full === own.bare) return true;
  // What we said ourselves lies in our archive, too.
  return archived !== undefined && from?.bare === own.bare;
}

function locate(
  message: Message,
  from: Jid,
  own: Jid,
  context: AdmissionContext,
): Conversation | Drop {
  const { archived } = context;
  const room = context.room(from.bare);
  const isOfRoom = archived !== undefined && archived.by !== own.bare;
  if (archived && !isOfRoom && message.type === "groupchat") return "history";
  if (!room) {
    // XEP-0045 §7.5: a private message through a room carries the room's mark.
    if (message.type === "groupchat" || message.hasMucUser) return "unknown-room";
    if (from.local === undefined) return "service";
    return { kind: "direct", peer: from.bare, replyTo: from.bare };
  }
  if (from.resource === undefined) return "room-service";
  if (isOfRoom) {
    return archived.isOwn ? "own" : { kind: "room", room: from.bare, nick: from.resource };
  }
  if (archived) return "private-history";
  if (from.full === withResource(from.bare, room.nick)) return "own";
  if (!room.joined) return "joining";
  if (message.type !== "groupchat") {
    return { kind: "room-private", room: from.bare, nick: from.resource, occupant: from.full };
  }
  if (isHistory(message, own)) return "history";
  return { kind: "room", room: from.bare, nick: from.resource };
}

/**
 * XEP-0045 §7.2.13 marks history by a delay of the room. Our own server's delay is none: it stamps
 * what it sends again after a resumed stream (XEP-0198).
 */
function isHistory(message: Message, own: Jid): boolean {
  return message.delays.some(({ from }) => from?.full !== own.domain && from?.full !== own.bare);
}
