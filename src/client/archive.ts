/**
 * Reads message archives (XEP-0313): that of our own account, and those of rooms.
 *
 * A result counts only while its query runs, with the random id of that query, and from the archive that
 * was asked (§10): everybody can send us a message that looks like one.
 */
import { randomUUID } from "node:crypto";
import type { Element } from "ltx";
import { XmppConnectionError, XmppStanzaError } from "../errors.ts";
import { attribute, isStanza } from "../protocol/element.ts";
import { bareJid, parseJid, type BareJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { DISCO_INFO, decodeDiscoInfo, encodeDiscoQuery } from "../protocol/xep-0030-disco.ts";
import type { PageRequest } from "../protocol/xep-0059-rsm.ts";
import {
  ARCHIVE,
  type ArchiveFilter,
  type ArchiveFin,
  type ArchiveResult,
  decodeArchiveFin,
  decodeArchiveResult,
  encodeArchiveQuery,
} from "../protocol/xep-0313-mam.ts";
import { isFromOwnAccount } from "./own-account.ts";
import type { XmppSession } from "./types.ts";

export type ArchivedMessage = {
  /** In the archive; the stanza-id (XEP-0359) that live copies have by the archive's owner. */
  id: string;
  /** When the archive got it. */
  stamp: Date;
  /** The `<message/>` itself, standing alone. */
  message: Element;
};

export type ArchivePage = {
  /** In the archive's order, the oldest first. What was taken out of the archive is left out. */
  messages: ArchivedMessage[];
  /** The id of the newest item, also where that was taken out; undefined on an empty page. */
  last: string | undefined;
  /** No page follows. */
  isComplete: boolean;
};

export type ArchiveQuery = ArchiveFilter & {
  /** Whose; by default our own account's. */
  of?: BareJid | undefined;
  /** Only what follows this archive id. */
  after?: string | undefined;
  /** Reads backwards from this archive id, the newest page first; "" starts at the end. */
  before?: string | undefined;
  /** Default 50; the archive may give less. */
  pageSize?: number | undefined;
  signal?: AbortSignal | undefined;
};

export type Archive = {
  /**
   * Whether that account or room says that it has an archive; asked each time.
   * @throws XmppConnectionError, XmppNotSentError when there is no answer; XmppStanzaError of the type "wait"
   *   (RFC 6120 §8.3.2) when there is none yet
   */
  isAvailable(of?: BareJid): Promise<boolean>;
  /**
   * Page after page, each asked for when the one before is done with; ends after the one that is complete.
   * @throws XmppStanzaError what the archive refuses with: `item-not-found` when `after` or `before` is not in
   *   it any more; XmppConnectionError on a lost connection, a time-out, and (`protocol`) when the archive
   *   answers nonsense; the reason of `signal`
   */
  pages(query: ArchiveQuery): AsyncGenerator<ArchivePage, void, undefined>;
};

const PAGE_SIZE = 50;
/** For one page. */
const TIMEOUT_MS = 30_000;

export function createArchive({ session }: { session: XmppSession }): Archive {
  const isOwn = (of: BareJid | undefined) => of === undefined || of === bareJid(session.jid ?? "");

  async function ask(query: ArchiveQuery, request: PageRequest): Promise<Answer> {
    const { of, signal } = query;
    const to = isOwn(of) ? undefined : of;
    const queryId = randomUUID();
    const results: ArchiveResult[] = [];
    const end = session.onStanza((stanza) => {
      if (!isStanza(stanza, "message") || !isFrom(stanza, to, session)) return;
      const result = decodeArchiveResult(stanza);
      // One more than asked for is kept, to tell it from a full page.
      if (result?.queryId === queryId && results.length <= request.max) results.push(result);
    });
    try {
      const iq = encodeRequest("set", encodeArchiveQuery(queryId, query, request), to);
      const options = { timeoutMs: TIMEOUT_MS, ...(signal ? { signal } : {}) };
      const fin = decodeArchiveFin(await session.request(iq, options));
      if (!fin) throw nonsense(of, "an answer without <fin/>");
      if (results.length > request.max) throw nonsense(of, "more than was asked for");
      return { results, fin };
    } finally {
      end();
    }
  }

  return {
    async isAvailable(of) {
      // Without an address the server would speak for itself, not for our account.
      const to = of ?? bareJid(session.jid ?? "");
      try {
        const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO), to);
        return decodeDiscoInfo(await session.request(iq))?.features.includes(ARCHIVE) ?? false;
      } catch (error) {
        if (error instanceof XmppStanzaError && error.type !== "wait") return false;
        throw error;
      }
    },
    async *pages(query) {
      const max = query.pageSize ?? PAGE_SIZE;
      const isBackward = query.before !== undefined;
      let from = isBackward ? query.before : query.after;
      for (;;) {
        const answer = await ask(query, { max, [isBackward ? "before" : "after"]: from });
        const { first, last } = edges(answer);
        // §2.4 of XEP-0059: an empty page is the end, whatever else it says. A full one is not believed to
        // be: servers have got that wrong, and to ask again costs one round trip.
        const isFull = answer.results.length === max;
        const isComplete = last === undefined || (answer.fin.isComplete && !isFull);
        const next = isBackward ? first : last;
        const isStuck = !isComplete && (next === undefined || next === from);
        if (isStuck) throw nonsense(query.of, "the same page twice");
        yield { messages: answer.results.flatMap(readable), last, isComplete };
        if (isComplete) return;
        from = next;
      }
    },
  };
}

type Answer = { results: ArchiveResult[]; fin: ArchiveFin };

/** What was received counts, not what the archive says that it sent. */
function edges({ results, fin }: Answer): { first: string | undefined; last: string | undefined } {
  const [first] = results;
  return first ? { first: first.id, last: results.at(-1)?.id } : fin.page;
}

/** §4.2: a message that was taken out leaves its place empty; without a stamp nobody knows how old it is. */
function readable({ id, stamp, message }: ArchiveResult): ArchivedMessage[] {
  return stamp && message ? [{ id, stamp, message }] : [];
}

/** @param room undefined: our own account's archive */
function isFrom(
  stanza: Element,
  room: BareJid | undefined,
  session: Pick<XmppSession, "jid">,
): boolean {
  if (room === undefined) return isFromOwnAccount(stanza, session);
  return parseJid(attribute(stanza, "from") ?? "")?.full === room;
}

function nonsense(of: BareJid | undefined, what: string): XmppConnectionError {
  return new XmppConnectionError("protocol", `the archive of ${of ?? "the account"} sends ${what}`);
}
