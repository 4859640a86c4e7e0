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
 */
import { parseJid, type BareJid, type FullJid, type Jid } from "../protocol/jid.ts";

export type Target =
  | { kind: "direct"; to: FullJid }
  | { kind: "room"; room: BareJid; to: BareJid }
  /** `stay`: only to that stay of the occupant (see client/room.ts), not to who has the nick next. */
  | { kind: "room-private"; room: BareJid; nick: string; to: FullJid; stay?: string | undefined };

/** What is wrong with a target, for the one who wrote it. */
export type TargetProblem = { problem: string };

const EXPECTED = "write user@domain, room@service or room@service/nick";
/** A JID has at most 3071 octets (RFC 7622 §3.1), each of them at most three characters in a URI; the rest is for prefix and query. */
const MAX_LENGTH = 3 * 3071 + 1000;
const ROOM_PREFIX = /^(?:room|group|channel):/i;
const USER_PREFIX = /^user:/i;

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
  return toTarget(jid, address.kind ?? (isRoom(jid.bare) ? "room" : "user"));
}

function toTarget(jid: Jid, kind: "user" | "room"): Target {
  if (kind === "user") return { kind: "direct", to: jid.full };
  if (jid.resource === undefined) return { kind: "room", room: jid.bare, to: jid.bare };
  return { kind: "room-private", room: jid.bare, nick: jid.resource, to: jid.full };
}

type Address = { jid: string; kind: "user" | "room" | undefined };

function readAddress(text: string): Address | TargetProblem {
  if (/^xmpp:/i.test(text)) return readUri(text);
  const address = text.replace(/^jabber:/i, "");
  if (ROOM_PREFIX.test(address)) return readPrefixed(address.replace(ROOM_PREFIX, ""), "room");
  if (USER_PREFIX.test(address)) return readPrefixed(address.replace(USER_PREFIX, ""), "user");
  return { jid: address, kind: undefined };
}

/** The prefix is the host's, what follows may still be a URI. */
function readPrefixed(text: string, kind: "user" | "room"): Address | TargetProblem {
  const address = readAddress(text);
  return "problem" in address ? address : { jid: address.jid, kind };
}

/** RFC 5122 §2.2: path, query and fragment, each percent-encoded. */
function readUri(text: string): Address | TargetProblem {
  const [uri = ""] = text.slice("xmpp:".length).split("#", 1);
  const query = uri.indexOf("?");
  const path = query < 0 ? uri : uri.slice(0, query);
  if (path.startsWith("//")) {
    return { problem: `"${text}" names an account to send from; write xmpp:user@domain` };
  }
  const action = query < 0 ? "" : (uri.slice(query + 1).split(";", 1)[0] ?? "").toLowerCase();
  if (action !== "" && action !== "message" && action !== "join") {
    return { problem: `"?${action}" in "${text}" is nowhere to send to; use ?message or ?join` };
  }
  const inner = readAddress(path);
  if ("problem" in inner) return inner;
  const jid = decodeUri(inner.jid);
  if (jid === undefined) return { problem: `"${text}" is not a URI: a "%" needs two hex digits` };
  return { jid, kind: action === "join" ? "room" : inner.kind };
}

/** Decodes part by part, so that an encoded "@" or "/" is refused in a local part and does not divide anew. */
function decodeUri(path: string): string | undefined {
  const slash = path.indexOf("/");
  const address = slash < 0 ? path : path.slice(0, slash);
  try {
    const parts = address.split("@").map(decodeURIComponent);
    if (parts.some((part) => /[@/]/.test(part))) return parts.join("@").replace(/[@/]/g, " ");
    const resource = slash < 0 ? "" : `/${decodeURIComponent(path.slice(slash + 1))}`;
    return parts.join("@") + resource;
  } catch (error) {
    if (error instanceof URIError) return undefined;
    throw error;
  }
}

/** The `xmpp:` URI of a JID (RFC 5122 §2.7), which `parseTarget` reads back to the same JID. */
export function toXmppUri(jid: FullJid): string {
  const slash = jid.indexOf("/");
  const address = slash < 0 ? jid : jid.slice(0, slash);
  const bare = address.split("@").map(encodePart).join("@");
  return slash < 0 ? `xmpp:${bare}` : `xmpp:${bare}/${encodePart(jid.slice(slash + 1))}`;
}

/** What RFC 5122 leaves as it is, besides letters and digits of ASCII. */
function encodePart(part: string): string {
  return encodeURIComponent(part).replace(
    /%(?:21|24|28|29|2A|2B|2C|3B|3D|5B|5D)/gi,
    decodeURIComponent,
  );
}
