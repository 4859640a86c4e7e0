/**
 * Where we stand in one archive: the cursor, which moves with what was handled, and the gate at which live
 * messages wait while older ones are fetched.
 *
 * The cursor never moves over what was not handled: neither past a live message that is not on disk yet,
 * nor past the gap that a catch-up has not closed.
 */
import type { BareJid } from "../protocol/jid.ts";
import type { ArchiveCursor, ArchiveCursors } from "../state/archive-cursors.ts";

export type ArchiveTrack = {
  readonly by: BareJid;
  readonly cursor: Readonly<ArchiveCursor> | undefined;
  /** While closed: resolves when it opens, to some at least. */
  readonly opening: Promise<void> | undefined;
  /** Resolves when live messages of that conversation may go on; undefined where they need not wait. */
  openingFor(conversation: string): Promise<void> | undefined;
  /** From now on there may be older messages to fetch. The gate opens by itself after `ms`. */
  fallBehind(ms: number): void;
  /** Only the older messages of these conversations are not handed on yet: others need not wait for them. */
  openExcept(conversations: ReadonlySet<string>): void;
  open(): void;
  /** A live message that the archive has under this id. */
  follow(id: string, handled: Promise<void>): void;
  /** All up to there was handled, though more may lie between there and what is live. */
  moveTo(cursor: Readonly<ArchiveCursor>): void;
  /** Nothing lies between the cursor and what is live. `ids`: what was fetched. */
  catchUp(ids: ReadonlySet<string>): void;
};

/** Live messages that may wait for being handled; beyond, the cursor stays where it is until the next catch-up. */
export const MAX_FOLLOWED = 10_000;

type Gate = {
  opened: PromiseWithResolvers<void>;
  /** Once it is open to others. */
  except: { conversations: ReadonlySet<string>; opened: PromiseWithResolvers<void> } | undefined;
  timer: NodeJS.Timeout;
};

/** @param showsJids whether the archive's messages of now tell their authors' real JIDs */
export function createArchiveTrack(
  by: BareJid,
  cursors: ArchiveCursors,
  showsJids: () => boolean,
): ArchiveTrack {
  /** In the order of arrival: ids, and whether they were handled. */
  let live = new Map<string, boolean>();
  let isCurrent = false;
  /** While behind: the last one up to which all that is live was handled. */
  let handledLive: string | undefined;
  let gate: Gate | undefined;

  function advance(): void {
    for (const [id, isHandled] of live) {
      if (!isHandled) break;
      live.delete(id);
      handledLive = id;
    }
    const cursor = cursors.get(by);
    if (!isCurrent || !cursor || handledLive === undefined) return;
    // The stamp stays that of an earlier message: our clock is not the archive's.
    cursors.set(by, { ...cursor, id: handledLive, showedJids: showsJids() });
    handledLive = undefined;
  }

  function open(): void {
    clearTimeout(gate?.timer);
    gate?.opened.resolve();
    gate?.except?.opened.resolve();
    gate = undefined;
  }

  return {
    by,
    get cursor() {
      return cursors.get(by);
    },
    get opening() {
      return gate?.opened.promise;
    },
    openingFor(conversation) {
      const closed = gate;
      if (!closed || closed.except?.conversations.has(conversation) === false) return undefined;
      // The same way for all, so that none overtakes another of its conversation.
      return closed.opened.promise.then(() =>
        closed.except?.conversations.has(conversation) ? closed.except.opened.promise : undefined,
      );
    },
    fallBehind(ms) {
      isCurrent = false;
      handledLive = undefined;
      live = new Map();
      clearTimeout(gate?.timer);
      const timer = setTimeout(open, ms);
      gate = { opened: Promise.withResolvers(), except: undefined, ...gate, timer };
    },
    openExcept(conversations) {
      if (!gate || gate.except) return;
      gate.except = { conversations, opened: Promise.withResolvers() };
      gate.opened.resolve();
    },
    open,
    follow(id, handled) {
      if (live.size >= MAX_FOLLOWED) {
        isCurrent = false;
        live = new Map();
      }
      const followed = live;
      // One that could not be handled comes again, and takes its old place.
      live.set(id, false);
      handled.then(
        () => {
          if (live !== followed) return;
          live.set(id, true);
          advance();
        },
        () => undefined,
      );
    },
    moveTo: (cursor) => cursors.set(by, cursor),
    catchUp(ids) {
      isCurrent = true;
      if (handledLive !== undefined && ids.has(handledLive)) handledLive = undefined;
      advance();
      open();
    },
  };
}
