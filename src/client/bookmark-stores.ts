/**
 * Where an account keeps its bookmarks: PEP (XEP-0402), or private XML storage (XEP-0048 in XEP-0049)
 * on a server without it.
 */
import type { Element } from "ltx";
import { XmppNotSentError, XmppStanzaError } from "../errors.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { DISCO_INFO, decodeDiscoInfo, encodeDiscoQuery } from "../protocol/xep-0030-disco.ts";
import {
  type BookmarkChange,
  decodePrivateBookmarks,
  encodePrivateBookmarks,
  encodePrivateBookmarksRequest,
} from "../protocol/xep-0048-bookmarks.ts";
import { PUBLISH_OPTIONS } from "../protocol/xep-0060-pubsub.ts";
import {
  type Bookmark,
  decodeBookmarksResult,
  encodeBookmarksRequest,
  encodeConfigureBookmarks,
  encodePublishBookmark,
  encodeRetractBookmark,
} from "../protocol/xep-0402-bookmarks.ts";
import type { XmppSession } from "./types.ts";

type Requester = Pick<XmppSession, "request">;

export type BookmarkStore = {
  /** Whether the server tells of changes by itself; otherwise read before each write. */
  isLive: boolean;
  /** @throws what the request throws, and XmppStanzaError for an answer that is none */
  read(): Promise<Bookmark[]>;
  /** @throws what the request throws */
  write(change: BookmarkChange): Promise<void>;
};

/** What a server says that does not know PEP (RFC 6120 §8.3.3.3 and §8.3.3.19). */
const NO_PEP = new Set(["feature-not-implemented", "service-unavailable"]);

/**
 * Finds the store by asking for the bookmarks, anew after each login.
 * PEP answers: it is the store. PEP says `item-not-found`: it is the store, and empty, since its node is
 * made with the first bookmark. `feature-not-implemented` or `service-unavailable`: there is no PEP, so
 * private XML storage is asked. Anything else – `forbidden`, a full disk, no answer in time – says
 * nothing about where the bookmarks are, nor that there are none.
 * @throws what the deciding request throws
 */
export async function openBookmarkStore(
  session: Requester,
): Promise<{ store: BookmarkStore; bookmarks: Bookmark[] }> {
  let store = createPepStore(session);
  try {
    return { store, bookmarks: await store.read() };
  } catch (error) {
    if (!(error instanceof XmppStanzaError) || !NO_PEP.has(error.condition)) throw error;
  }
  store = createPrivateStore(session);
  return { store, bookmarks: await store.read() };
}

function createPepStore(session: Requester): BookmarkStore {
  let isPrivate = false;
  return {
    isLive: true,
    async read() {
      let answer: Element;
      try {
        answer = await session.request(encodeBookmarksRequest());
      } catch (error) {
        if (isNotFound(error)) return [];
        throw error;
      }
      return decodeBookmarksResult(answer) ?? refuse("the server's answer holds no bookmarks");
    },
    async write(change) {
      if ("remove" in change) {
        await session.request(encodeRetractBookmark(change.remove)).catch((error: unknown) => {
          // Another client was faster.
          if (!isNotFound(error)) throw error;
        });
        return;
      }
      isPrivate ||= await knowsPublishOptions(session);
      if (!isPrivate) {
        throw new XmppNotSentError("the server would show our bookmarks to our contacts");
      }
      await publish(session, change.set);
    },
  };
}

/**
 * Publishes, after making the node private and large enough where it is not: many a client made it with
 * the server's defaults, that is, with one item, for all contacts to read.
 */
async function publish(session: Requester, bookmark: Bookmark): Promise<void> {
  try {
    await session.request(encodePublishBookmark(bookmark));
  } catch (error) {
    if (!(error instanceof XmppStanzaError) || error.condition !== "conflict") throw error;
    await session.request(encodeConfigureBookmarks());
    await session.request(encodePublishBookmark(bookmark));
  }
}

/** XEP-0223 §5: a server that ignores the options would publish the bookmark, and its password, to all contacts. */
async function knowsPublishOptions(session: Requester): Promise<boolean> {
  const answer = await session.request(encodeRequest("get", encodeDiscoQuery(DISCO_INFO)));
  return decodeDiscoInfo(answer)?.features.includes(PUBLISH_OPTIONS) ?? false;
}

function createPrivateStore(session: Requester): BookmarkStore {
  let storage: Element | undefined;
  const store = {
    isLive: false,
    async read() {
      const answer = await session.request(encodePrivateBookmarksRequest());
      const read = decodePrivateBookmarks(answer) ?? refuse("the server's answer holds no storage");
      storage = read.storage;
      return read.bookmarks;
    },
    async write(change: BookmarkChange) {
      if (!storage) await store.read();
      if (storage) await session.request(encodePrivateBookmarks(storage, change));
    },
  };
  return store;
}

function isNotFound(error: unknown): boolean {
  return error instanceof XmppStanzaError && error.condition === "item-not-found";
}

function refuse(problem: string): never {
  throw new XmppStanzaError("cancel", "undefined-condition", problem);
}
