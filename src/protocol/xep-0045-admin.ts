/** XEP-0045 §8 and §9: what moderators and admins of a room do about others. */
import { Element } from "ltx";
import type { BareJid } from "./jid.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import type { Affiliation, Role } from "./xep-0045-muc.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const MUC_ADMIN = "http://jabber.org/protocol/muc#admin";

/** The iq that gives an occupant another role; "none" is a kick (§8.2). */
export function encodeRole(
  room: BareJid,
  { nick, role, reason }: { nick: string; role: Role; reason?: string | undefined },
): Element {
  return encodeItem(room, { nick: stripInvalidXmlChars(nick), role }, reason);
}

/** The iq that gives somebody another affiliation; "outcast" is a ban (§9.1). */
export function encodeAffiliation(
  room: BareJid,
  {
    jid,
    affiliation,
    reason,
  }: { jid: BareJid; affiliation: Affiliation; reason?: string | undefined },
): Element {
  return encodeItem(room, { jid, affiliation }, reason);
}

function encodeItem(
  room: BareJid,
  attributes: Record<string, string>,
  reason: string | undefined,
): Element {
  const query = new Element("query", { xmlns: MUC_ADMIN });
  const item = query.c("item", attributes);
  if (reason !== undefined) item.c("reason").t(stripInvalidXmlChars(reason));
  return encodeRequest("set", query, room);
}
