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

/**
 * What a message is to the agent: "order" may become a turn; "talk" is what a room's people say to each
 * other, context at most; "nothing" is neither taken nor counted.
 */
export type Weight = "order" | "talk" | "nothing";

export type Reading = {
  /** The oldest first. */
  messages: ArchivedMessage[];
  /** The end of the archive, whatever stands there; undefined when it is empty. */
  end: { id: string; stamp: number } | undefined;
  /** The youngest of those that fell outside of the bounds, ms since the epoch; undefined when none did. */
  skippedUntil: number | undefined;
  /** How much talk was not taken, since newer talk was. */
  readonly unheard: number;
  /** How many fell outside; reads on for it, and no further than it makes sense to know. */
  countSkipped(): Promise<{ count: number; isAll: boolean }>;
};

/** Where the message of the cursor is gone, this much before it is read again: stamps are not in strict order. */
const OVERLAP_MS = 5 * 60_000;
/** All texts together, in characters: rooms of other servers are among those that are asked. */
const MAX_CHARACTERS = 8 * 1024 * 1024;
/** Talk that is read over in search of orders, however much of it there is. */
const MAX_TALK = 10_000;
/** Pages that are read for a number in the log. */
const MAX_COUNTED_PAGES = 20;

/**
 * @param pages backwards from the end
 * @param weigh bounds count orders. Talk has a bound of its own, of the same size, so that it pushes out none
 */
export async function readArchive(
  pages: AsyncIterator<ArchivePage, void>,
  cursor: Pick<ArchiveCursor, "id" | "stamp">,
  bounds: ReadingBounds,
  weigh: (message: ArchivedMessage) => Weight,
): Promise<Reading> {
  const taken: ArchivedMessage[] = [];
  let characters = 0;
  let end: Reading["end"];
  let skippedUntil: number | undefined;
  let skipped = 0;
  const counts = { order: 0, talk: 0 };
  let unheard = 0;

  const isKnown = ({ id, stamp }: ArchivedMessage) =>
    id === cursor.id || stamp.getTime() < cursor.stamp - OVERLAP_MS;

  function isOutside({ stamp }: ArchivedMessage, weight: "order" | "talk"): boolean {
    return (
      skippedUntil !== undefined ||
      stamp.getTime() < bounds.notBefore ||
      (weight === "order" ? counts.order >= bounds.maxMessages : unheard >= MAX_TALK) ||
      characters > MAX_CHARACTERS
    );
  }

  function take(each: ArchivedMessage, weight: "order" | "talk"): void {
    if (weight === "talk" && counts.talk >= bounds.maxMessages) {
      unheard += 1;
      return;
    }
    counts[weight] += 1;
    characters += each.message.toString().length;
    taken.push(each);
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
      const weight = weigh(each);
      if (weight === "nothing") continue;
      if (isOutside(each, weight)) {
        skippedUntil ??= each.stamp.getTime();
        skipped += 1;
      } else take(each, weight);
    }
    return !page.isComplete;
  }

  let hasMore = await readPage();
  while (hasMore && skippedUntil === undefined) hasMore = await readPage();
  return {
    messages: taken.toReversed(),
    end,
    skippedUntil,
    unheard,
    async countSkipped() {
      for (let page = 0; hasMore && page < MAX_COUNTED_PAGES; page += 1) hasMore = await readPage();
      return { count: skipped, isAll: !hasMore };
    },
  };
}
