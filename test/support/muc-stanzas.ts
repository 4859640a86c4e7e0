/** XML that a MUC service sends, as text: thousands of presences want no trees. */
import { escapeXML as escape } from "ltx";

import type { Affiliation, Role } from "../../src/protocol/xep-0045-muc.ts";

const MUC_USER = "http://jabber.org/protocol/muc#user";
const STANZAS = "urn:ietf:params:xml:ns:xmpp-stanzas";

/** A stanza error: its condition alone, or more. */
export type Refusal =
  string | { readonly condition: string; readonly type?: string; readonly text?: string };

/** Who is in a room, and how the room shows them. */
export interface FakeOccupant {
  readonly nick: string;
  /** Sent as the real JID when given. */
  readonly jid?: string;
  readonly affiliation: Affiliation;
  readonly role: Role;
  /** XEP-0421. */
  readonly occupantId?: string;
  readonly show?: string;
  readonly status?: string;
}

export interface PresenceFacts {
  readonly from: string;
  readonly to: string;
  readonly occupant: FakeOccupant;
  readonly type?: "unavailable";
  readonly codes?: readonly number[];
  readonly reason?: string;
  /** Nick of the moderator who did it. */
  readonly actor?: string;
  readonly newNick?: string;
  /** Raw XML inside of the muc#user extension. */
  readonly inside?: string;
  /** Raw XML beside it. */
  readonly extra?: string;
}

/** ` name="value"`, or nothing. */
function attr(name: string, value: string | undefined): string {
  return value === undefined ? "" : ` ${name}="${escape(value)}"`;
}

function child(name: string, text: string | undefined): string {
  return text === undefined ? "" : `<${name}>${escape(text)}</${name}>`;
}

export function occupantIdXml(id: string | undefined): string {
  return id === undefined ? "" : `<occupant-id xmlns="urn:xmpp:occupant-id:0"${attr("id", id)}/>`;
}

export function stanzaIdXml(id: string, by: string): string {
  return `<stanza-id xmlns="urn:xmpp:sid:0"${attr("id", id)}${attr("by", by)}/>`;
}

export function statusXml(codes: readonly number[]): string {
  return codes.map((code) => `<status code="${code}"/>`).join("");
}

export function presenceXml(facts: PresenceFacts): string {
  const { occupant, type, codes = [], inside = "", extra = "" } = facts;
  const { jid, affiliation, role } = occupant;
  const item =
    `<item${attr("jid", jid)} affiliation="${affiliation}" role="${role}"${attr("nick", facts.newNick)}>` +
    (facts.actor === undefined ? "" : `<actor${attr("nick", facts.actor)}/>`) +
    `${child("reason", facts.reason)}</item>`;
  return (
    `<presence${attr("from", facts.from)}${attr("to", facts.to)}${attr("type", type)}>` +
    child("show", occupant.show) +
    child("status", occupant.status) +
    occupantIdXml(occupant.occupantId) +
    extra +
    `<x xmlns="${MUC_USER}">${item}${statusXml(codes)}${inside}</x></presence>`
  );
}

/** A message of the service; `content` is raw XML. */
export function messageXml(
  head: { from: string; to: string; type?: string; id?: string },
  content: string,
): string {
  const { from, to, type, id } = head;
  const attrs = attr("from", from) + attr("to", to) + attr("type", type) + attr("id", id);
  return `<message${attrs}>${content}</message>`;
}

/** A message of the room itself with status codes (XEP-0045 §10.2.1). */
export function noticeXml(room: string, to: string, codes: readonly number[]): string {
  const x = `<x xmlns="${MUC_USER}">${statusXml(codes)}</x>`;
  return messageXml({ from: room, to, type: "groupchat" }, x);
}

export function bodyXml(text: string): string {
  return child("body", text);
}

export function subjectXml(text: string): string {
  return child("subject", text);
}

/** A mediated invitation (XEP-0045 §7.8.2), as it comes to the invited. */
export function invitationXml(
  room: string,
  invitation: { to: string; from: string; reason?: string; password?: string },
): string {
  const { to, from, reason, password } = invitation;
  const invite = `<invite${attr("from", from)}>${child("reason", reason)}</invite>`;
  const x = `<x xmlns="${MUC_USER}">${invite}${child("password", password)}</x>`;
  return messageXml({ from: room, to }, x);
}

export function destroyXml(destroy: { alternate?: string; reason?: string }): string {
  return `<destroy${attr("jid", destroy.alternate)}>${child("reason", destroy.reason)}</destroy>`;
}

/** How servers classify the conditions that rooms use (XEP-0045 §7.2); else "cancel". */
const ERROR_TYPES: Readonly<Record<string, string>> = {
  "not-authorized": "auth",
  forbidden: "auth",
  "registration-required": "auth",
  "jid-malformed": "modify",
  "not-acceptable": "modify",
  "policy-violation": "wait",
  "resource-constraint": "wait",
  "service-unavailable": "wait",
  "remote-server-timeout": "wait",
  "internal-server-error": "wait",
};

/** The answer to a stanza by an error. `content` is raw XML before the error. */
export function errorXml(
  kind: string,
  head: { from: string; to: string; id?: string | undefined },
  refusal: Refusal,
  content = "",
): string {
  const full = typeof refusal === "string" ? { condition: refusal } : refusal;
  const { condition, text, type = ERROR_TYPES[condition] ?? "cancel" } = full;
  const words = text === undefined ? "" : `<text xmlns="${STANZAS}">${escape(text)}</text>`;
  const attrs = attr("from", head.from) + attr("to", head.to) + attr("id", head.id);
  const error = `<error type="${type}"><${condition} xmlns="${STANZAS}"/>${words}</error>`;
  return `<${kind}${attrs} type="error">${content}${error}</${kind}>`;
}

export function resultXml(
  head: { from: string; to: string; id?: string | undefined },
  payload = "",
): string {
  const attrs = attr("from", head.from) + attr("to", head.to) + attr("id", head.id);
  return `<iq${attrs} type="result">${payload}</iq>`;
}

export function discoInfoXml(
  name: string | undefined,
  features: readonly string[],
  extra = "",
): string {
  const identity = `<identity category="conference" type="text"${attr("name", name)}/>`;
  const list = features.map((feature) => `<feature${attr("var", feature)}/>`).join("");
  return `<query xmlns="http://jabber.org/protocol/disco#info">${identity}${list}${extra}</query>`;
}
