/**
 * XEP-0045 Multi-User Chat 1.35.5 §10.2, https://xmpp.org/extensions/xep-0045.html#roomconfig
 * An owner reads and changes the configuration of a room.
 */
import { Element } from "ltx";
import type { BareJid } from "./jid.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import { type DataForm, DATA_FORM, decodeForm, encodeForm } from "./xep-0004-forms.ts";
import { MUC_OWNER } from "./xep-0045-muc.ts";

export const ROOM_CONFIG = "http://jabber.org/protocol/muc#roomconfig";

/** The iq that asks for the configuration form. */
export function encodeConfigRequest(room: BareJid): Element {
  return encodeRequest("get", new Element("query", { xmlns: MUC_OWNER }), room);
}

/** The form that answers it, with the values that hold now; undefined when the iq has none. */
export function decodeRoomConfiguration(iq: Element): DataForm | undefined {
  const x = iq.getChild("query", MUC_OWNER)?.getChild("x", DATA_FORM);
  const form = x && decodeForm(x);
  return form?.formType === ROOM_CONFIG ? form : undefined;
}

/**
 * The iq that submits a configuration. Fields go by their full name, such as `muc#roomconfig_roomname`;
 * most services leave the others as they are, a few set them back to their defaults.
 */
export function encodeRoomConfiguration(
  room: BareJid,
  fields: Readonly<Record<string, string | readonly string[]>>,
): Element {
  const form = Object.entries(fields).map(([name, value]) => ({
    name,
    values: typeof value === "string" ? [value] : [...value],
  }));
  const query = new Element("query", { xmlns: MUC_OWNER });
  query.append(encodeForm("submit", { formType: ROOM_CONFIG, fields: form }));
  return encodeRequest("set", query, room);
}

/** The iq that destroys a room (§10.9). */
export function encodeDestruction(room: BareJid): Element {
  const query = new Element("query", { xmlns: MUC_OWNER });
  query.c("destroy");
  return encodeRequest("set", query, room);
}
