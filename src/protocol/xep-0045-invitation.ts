/**
 * XEP-0045 Multi-User Chat 1.35.5 §7.8, https://xmpp.org/extensions/xep-0045.html#invite
 * XEP-0249 Direct MUC Invitations 1.2, https://xmpp.org/extensions/xep-0249.html
 */
import type { Element } from "ltx";
import { attribute } from "./element.ts";
import { bareJid, parseJid, type BareJid } from "./jid.ts";
import { MUC_USER } from "./xep-0045-muc.ts";

export const DIRECT_INVITATION = "jabber:x:conference";

export type Invitation = {
  /** Through the room, straight from a person, or an answer to an invitation of ours. */
  kind: "mediated" | "direct" | "declined";
  /** Undefined in a mediated one that does not come from the address of a room. */
  room: BareJid | undefined;
  /** Who invites or declines. In a mediated one the room vouches for it, in a direct one it is the sender. */
  by: BareJid | undefined;
};

/** The invitation that a message carries. Its body, if any, is made up by a server: never a prompt. */
export function decodeInvitation(message: Element): Invitation | undefined {
  const sender = parseJid(attribute(message, "from") ?? "");
  const from = sender?.bare;
  for (const x of message.getChildren("x", MUC_USER)) {
    const notice = x.getChild("invite", MUC_USER) ?? x.getChild("decline", MUC_USER);
    if (!notice) continue;
    const kind = notice.is("invite") ? "mediated" : "declined";
    // Only a room's own address speaks for the room: from anybody else this is a forgery.
    if (!sender?.local || sender.resource !== undefined) {
      return { kind, room: undefined, by: undefined };
    }
    return { kind, room: from, by: bareJid(attribute(notice, "from") ?? "") };
  }
  const direct = message.getChild("x", DIRECT_INVITATION);
  if (!direct) return undefined;
  return { kind: "direct", room: bareJid(attribute(direct, "jid") ?? ""), by: from };
}

/** Whether the message carries the room's own mark: private messages and notices of a room do (§7.5). */
export function hasMucUser(message: Element): boolean {
  return message.getChild("x", MUC_USER) !== undefined;
}
