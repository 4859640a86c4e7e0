/**
 * XEP-0045 Multi-User Chat 1.35.5, mediated invitations (§7.8.2),
 * https://xmpp.org/extensions/xep-0045.html#invite-mediated
 */
import { Element } from "ltx";
import { attribute, childText, isStanza } from "./element.ts";
import { type BareJid, type Jid, parseJid } from "./jid.ts";
import { MUC_USER } from "./xep-0045-muc.ts";

export type MediatedInvite = {
  room: BareJid;
  /** Who invites, as the room tells it: a real or an occupant JID. Absent when the room hides it. */
  from?: Jid | undefined;
  reason?: string | undefined;
  password?: string | undefined;
};

export type MediatedDecline = Pick<MediatedInvite, "room" | "from" | "reason">;

/** An invitation that a room passes on; undefined for other messages. Its `<body/>`, if any, is never a prompt. */
export function decodeMediatedInvite(message: Element): MediatedInvite | undefined {
  const part = decodePart(message, "invite");
  return part && { ...part.value, password: childText(part.x, "password", MUC_USER) };
}

/** Somebody's refusal of our invitation; undefined for other messages. */
export function decodeMediatedDecline(message: Element): MediatedDecline | undefined {
  return decodePart(message, "decline")?.value;
}

function decodePart(
  message: Element,
  name: "invite" | "decline",
): { x: Element; value: MediatedDecline } | undefined {
  const type = attribute(message, "type");
  if (!isStanza(message, "message") || type === "error" || type === "groupchat") return undefined;
  const x = message.getChild("x", MUC_USER);
  const part = x?.getChild(name, MUC_USER);
  const room = parseJid(attribute(message, "from") ?? "");
  // A room speaks with its bare JID; from a full one it is an occupant or a user, who forges it.
  if (!x || !part || !room || room.resource !== undefined || room.local === undefined) return undefined;
  const from = parseJid(attribute(part, "from") ?? "");
  return { x, value: { room: room.bare, from, reason: childText(part, "reason", MUC_USER) } };
}

/** The message that declines an invitation. */
export function encodeMediatedDecline(room: BareJid, to: BareJid, reason?: string): Element {
  const message = new Element("message", { to: room });
  const decline = message.c("x", { xmlns: MUC_USER }).c("decline", { to });
  if (reason) decline.c("reason").t(reason);
  return message;
}
