/**
 * XEP-0402 PEP Native Bookmarks 1.2.0, https://xmpp.org/extensions/xep-0402.html
 */
import { Element } from "ltx";
import { appendChild, attribute, childText, detached, isTrue, onlyChild } from "./element.ts";
import type { BareJid } from "./jid.ts";
import { decodePassword, parseRoomJid } from "./xep-0045-muc.ts";
import {
  decodeItems,
  decodeItemsEvent,
  encodeConfigure,
  encodeItemsRequest,
  encodePublish,
  encodeRetract,
} from "./xep-0060-pubsub.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const BOOKMARKS = "urn:xmpp:bookmarks:1";

export type Bookmark = {
  room: BareJid;
  name?: string | undefined;
  /** Whether to be in the room whenever we are online. */
  autojoin: boolean;
  nick?: string | undefined;
  password?: string | undefined;
  /** What other clients keep with it, as it stands: it goes along when the bookmark is rewritten (§3.4). */
  extensions?: Element | undefined;
};

/** XEP-0223 §4, and as many bookmarks as the server allows (§3.3). */
const PRIVATE_NODE = {
  "pubsub#persist_items": "true",
  "pubsub#max_items": "max",
  "pubsub#send_last_published_item": "never",
  "pubsub#access_model": "whitelist",
};

/** The bookmark in a pubsub item; undefined when its id is no room's address, or it holds not exactly one. */
export function decodeBookmarkItem(item: Element): Bookmark | undefined {
  const room = parseRoomJid(attribute(item, "id"));
  const conference = onlyChild(item, "conference", BOOKMARKS);
  if (room === undefined || !conference) return undefined;
  const extensions = conference.getChild("extensions", BOOKMARKS);
  return {
    room,
    ...decodeConference(conference, BOOKMARKS),
    extensions: extensions && detached(extensions),
  };
}

/** What a `<conference/>` of this XEP and of XEP-0048 has in common. */
export function decodeConference(
  conference: Element,
  xmlns: string,
): Pick<Bookmark, "name" | "autojoin" | "nick" | "password"> {
  return {
    name: attribute(conference, "name") || undefined,
    autojoin: isTrue(conference, "autojoin"),
    nick: childText(conference, "nick", xmlns),
    password: decodePassword(conference.getChildText("password", xmlns)),
  };
}

/** Writes the same into a `<conference/>`. */
export function fillConference(conference: Element, bookmark: Bookmark): void {
  const { name, autojoin, nick, password } = bookmark;
  if (name !== undefined) conference.attrs["name"] = stripInvalidXmlChars(name);
  conference.attrs["autojoin"] = String(autojoin);
  if (nick !== undefined) appendChild(conference, "nick").t(stripInvalidXmlChars(nick));
  if (password !== undefined) appendChild(conference, "password").t(stripInvalidXmlChars(password));
}

/** The iq that asks our account for all bookmarks (§3.2). */
export function encodeBookmarksRequest(): Element {
  return encodeItemsRequest(BOOKMARKS);
}

/** The bookmarks that answer it, without items that are none; undefined when the iq does not answer it. */
export function decodeBookmarksResult(iq: Element): Bookmark[] | undefined {
  return decodeItems(iq, BOOKMARKS)?.flatMap((item) => decodeBookmarkItem(item) ?? []);
}

/** The iq that adds a bookmark or replaces the one of that room (§3.3, §3.4); refused where others could read it. */
export function encodePublishBookmark(bookmark: Bookmark): Element {
  const conference = new Element("conference", { xmlns: BOOKMARKS });
  fillConference(conference, bookmark);
  if (bookmark.extensions) conference.append(detached(bookmark.extensions));
  return encodePublish(BOOKMARKS, bookmark.room, conference, PRIVATE_NODE);
}

/** The iq that makes our node what a publication asks for, where another client made it otherwise. */
export function encodeConfigureBookmarks(): Element {
  return encodeConfigure(BOOKMARKS, PRIVATE_NODE);
}

/** The iq that removes the bookmark of a room and tells our other clients (§3.5). */
export function encodeRetractBookmark(room: BareJid): Element {
  return encodeRetract(BOOKMARKS, room);
}

/**
 * What a notification says of our bookmarks (§4); undefined when the message is none. Anybody may
 * send one: it counts only when `from` is our own bare JID, which is for the caller to check.
 */
export function decodeBookmarksEvent(
  message: Element,
): { changed: Bookmark[]; retracted: BareJid[] } | undefined {
  const event = decodeItemsEvent(message, BOOKMARKS);
  if (!event) return undefined;
  return {
    changed: event.items.flatMap((item) => decodeBookmarkItem(item) ?? []),
    retracted: event.retracted.flatMap((id) => parseRoomJid(id) ?? []),
  };
}
