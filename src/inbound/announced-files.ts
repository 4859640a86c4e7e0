/**
 * Files that somebody announced in one message, and whose places come in another (XEP-0447 §3.3): what was said of them –
 * their hash, size and name – counts for what lies there. In memory and bounded; what is taken up by then keeps it on
 * disk. Whom policy cannot let in pushes out nobody else's.
 */
import type { Message } from "../protocol/stanza.ts";
import type { FileShare } from "../protocol/xep-0447-file-sharing.ts";
import { namesBy } from "./revisions.ts";
import type { InboundMessage } from "./types.ts";

type Said = Pick<InboundMessage, "conversation" | "sender" | "message">;

export type AnnouncedFiles = {
  /** @param archiveId what the archive, from which it was read, calls the message */
  note(said: Said, isStranger: boolean, archiveId: string | undefined): void;
  /** The files of which this message says the places, as their announcement has them; none that is not known. */
  find(said: Said): FileShare[];
};

/** Files of one author, and of all. */
const MOST_EACH = 40;
const MOST = 1_000;

type Announcement = { author: string; names: readonly string[]; shares: readonly FileShare[] };

export function createAnnouncedFiles(): AnnouncedFiles {
  const known = { listed: [] as Announcement[], strangers: [] as Announcement[] };

  /** The newest within the bounds. */
  function keep(all: Announcement[], added: Announcement): Announcement[] {
    let ofAuthor = 0;
    let total = 0;
    const kept = [...all, added].toReversed().filter(({ author, shares }) => {
      if (author === added.author) ofAuthor += shares.length;
      if (author === added.author && ofAuthor > MOST_EACH) return false;
      total += shares.length;
      return total <= MOST;
    });
    return kept.toReversed();
  }

  return {
    note({ conversation, sender, message }, isStranger, archiveId) {
      const { fileShares, id, originId, stanzaIds } = message;
      // Whoever gave them: nobody but the author reaches this by them.
      const ids = [id, originId, archiveId, ...stanzaIds.slice(0, 4).map((each) => each.id)];
      const names = ids
        .filter((each) => each !== undefined)
        .flatMap((each) => namesBy({ conversation, sender }, each));
      const shares = fileShares.map(({ id: shareId, file, urls }) => {
        const { hashes, mediaType, name, size } = file;
        return { id: shareId, urls, file: { hashes, mediaType, name, size } };
      });
      const which = isStranger ? "strangers" : "listed";
      known[which] = keep(known[which], { author: sender.id, names, shares });
    },
    find({ conversation, sender, message: { attachedSources } }) {
      if (!attachedSources) return [];
      const names = new Set(namesBy({ conversation, sender }, attachedSources.messageId));
      const isMeant = (each: Announcement) => each.names.some((name) => names.has(name));
      const { shares = [] } =
        known.listed.findLast(isMeant) ?? known.strangers.findLast(isMeant) ?? {};
      return attachedSources.sources.flatMap(({ shareId, urls }) => {
        const share =
          shareId === undefined && shares.length === 1
            ? shares[0]
            : shares.find(({ id }) => id !== undefined && id === shareId);
        return share && urls.length > 0 ? { ...share, urls } : [];
      });
    },
  };
}

/** The message as if it had announced them itself. */
export function withAnnounced(message: Message, announced: readonly FileShare[] = []): Message {
  const { attachedSources, fileShares } = message;
  if (!attachedSources || announced.length === 0) return message;
  const isTold = (url: string) => announced.some(({ urls }) => urls.includes(url));
  const sources = attachedSources.sources.filter(({ urls }) => !urls.every(isTold));
  return {
    ...message,
    fileShares: [...fileShares, ...announced],
    attachedSources: sources.length > 0 ? { ...attachedSources, sources } : undefined,
  };
}
