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
  /** Orders; of talk as many beside them. */
  maxMessages: number;
  /** Whether reading took too long already. */
  isTimeUp: () => boolean;
};

/**
 * What a message is to the agent: "order" may become a turn; "talk" is what a room's people say to each
 * other, context at most; "revision" takes another message of a room away; "nothing" is neither taken nor counted.
 */
export type Weight = Taken | "nothing";
type Taken = "order" | "talk" | "revision";

export type Reading = {
  /** The oldest first. */
  messages: ArchivedMessage[];
  /** The end of the archive, whatever stands there; undefined when it is empty. */
  end: { id: string; stamp: number } | undefined;
  /**
   * The youngest of those that fell outside of the bounds, ms since the epoch; where there was too much to
   * read it all, the oldest that was read. Undefined when none did.
   */
  skippedUntil: number | undefined;
  /** How much talk was not taken, since newer talk was. */
  readonly unheard: number;
  /** How many fell outside; reads on for it, and no further than it makes sense to know. */
  countSkipped(): Promise<{ count: number; isAll: boolean }>;
};

/** Where the message of the cursor is gone, this much before it is read again: stamps are not in strict order. */
const OVERLAP_MS = 5 * 60_000;
/** All texts together, in characters: rooms of other servers are among those that are asked. */
const MAX_CHARACTERS = {
  order: 8 * 1024 * 1024,
  talk: 2 * 1024 * 1024,
  revision: 2 * 1024 * 1024,
};
/** Who clears a room of spam pushes out neither orders nor talk. */
const MAX_REVISIONS = 2_000;
/**
 * What is neither taken nor counted is read over in search of orders, but no archive goes on for ever. With
 * pages of 50, as ours are, these are 100,000 messages.
 */
const MAX_PAGES = 2_000;
/** Pages that are read for a number in the log. */
const MAX_COUNTED_PAGES = 20;

/**
 * @param pages backwards from the end
 * @param weigh bounds count orders. Talk has bounds of its own, so that it pushes out none
 */
export async function readArchive(
  pages: AsyncIterator<ArchivePage, void>,
  cursor: Pick<ArchiveCursor, "id" | "stamp">,
  bounds: ReadingBounds,
  weigh: (message: ArchivedMessage) => Weight,
): Promise<Reading> {
  const taken: ArchivedMessage[] = [];
  let end: Reading["end"];
  let skippedUntil: number | undefined;
  let oldest = cursor.stamp;
  let skipped = 0;
  const counts = { order: 0, talk: 0, revision: 0 };
  const characters = { order: 0, talk: 0, revision: 0 };
  let unheard = 0;

  const isKnown = ({ id, stamp }: ArchivedMessage) =>
    id === cursor.id || stamp.getTime() < cursor.stamp - OVERLAP_MS;

  const isFull = (weight: Taken) =>
    counts[weight] >= (weight === "revision" ? MAX_REVISIONS : bounds.maxMessages) ||
    characters[weight] > MAX_CHARACTERS[weight];

  function isOutside({ stamp }: ArchivedMessage, weight: Taken): boolean {
    if (skippedUntil !== undefined || stamp.getTime() < bounds.notBefore) return true;
    return weight === "order" && isFull(weight);
  }

  function take(each: ArchivedMessage, weight: Taken): void {
    if (weight !== "order" && isFull(weight)) {
      unheard += 1;
      return;
    }
    counts[weight] += 1;
    characters[weight] += each.message.toString().length;
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
      oldest = each.stamp.getTime();
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
  let isTimeUp = false;
  for (let page = 1; hasMore && skippedUntil === undefined; page += 1) {
    isTimeUp = bounds.isTimeUp();
    if (page >= MAX_PAGES || isTimeUp) skippedUntil = oldest;
    else hasMore = await readPage();
  }
  return {
    messages: taken.toReversed(),
    end,
    skippedUntil,
    unheard,
    async countSkipped() {
      const pagesLeft = isTimeUp ? 0 : MAX_COUNTED_PAGES;
      for (let page = 0; hasMore && page < pagesLeft; page += 1) hasMore = await readPage();
      return { count: skipped, isAll: !hasMore };
    },
  };
}
