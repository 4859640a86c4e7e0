/**
 * The account's room bookmarks (XEP-0402, or XEP-0048 where the server has no PEP): read after each login,
 * kept up to date by the server's notifications, changed one at a time. Which rooms are entered or left
 * for it is for others to decide.
 */
import type { Element } from "ltx";
import { XmppNotSentError, messageOf } from "../errors.ts";
import type { BareJid } from "../protocol/jid.ts";
import { isNodeEmptied } from "../protocol/xep-0060-pubsub.ts";
import { BOOKMARKS, type Bookmark, decodeBookmarksEvent } from "../protocol/xep-0402-bookmarks.ts";
import { type BookmarkStore, openBookmarkStore } from "./bookmark-stores.ts";
import { isFromOwnAccount } from "./own-account.ts";
import { mayBeResumed } from "./resumption.ts";
import { createTurns } from "./turns.ts";
import type { ConnectionState, Logger, XmppSession } from "./types.ts";

export type { Bookmark } from "../protocol/xep-0402-bookmarks.ts";

/** To be announced in disco and caps: only then does the server tell of changes (XEP-0163 §4). */
export const BOOKMARKS_NOTIFY = `${BOOKMARKS}+notify`;

export type Bookmarks = {
  /** As last known, which says nothing of what is missing while `loaded` is false. */
  list(): Bookmark[];
  /**
   * Whether the bookmarks were read since the login (a resumed stream is none). They are unknown until then, and after a failure:
   * no room is to be left because it is not on the list then.
   */
  readonly loaded: boolean;
  /** Whether `extensions` are kept: in PEP they are, in private storage not. False while not `loaded`. */
  readonly keepsExtensions: boolean;
  /**
   * Adds a bookmark or replaces that of its room; `extensions` that are left out stay as they are.
   * Writes nothing when it is there already. Reads the bookmarks first where they are unknown.
   * @throws what the request throws; XmppNotSentError beyond the bound, and where others could read it
   */
  set(bookmark: Bookmark): Promise<void>;
  /** Removes the bookmark of a room, if there is one. @throws what the request throws */
  remove(room: BareJid): Promise<void>;
  /** Called after each successful reading, and at each change from then on; never while not `loaded`. */
  onChange(listener: (bookmarks: readonly Bookmark[]) => void): () => void;
  /** Ends all listening. */
  stop(): void;
};

export type BookmarksOptions = {
  session: XmppSession;
  log: Logger;
  /** Tells when to read after a login (`roster.onReady`); by default once the session is online. */
  onReady?: ((listener: () => void) => () => void) | undefined;
};

export const MAX_BOOKMARKS = 1000;

export function createBookmarks(options: BookmarksOptions): Bookmarks {
  const { session, log } = options;
  const known = new Map<BareJid, Bookmark>();
  const listeners = new Set<(bookmarks: readonly Bookmark[]) => void>();
  const inTurn = createTurns();
  /** Where they are kept; undefined while that, and so the list, is unknown. */
  let store: BookmarkStore | undefined;
  /** Rooms that a notification was about since the request in hand was sent: it is news against the answer. */
  const told = new Set<BareJid>();
  let login = 0;
  let isFailing = false;
  let isOverfull = false;

  function emit(): void {
    if (!store) return;
    const bookmarks = [...known.values()];
    for (const listener of listeners) {
      try {
        listener(bookmarks);
      } catch (error) {
        log.error(`bookmark listener failed: ${String(error)}`);
      }
    }
  }

  /** @returns whether that is a change */
  function put(bookmark: Bookmark): boolean {
    const { room } = bookmark;
    const before = known.get(room);
    if (isSame(before, bookmark) || (!before && !hasSpace())) return false;
    known.set(room, bookmark);
    return true;
  }

  function hasSpace(): boolean {
    if (known.size < MAX_BOOKMARKS) return true;
    if (!isOverfull) log.warn(`more than ${MAX_BOOKMARKS} bookmarks: the rest is ignored`);
    isOverfull = true;
    return false;
  }

  /** Takes over what was read, except where a notification was newer. @returns whether that is a change */
  function replaceAll(bookmarks: readonly Bookmark[]): boolean {
    const before = new Map(known);
    const newer = [...told].map((room) => known.get(room));
    known.clear();
    for (const bookmark of newer) if (bookmark) put(bookmark);
    for (const bookmark of bookmarks) if (!told.has(bookmark.room)) put(bookmark);
    return (
      known.size !== before.size || [...known].some(([room, is]) => !isSame(before.get(room), is))
    );
  }

  /** @throws what made it fail, also when the connection that it was read by has ended */
  async function load(): Promise<BookmarkStore> {
    const current = login;
    told.clear();
    const opened = await openBookmarkStore(session);
    if (current !== login) throw new XmppNotSentError("the connection ended meanwhile");
    replaceAll(opened.bookmarks);
    store = opened.store;
    isFailing = false;
    emit();
    return store;
  }

  function reload(): void {
    const current = login;
    inTurn(load).catch((error: unknown) => {
      // Without a connection the next login asks again.
      if (current !== login) return;
      store = undefined;
      if (!isFailing) log.warn(`the bookmarks cannot be read: ${messageOf(error)}`);
      isFailing = true;
    });
  }

  function online(): void {
    login += 1;
    reload();
  }

  function offline(): void {
    login += 1;
    store = undefined;
    isOverfull = false;
  }

  /** A resumed stream brings what changed meanwhile, and the answer that was under way (XEP-0198 §5). */
  function onState(state: ConnectionState): void {
    if (state.kind === "online") {
      if (state.facts.resumed ? isFailing : !options.onReady) online();
    } else if (!mayBeResumed(state)) offline();
  }

  /** The store, with `known` as fresh as can be. */
  async function open(): Promise<BookmarkStore> {
    if (!store) return await load();
    if (!store.isLive) {
      const current = store;
      told.clear();
      const bookmarks = await current.read();
      if (store !== current) throw new XmppNotSentError("the connection ended meanwhile");
      if (replaceAll(bookmarks)) emit();
    }
    return store;
  }

  async function set(wanted: Bookmark): Promise<void> {
    const opened = await open();
    const before = known.get(wanted.room);
    const bookmark = { ...wanted, extensions: wanted.extensions ?? before?.extensions };
    if (isSame(before, bookmark)) return;
    if (!before && !hasSpace()) throw new XmppNotSentError(`there are ${MAX_BOOKMARKS} bookmarks`);
    told.clear();
    await opened.write({ set: bookmark });
    if (!told.has(bookmark.room) && put(bookmark)) emit();
  }

  async function remove(room: BareJid): Promise<void> {
    const opened = await open();
    if (!known.has(room)) return;
    told.clear();
    await opened.write({ remove: room });
    if (!told.has(room) && known.delete(room)) emit();
  }

  function onStanza(stanza: Element): void {
    if (stanza.getName() !== "message" || (store && !store.isLive)) return;
    const event = decodeBookmarksEvent(stanza);
    const isEmptied = isNodeEmptied(stanza, BOOKMARKS);
    if (!(event || isEmptied) || !isFromOwnAccount(stanza, session)) return;
    if (isEmptied) reload();
    let isChange = false;
    for (const bookmark of event?.changed ?? []) {
      told.add(bookmark.room);
      isChange = put(bookmark) || isChange;
    }
    for (const room of event?.retracted ?? []) {
      told.add(room);
      isChange = known.delete(room) || isChange;
    }
    if (isChange) emit();
  }

  const unsubscribe = [
    session.onStanza(onStanza),
    session.onState(onState),
    options.onReady?.(online),
  ];
  if (session.state.kind === "online" && !options.onReady) online();

  return {
    list: () => [...known.values()],
    get keepsExtensions() {
      return store?.isLive === true;
    },
    get loaded() {
      return store !== undefined;
    },
    set: (bookmark) => inTurn(() => set(bookmark)),
    remove: (room) => inTurn(() => remove(room)),
    onChange(listener) {
      listeners.add(listener);
      return () => void listeners.delete(listener);
    },
    stop() {
      for (const end of unsubscribe) end?.();
      listeners.clear();
      offline();
      known.clear();
    },
  };
}

/** What a person would see as the same, and what other clients keep with it. */
function isSame(one: Bookmark | undefined, other: Bookmark): boolean {
  return (
    one?.autojoin === other.autojoin &&
    one.name === other.name &&
    one.nick === other.nick &&
    one.password === other.password &&
    one.extensions?.toString() === other.extensions?.toString()
  );
}
