/**
 * XEP-0045 Multi-User Chat 1.35.5, https://xmpp.org/extensions/xep-0045.html
 * Entering and leaving, and what a room says of its occupants and of itself.
 * Invitations are in xep-0045-invitation.ts, what an owner configures in xep-0045-owner.ts.
 */
import { clone, Element } from "ltx";
import { attribute, childText, isStanza, onlyChild } from "./element.ts";
import { type BareJid, type FullJid, bareJid, parseJid } from "./jid.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import { type StanzaError, decodeStanzaError } from "./rfc-6120-stanza-error.ts";
import { encodeAvailable, encodeUnavailable } from "./rfc-6121-presence.ts";
import { DATA_FORM } from "./xep-0004-forms.ts";
import { decodeOccupantId } from "./xep-0421-occupant-id.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const MUC = "http://jabber.org/protocol/muc";
export const MUC_USER = "http://jabber.org/protocol/muc#user";
export const MUC_OWNER = "http://jabber.org/protocol/muc#owner";
/** Features in a room's disco#info (§15.3). */
export const MUC_NON_ANONYMOUS = "muc_nonanonymous";
export const MUC_SEMI_ANONYMOUS = "muc_semianonymous";
export const MUC_MEMBERS_ONLY = "muc_membersonly";
export const MUC_PASSWORD_PROTECTED = "muc_passwordprotected";

/** The status codes that ask for something (§15.6). */
export const STATUS = {
  /** In self-presence: everybody sees our real JID. */
  nonAnonymous: 100,
  /** In a message of the room, to somebody outside: what the room lets us do has changed. */
  affiliationChanged: 101,
  /** From here to 104 and from 170 to 174, in a message of the room: its configuration changed. */
  unavailableShown: 102,
  unavailableHidden: 103,
  /** A setting that concerns no privacy. */
  configChanged: 104,
  self: 110,
  /** Also in self-presence: what is said here is logged, often in public. */
  loggingEnabled: 170,
  loggingDisabled: 171,
  nowNonAnonymous: 172,
  nowSemiAnonymous: 173,
  /** Of older versions of the XEP. */
  nowFullyAnonymous: 174,
  created: 201,
  nickModified: 210,
  banned: 301,
  nickChange: 303,
  kicked: 307,
  affiliationLost: 321,
  membersOnly: 322,
  shutdown: 332,
  /** Removed because of a technical problem, mostly beside 307. */
  technical: 333,
} as const;

export type Affiliation = "owner" | "admin" | "member" | "none" | "outcast";
export type Role = "moderator" | "participant" | "visitor" | "none";
export type StatusCodes = ReadonlySet<number>;

/** `alternate` is where the room says it moved to: a stranger's word, nothing to follow unasked. */
export type Destruction = {
  alternate?: BareJid | undefined;
  /** For entering the alternate room. */
  password?: string | undefined;
  reason?: string | undefined;
};

/** A presence from `room/nick`, as the room stamps it with its muc#user extension. */
export type OccupantPresence = {
  kind: "available" | "unavailable";
  room: BareJid;
  nick: string;
  occupantJid: FullJid;
  affiliation: Affiliation;
  role: Role;
  /** Whose occupant it is, where the room shows it to us; which of the resources is of no use. */
  realJid?: BareJid | undefined;
  /** Theirs at each visit and under each nick (XEP-0421); believe it only where the room announces the feature. */
  occupantId?: string | undefined;
  /** With 303: the nick that the occupant goes by from now on. */
  newNick?: string | undefined;
  codes: StatusCodes;
  actor?: string | undefined;
  reason?: string | undefined;
  destroy?: Destruction | undefined;
};

const NO_CODES: StatusCodes = new Set();
const MAX_PASSWORD_LENGTH = 1000;

/** The bare JID of a room as a peer wrote it; undefined when it is not one, or is an occupant's or a service's. */
export function parseRoomJid(text: string | undefined): BareJid | undefined {
  const jid = parseJid(text ?? "");
  return jid?.local !== undefined && jid.resource === undefined ? jid.bare : undefined;
}

/** A room's password as a peer wrote it, spaces included; undefined when it is empty or beyond all reason. */
export function decodePassword(text: string | null | undefined): string | undefined {
  return text && text.length <= MAX_PASSWORD_LENGTH ? text : undefined;
}

/** The presence that enters a room, without history (§7.2.13). */
export function encodeJoin(join: {
  room: BareJid;
  nick: string;
  password?: string | undefined;
  extensions?: readonly Element[];
}): Element {
  const x = new Element("x", { xmlns: MUC });
  x.c("history", { maxstanzas: "0" });
  if (join.password !== undefined) x.c("password").t(stripInvalidXmlChars(join.password));
  return encodeAvailable([x, ...(join.extensions ?? [])], occupantJid(join.room, join.nick));
}

/** The presence that leaves a room (§7.14). */
export function encodeLeave(room: BareJid, nick: string): Element {
  return encodeUnavailable(occupantJid(room, nick));
}

/** Our presence in a room (§7.7); with another nick it asks for that (§7.6). */
export function encodeOccupantPresence(
  room: BareJid,
  nick: string,
  extensions: readonly Element[] = [],
): Element {
  return encodeAvailable(extensions, occupantJid(room, nick));
}

/** The iq that unlocks a new room with the service's default configuration (§10.1.2). */
export function encodeInstantRoom(room: BareJid): Element {
  const query = new Element("query", { xmlns: MUC_OWNER });
  query.c("x", { xmlns: DATA_FORM, type: "submit" });
  return encodeRequest("set", query, room);
}

/** The mark of a private message to an occupant (§7.5). */
export function encodeMucUser(): Element {
  return new Element("x", { xmlns: MUC_USER });
}

/** The address of `nick` in `room`, as written: whether the nick is a valid resource is for the service to say. */
export function occupantJid(room: BareJid, nick: string): FullJid {
  return `${room}/${nick}` as FullJid;
}

/**
 * Reads an available or unavailable presence of an occupant. Undefined for other presences, and for
 * an available one without exactly one muc#user extension: a second one is not from the room.
 */
export function decodeOccupantPresence(stanza: Element): OccupantPresence | undefined {
  const type = attribute(stanza, "type");
  if (!isStanza(stanza, "presence") || (type !== undefined && type !== "unavailable"))
    return undefined;
  const from = parseJid(attribute(stanza, "from") ?? "");
  if (!from || from.resource === undefined) return undefined;
  const x = onlyChild(stanza, "x", MUC_USER);
  if (!x && type === undefined) return undefined;
  return {
    kind: type ?? "available",
    room: from.bare,
    nick: from.resource,
    occupantJid: from.full,
    codes: x ? decodeCodes(x) : NO_CODES,
    occupantId: decodeOccupantId(stanza),
    ...decodeItem(x && onlyChild(x, "item", MUC_USER)),
    destroy: x && decodeDestruction(x),
  };
}

type Item = Pick<
  OccupantPresence,
  "affiliation" | "role" | "realJid" | "newNick" | "actor" | "reason"
>;

function decodeItem(item: Element | undefined): Item {
  if (!item) return { affiliation: "none", role: "none" };
  const actor = item.getChild("actor", MUC_USER);
  return {
    affiliation: decodeAffiliation(attribute(item, "affiliation")),
    role: decodeRole(attribute(item, "role")),
    realJid: bareJid(attribute(item, "jid") ?? ""),
    newNick: attribute(item, "nick") || undefined,
    actor: actor && (attribute(actor, "nick") ?? attribute(actor, "jid")),
    reason: childText(item, "reason", MUC_USER),
  };
}

// Looked up, so that a value kept is one of these strings, and not a part of what was read with it.
const AFFILIATIONS = new Map<string | undefined, Affiliation>(
  (["owner", "admin", "member", "outcast"] as const).map((name) => [name, name]),
);
const ROLES = new Map<string | undefined, Role>(
  (["moderator", "participant", "visitor"] as const).map((name) => [name, name]),
);

function decodeAffiliation(text: string | undefined): Affiliation {
  return AFFILIATIONS.get(text) ?? "none";
}

function decodeRole(text: string | undefined): Role {
  return ROLES.get(text) ?? "none";
}

function decodeDestruction(x: Element): Destruction | undefined {
  const destroy = x.getChild("destroy", MUC_USER);
  if (!destroy) return undefined;
  return {
    alternate: bareJid(attribute(destroy, "jid") ?? ""),
    password: decodePassword(destroy.getChildText("password", MUC_USER)),
    reason: childText(destroy, "reason", MUC_USER),
  };
}

function decodeCodes(x: Element): StatusCodes {
  const codes = new Set<number>();
  for (const status of x.getChildren("status", MUC_USER)) {
    const code = attribute(status, "code") ?? "";
    if (/^\d{3}$/.test(code)) codes.add(Number(code));
  }
  return codes;
}

/** Who an archive says that the author of a groupchat message was (XEP-0313 §5.1.2, MUC archives). */
export type ArchivedAuthor = Pick<OccupantPresence, "affiliation" | "role" | "realJid">;

/**
 * What the last muc#user extension of a message says of its author; undefined where there is none. The last:
 * Prosody 0.12 leaves those that the author wrote standing before its own. To be asked only of what came
 * from the archive of a room that shows real JIDs: elsewhere everyone can write one.
 */
export function decodeArchivedAuthor(message: Element): ArchivedAuthor | undefined {
  const x = message.getChildren("x", MUC_USER).at(-1);
  const item = x && onlyChild(x, "item", MUC_USER);
  if (!item) return undefined;
  const { affiliation, role, realJid } = decodeItem(item);
  return { affiliation, role, realJid };
}

/** The message without what it says of its author, for where that is nobody's word but their own. */
export function withoutArchivedAuthor(message: Element): Element {
  const copy = clone(message);
  for (const x of copy.getChildren("x", MUC_USER)) {
    if (x.getChild("item", MUC_USER)) copy.remove(x);
  }
  return copy;
}

/** The status codes that a message carries, such as changes of the room's privacy (§10.2.1). */
export function decodeStatusCodes(message: Element): StatusCodes {
  const x = onlyChild(message, "x", MUC_USER);
  return x ? decodeCodes(x) : NO_CODES;
}

/** A presence of type "error" from a room; undefined for others. The nick is absent when the room answers as itself. */
export function decodeRoomError(
  stanza: Element,
): { room: BareJid; nick?: string | undefined; error: StanzaError } | undefined {
  if (!isStanza(stanza, "presence") || attribute(stanza, "type") !== "error") return undefined;
  const from = parseJid(attribute(stanza, "from") ?? "");
  return from && { room: from.bare, nick: from.resource, error: decodeStanzaError(stanza) };
}

/** A change of the room's subject: a groupchat message with a subject and neither body nor thread (§8.1). */
export function decodeRoomSubject(
  message: Element,
): { room: BareJid; nick?: string | undefined; subject: string } | undefined {
  if (!isStanza(message, "message") || attribute(message, "type") !== "groupchat") return undefined;
  const subject = message.getChild("subject");
  if (!subject || message.getChild("body") || message.getChild("thread")) return undefined;
  const from = parseJid(attribute(message, "from") ?? "");
  return from && { room: from.bare, nick: from.resource, subject: subject.getText() };
}
