/**
 * XEP-0048 Bookmarks 1.2, https://xmpp.org/extensions/xep-0048.html
 * in the place where most clients keep them: XEP-0049 Private XML Storage 1.2, https://xmpp.org/extensions/xep-0049.html
 *
 * All bookmarks are one document, so a change is read, change, write; who writes in between is
 * overwritten. XEP-0402 is better wherever the server has it.
 */
import { Element, clone } from "ltx";
import { appendChild, attribute, detached, onlyChild } from "./element.ts";
import type { BareJid } from "./jid.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import { parseRoomJid } from "./xep-0045-muc.ts";
import { decodeConference, fillConference, type Bookmark } from "./xep-0402-bookmarks.ts";

export const PRIVATE_STORAGE = "jabber:iq:private";
export const STORAGE_BOOKMARKS = "storage:bookmarks";

/** `storage` is the document as it stands, with all that other clients keep in it. */
export type PrivateBookmarks = { bookmarks: Bookmark[]; storage: Element };

/** Adds the bookmark or replaces the one of its room, or removes the one of a room. */
export type BookmarkChange = { set: Bookmark } | { remove: BareJid };

/** The iq that asks our account for the document. */
export function encodePrivateBookmarksRequest(): Element {
  return encodePrivate("get", new Element("storage", { xmlns: STORAGE_BOOKMARKS }));
}

/** The document that answers it; undefined when the iq holds none: then nothing must be written over it. */
export function decodePrivateBookmarks(iq: Element): PrivateBookmarks | undefined {
  const query = iq.getChild("query", PRIVATE_STORAGE);
  const storage = query && onlyChild(query, "storage", STORAGE_BOOKMARKS);
  if (!storage) return undefined;
  const bookmarks = storage.getChildren("conference", STORAGE_BOOKMARKS).flatMap((conference) => {
    const room = roomOf(conference);
    return room === undefined ? [] : { room, ...decodeConference(conference, STORAGE_BOOKMARKS) };
  });
  return { bookmarks, storage: detached(storage) };
}

/** The iq that writes the document back with one change; `storage` itself is left as it is. */
export function encodePrivateBookmarks(storage: Element, change: BookmarkChange): Element {
  const copy = clone(storage);
  const room = "set" in change ? change.set.room : change.remove;
  const [first, ...doubles] = copy
    .getChildren("conference", STORAGE_BOOKMARKS)
    .filter((conference) => roomOf(conference) === room);
  for (const double of doubles) copy.remove(double);
  if ("set" in change) replace(first ?? appendChild(copy, "conference", { jid: room }), change.set);
  else if (first) copy.remove(first);
  return encodePrivate("set", copy);
}

/** Leaves alone what other clients wrote into the same bookmark. */
function replace(conference: Element, bookmark: Bookmark): void {
  conference.remove("nick", STORAGE_BOOKMARKS).remove("password", STORAGE_BOOKMARKS);
  delete conference.attrs["name"];
  fillConference(conference, bookmark);
}

function roomOf(conference: Element): BareJid | undefined {
  return parseRoomJid(attribute(conference, "jid"));
}

function encodePrivate(type: "get" | "set", storage: Element): Element {
  const query = new Element("query", { xmlns: PRIVATE_STORAGE });
  query.append(storage);
  return encodeRequest(type, query);
}
