/**
 * XEP-0045 Multi-User Chat 1.35.5 §7.8, https://xmpp.org/extensions/xep-0045.html#invite
 * XEP-0249 Direct MUC Invitations 1.2, https://xmpp.org/extensions/xep-0249.html
 */
import { Element } from "ltx";
import { attribute, isTrue, onlyChild } from "./element.ts";
import { bareJid, type BareJid, type FullJid } from "./jid.ts";
import { decodePassword, MUC_USER, parseRoomJid } from "./xep-0045-muc.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const DIRECT_INVITATION = "jabber:x:conference";

export type Invitation = {
  /** Through the room, straight from a person, or an answer to an invitation of ours. */
  kind: "mediated" | "direct" | "declined";
  /** Undefined where nobody can say which one: no room's address, or several invitations at once. */
  room: BareJid | undefined;
  /**
   * Who invites or declines. In a mediated one the room vouches for it, in a direct one it is the sender:
   * the room itself, where an occupant sent it privately. Undefined without `room` in all but a direct one.
   */
  by: BareJid | undefined;
  /** For entering the room; like all that follows only there with `room`. */
  password?: string | undefined;
  /** A stranger's words, cut to 1000 characters. */
  reason?: string | undefined;
  /** The room goes on with a conversation between two. */
  continued?: boolean | undefined;
  /** The thread of that conversation. */
  thread?: string | undefined;
};

/** Characters of a reason or a thread. */
const MAX_LENGTH = 1000;

/** The invitation that a message carries. Its body, if any, is made up by a server: never a prompt. */
export function decodeInvitation(message: Element): Invitation | undefined {
  // What comes back as an error is an invitation of our own.
  if (attribute(message, "type") === "error") return undefined;
  const notices = message
    .getChildren("x", MUC_USER)
    .flatMap((x) => [...x.getChildren("invite", MUC_USER), ...x.getChildren("decline", MUC_USER)]);
  const [notice] = notices;
  if (notice) return decodeMediated(message, notice, notices.length > 1);
  return message.getChild("x", DIRECT_INVITATION) && decodeDirect(message);
}

function decodeMediated(message: Element, notice: Element, isAmbiguous: boolean): Invitation {
  const kind = notice.is("invite") ? "mediated" : "declined";
  // Only a room's own address speaks for the room: from anybody else this is a forgery.
  const room = parseRoomJid(attribute(message, "from"));
  if (room === undefined || isAmbiguous) return { kind, room: undefined, by: undefined };
  const by = bareJid(attribute(notice, "from") ?? "");
  const reason = decodeWords(notice.getChildText("reason", MUC_USER));
  if (kind === "declined") return { kind, room, by, reason };
  const next = notice.getChild("continue", MUC_USER);
  return {
    kind,
    room,
    by,
    password: decodePassword(notice.parent?.getChildText("password", MUC_USER)),
    reason,
    ...decodeContinued(next !== undefined, next && attribute(next, "thread")),
  };
}

function decodeDirect(message: Element): Invitation {
  const by = bareJid(attribute(message, "from") ?? "");
  const x = onlyChild(message, "x", DIRECT_INVITATION);
  const room = parseRoomJid(x && attribute(x, "jid"));
  if (!x || room === undefined) return { kind: "direct", room: undefined, by };
  return {
    kind: "direct",
    room,
    by,
    password: decodePassword(attribute(x, "password")),
    reason: decodeWords(attribute(x, "reason")),
    ...decodeContinued(isTrue(x, "continue"), attribute(x, "thread")),
  };
}

function decodeWords(text: string | null | undefined): string | undefined {
  return stripInvalidXmlChars((text ?? "").trim().slice(0, MAX_LENGTH)) || undefined;
}

function decodeContinued(
  continued: boolean,
  thread: string | undefined,
): Pick<Invitation, "continued" | "thread"> {
  if (!continued) return {};
  return { continued, thread: thread && thread.length <= MAX_LENGTH ? thread : undefined };
}

/** The message that asks a room we are in to invite somebody (§7.8.2). Most services add the room's password by themselves. */
export function encodeMediatedInvitation(invitation: {
  room: BareJid;
  to: FullJid;
  reason?: string | undefined;
  password?: string | undefined;
}): Element {
  return encodeNotice("invite", invitation);
}

/** The message that tells the inviter, through the room, that we do not come (§7.8.2). */
export function encodeDecline(decline: {
  room: BareJid;
  to: FullJid;
  reason?: string | undefined;
}): Element {
  return encodeNotice("decline", decline);
}

function encodeNotice(
  name: "invite" | "decline",
  notice: Parameters<typeof encodeMediatedInvitation>[0],
): Element {
  const { room, to, reason, password } = notice;
  const message = new Element("message", { to: room });
  const x = message.c("x", { xmlns: MUC_USER });
  const element = x.c(name, { to });
  if (reason !== undefined) element.c("reason").t(stripInvalidXmlChars(reason));
  if (password !== undefined) x.c("password").t(stripInvalidXmlChars(password));
  return message;
}

/** The message that invites somebody into a room without asking the room (XEP-0249 §2). */
export function encodeDirectInvitation(invitation: {
  to: FullJid;
  room: BareJid;
  reason?: string | undefined;
  password?: string | undefined;
}): Element {
  const { to, room, reason, password } = invitation;
  const message = new Element("message", { to });
  const x = message.c("x", { xmlns: DIRECT_INVITATION, jid: room });
  if (password !== undefined) x.attrs["password"] = stripInvalidXmlChars(password);
  if (reason !== undefined) x.attrs["reason"] = stripInvalidXmlChars(reason);
  return message;
}

/** Whether the message carries the room's own mark: private messages and notices of a room do (§7.5). */
export function hasMucUser(message: Element): boolean {
  return message.getChild("x", MUC_USER) !== undefined;
}
