/**
 * Where a message goes, as people and the host write it.
 *
 * | text                                   | means                                              |
 * | -------------------------------------- | -------------------------------------------------- |
 * | `user@domain`, `user@domain/device`    | that person, or that device only                   |
 * | `room@service`                         | the room, where `isRoom` knows it                  |
 * | `room@service/nick`                    | an occupant, privately, where `isRoom` knows the room |
 * | `xmpp:…`, `xmpp:…?message`             | the same, percent-decoded (RFC 5122)               |
 * | `xmpp:room@service?join`               | the room, known or not                             |
 * | `jabber:…`                             | the same as without it                             |
 * | `room:…`, `group:…`, `channel:…`       | a room or its occupant, known or not               |
 * | `user:…`                               | a person, also where a room of that name is known  |
 * | `stay:<stay>:room@service/nick`        | an occupant for this stay only: how the host keeps the way back to one |
 */
import { bareJid, parseJid, type BareJid, type FullJid, type Jid } from "../protocol/jid.ts";
import { decodePath, splitXmppUri, type XmppUri } from "../protocol/rfc-5122-uri.ts";

export type Target =
  | { kind: "direct"; to: FullJid }
  | { kind: "room"; room: BareJid; to: BareJid }
  /** `stay`: only to that stay of the occupant (see client/room.ts), not to who has the nick next. */
  | { kind: "room-private"; room: BareJid; nick: string; to: FullJid; stay?: string | undefined };

/** The person, or the room, whose conversation a target belongs to. */
export function conversationOf(target: Target): BareJid {
  // What is a full JID has a bare one.
  return target.kind === "direct" ? (bareJid(target.to) as BareJid) : target.room;
}

/** What is wrong with a target, for the one who wrote it. */
export type TargetProblem = { problem: string };

const EXPECTED = "write user@domain, room@service or room@service/nick";
/** A JID has at most 3071 octets (RFC 7622 §3.1), each of them at most three characters in a URI; the rest is for prefix and query. */
const MAX_LENGTH = 3 * 3071 + 1000;
const ROOM_PREFIX = /^(?:room|group|channel):/i;
const USER_PREFIX = /^user:/i;
const STAY_PREFIX = /^stay:([\w-]+):/i;

/** Reads a target. `isRoom` says which bare JIDs are rooms; never throws. */
export function parseTarget(
  text: string,
  isRoom: (jid: BareJid) => boolean,
): Target | TargetProblem {
  const written = text.trim();
  if (written === "") return { problem: `no target; ${EXPECTED}` };
  if (written.length > MAX_LENGTH) return { problem: `too long for a JID; ${EXPECTED}` };
  const address = readAddress(written);
  if ("problem" in address) return address;
  const jid = parseJid(address.jid);
  if (!jid) return { problem: `"${written}" is not a JID; ${EXPECTED}` };
  if (jid.local === undefined) {
    return {
      problem: `"${written}" has no "@": it names neither a person nor a room; ${EXPECTED}`,
    };
  }
  const target = toTarget(jid, address.kind ?? (isRoom(jid.bare) ? "room" : "user"));
  if (address.stay === undefined) return target;
  return target.kind === "room-private"
    ? { ...target, stay: address.stay }
    : { problem: `"${written}" names no occupant; ${EXPECTED}` };
}

function toTarget(jid: Jid, kind: "user" | "room"): Target {
  if (kind === "user") return { kind: "direct", to: jid.full };
  if (jid.resource === undefined) return { kind: "room", room: jid.bare, to: jid.bare };
  return { kind: "room-private", room: jid.bare, nick: jid.resource, to: jid.full };
}

type Address = { jid: string; kind: "user" | "room" | undefined; stay?: string };

function readAddress(text: string): Address | TargetProblem {
  const uri = splitXmppUri(text);
  if (uri !== undefined) return readUri(text, uri);
  const address = text.replace(/^jabber:/i, "");
  if (ROOM_PREFIX.test(address)) return readPrefixed(address.replace(ROOM_PREFIX, ""), "room");
  const [prefix = "", stay] = STAY_PREFIX.exec(address) ?? [];
  if (stay !== undefined) return { jid: address.slice(prefix.length), kind: "room", stay };
  if (USER_PREFIX.test(address)) return readPrefixed(address.replace(USER_PREFIX, ""), "user");
  return { jid: address, kind: undefined };
}

/** The prefix is the host's, what follows may still be a URI. */
function readPrefixed(text: string, kind: "user" | "room"): Address | TargetProblem {
  const address = readAddress(text);
  return "problem" in address ? address : { ...address, kind };
}

/** The path is a target itself: prefixes of the host may stand in it. */
function readUri(text: string, uri: XmppUri | "authority"): Address | TargetProblem {
  if (uri === "authority") {
    return { problem: `"${text}" names an account to send from; write xmpp:user@domain` };
  }
  const { path, action } = uri;
  if (action !== "" && action !== "message" && action !== "join") {
    return { problem: `"?${action}" in "${text}" is nowhere to send to; use ?message or ?join` };
  }
  const inner = readAddress(path);
  if ("problem" in inner) return inner;
  const jid = decodePath(inner.jid);
  if (jid === undefined) return { problem: `"${text}" is not a URI: a "%" needs two hex digits` };
  return { ...inner, jid, kind: action === "join" ? "room" : inner.kind };
}
