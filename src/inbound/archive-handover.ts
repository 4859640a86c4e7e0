/**
 * Hands on what was read of an archive, the oldest first. A conversation in which too many messages wait
 * already is passed over until it has room: what lies in the archive is not lost meanwhile, and no other
 * conversation has to wait for that one.
 */
import type { ArchivedMessage } from "../client/archive.ts";
import { attribute } from "../protocol/element.ts";
import { parseJid } from "../protocol/jid.ts";
import { IngressFullError } from "./ingress-queue.ts";

/** How soon those that were passed over are tried again. */
const FULL_RETRY_MS = 500;

/** @throws what `store` throws, except IngressFullError; the reason of `signal` */
export async function handOn(
  messages: readonly ArchivedMessage[],
  options: {
    /** @throws IngressFullError where too many wait */
    store: (message: ArchivedMessage) => Promise<void>;
    /** That one is stored, and so are all before it. */
    onStored: (message: ArchivedMessage) => void;
    /** All that are left are of these conversations. */
    onPassedOver: (conversations: ReadonlySet<string>) => void;
    signal: AbortSignal;
  },
): Promise<void> {
  const { store, onStored, onPassedOver, signal } = options;

  /** @returns those for which there was no room */
  async function handOnce(waiting: readonly ArchivedMessage[]): Promise<ArchivedMessage[]> {
    const full = new Set<string>();
    const left: ArchivedMessage[] = [];
    let isFull = false;
    for (const each of waiting) {
      signal.throwIfAborted();
      const conversation = conversationOf(each);
      if (isFull || full.has(conversation)) {
        left.push(each);
        continue;
      }
      try {
        await store(each);
        if (left.length === 0) onStored(each);
      } catch (error) {
        if (!(error instanceof IngressFullError)) throw error;
        isFull = error.isEverywhere;
        full.add(conversation);
        left.push(each);
      }
    }
    return left;
  }

  let left = await handOnce(messages);
  if (left.length > 0) onPassedOver(new Set(left.map(conversationOf)));
  while (left.length > 0) {
    await new Promise((resolve) => setTimeout(resolve, FULL_RETRY_MS).unref());
    signal.throwIfAborted();
    left = await handOnce(left);
  }
}

/** The peer, or the room. */
const conversationOf = ({ message }: ArchivedMessage): string =>
  parseJid(attribute(message, "from") ?? "")?.bare ?? "";
