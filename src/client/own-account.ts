/**
 * Who speaks for our own account. Roster pushes (RFC 6121 §2.1.6) and notifications of our own
 * nodes (XEP-0163) come from our bare JID or, from some servers, without an address; everything else is
 * somebody's forgery.
 */
import type { Element } from "ltx";
import { attribute } from "../protocol/element.ts";
import { bareJid, parseJid } from "../protocol/jid.ts";
import type { XmppSession } from "./types.ts";

/** Whether our own server sent the stanza in the name of our account. */
export function isFromOwnAccount(stanza: Element, session: Pick<XmppSession, "jid">): boolean {
  const from = attribute(stanza, "from");
  if (from === undefined) return true;
  const own = bareJid(session.jid ?? "");
  return own !== undefined && parseJid(from)?.full === own;
}
