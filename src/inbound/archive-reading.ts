/**
 * What of an archive (XEP-0313) is to be taken up after an absence. Read from its end backwards until the
 * cursor, so that of a long absence the newest messages are found without the rest being read, and so that
 * nothing depends on the archive still having the message of the cursor.
 */
import type { ArchivedMessage, ArchivePage } from "../client/archive.ts";
import type { ArchiveCursor } from "../state/archive-cursors.ts";

export type ReadingBounds = {
  /** What was said before is too old. */
  notBefore: number;
  maxMessages: number;
};

export type Reading = {
  /** The oldest first. */
  messages: ArchivedMessage[];
  /** The end of the archive, whatever stands there; undefined when it is empty. */
  end: { id: string; stamp: number } | undefined;
  /** The youngest of those that fell outside of the bounds, ms since the epoch; undefined when none did. */
  skippedUntil: number | undefined;
  /** How many fell outside; reads on for it, and no further than it makes sense to know. */
  countSkipped(): Promise<{ count: number; isAll: boolean }>;
};

/** Where the message of the cursor is gone, this much before it is read again: stamps are not in strict order. */
const OVERLAP_MS = 5 * 60_000;
/** All texts together, in characters: rooms of other servers are among those that are asked. */
const MAX_CHARACTERS = 8 * 1024 * 1024;
/** Pages that are read for a number in the log. */
const MAX_COUNTED_PAGES = 20;

/**
 * @param pages backwards from the end
 * @param isOfUse messages that it denies are neither taken nor counted
 */
export async function readArchive(
  pages: AsyncIterator<ArchivePage, void>,
  cursor: Pick<ArchiveCursor, "id" | "stamp">,
  bounds: ReadingBounds,
  isOfUse: (message: ArchivedMessage) => boolean,
): Promise<Reading> {
  const taken: ArchivedMessage[] = [];
  let characters = 0;
  let end: Reading["end"];
  let skippedUntil: number | undefined;
  let skipped = 0;

  const isKnown = ({ id, stamp }: ArchivedMessage) =>
    id === cursor.id || stamp.getTime() < cursor.stamp - OVERLAP_MS;

  function isOutside(each: ArchivedMessage): boolean {
    if (skippedUntil !== undefined) return true;
    characters += each.message.toString().length;
    return (
      each.stamp.getTime() < bounds.notBefore ||
      taken.length >= bounds.maxMessages ||
      characters > MAX_CHARACTERS
    );
  }

  /** @returns whether another page is to be read */
  async function readPage(): Promise<boolean> {
    const { value: page } = await pages.next();
    if (!page) return false;
    if (page.last !== undefined) {
      end ??= { id: page.last, stamp: page.messages.at(-1)?.stamp.getTime() ?? cursor.stamp };
    }
    for (const each of page.messages.toReversed()) {
      if (isKnown(each)) return false;
      if (!isOfUse(each)) continue;
      if (isOutside(each)) {
        skippedUntil ??= each.stamp.getTime();
        skipped += 1;
      } else taken.push(each);
    }
    return !page.isComplete;
  }

  let hasMore = await readPage();
  while (hasMore && skippedUntil === undefined) hasMore = await readPage();
  return {
    messages: taken.toReversed(),
    end,
    skippedUntil,
    async countSkipped() {
      for (let page = 0; hasMore && page < MAX_COUNTED_PAGES; page += 1) hasMore = await readPage();
      return { count: skipped, isAll: !hasMore };
    },
  };
}
