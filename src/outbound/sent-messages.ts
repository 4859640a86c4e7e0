/**
 * What we sent lately, and what came back for it: the error of who could not take it, or a room's
 * reflection (XEP-0045 §7.4). A server confirms what it took over, not what became of it.
 */
import { XmppStanzaError } from "../errors.ts";
import { bareJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import type { Target } from "./target.ts";

const KEPT = 1000;
/** How long a room may take to reflect a message, ms; some never do under the same id. */
const LONGEST_REFLECTION_MS = 5_000;

type Entry = {
  to: FullJid;
  kind: Target["kind"];
  /** What the room called it (XEP-0359). */
  stanzaId?: string | undefined;
  refusal?: XmppStanzaError;
  returned: PromiseWithResolvers<void>;
  /** Whoever sent it has been told what became of it. */
  isSettled?: boolean;
};

/** How far a message came: to a device of the person, before their eyes. */
export type Stage = "delivered" | "displayed";

/** When that was last the case of any of our direct messages, ms since the epoch. */
export type Progress = Partial<Record<Stage, number>>;

/** A message that came back. */
export type Refusal = {
  to: FullJid;
  /** What that was as it was sent: a room may have been left since. */
  kind: Target["kind"];
  error: XmppStanzaError;
  /** Whoever sent it had their result already. */
  isLate: boolean;
};

export type SentMessages = {
  add(id: string, to: FullJid, kind?: Target["kind"]): void;
  /** Notes an error. @returns whether it is the first for a message of ours, from where that was sent to */
  refuse(id: string, from: FullJid, error: XmppStanzaError): boolean;
  /** Notes that the room sent our own message to everybody, us included, and which id it gave to it. */
  reflect(id: string, room: BareJid, stanzaId: string | undefined): void;
  /** What the room calls a message of ours (XEP-0359); undefined where it has not said so. */
  nameOf(id: string): string | undefined;
  /** Whether a message that `id` names, as we did or as the room did, is one of ours in that room. */
  isOurs(id: string, room: BareJid): boolean;
  /** @throws XmppStanzaError when the message has been refused */
  assertNotRefused(id: string): void;
  refusalOf(id: string): XmppStanzaError | undefined;
  /** Notes that whom it was sent to says how far it came (XEP-0184, XEP-0333). */
  acknowledge(id: string, from: FullJid, stage: Stage, at: number): void;
  progress(): Progress;
  /** The id of what was sent there last. */
  last(to: FullJid): string | undefined;
  /** Whether the message was reflected or refused; false after a while, or when `signal` says so. */
  returned(id: string, timeoutMs?: number, signal?: AbortSignal): Promise<boolean>;
  /** Whoever sent it has their result: what comes back from now on comes too late for that. */
  settle(id: string): void;
};

/** @param onRefusal called once for each message that comes back */
export function createSentMessages(
  onRefusal: (refusal: Refusal) => void = () => undefined,
): SentMessages {
  const entries = new Map<string, Entry>();
  const progress: Progress = {};
  return {
    add(id, to, kind = "direct") {
      entries.set(id, { to, kind, returned: Promise.withResolvers() });
      for (const oldest of entries.keys()) {
        if (entries.size <= KEPT) break;
        entries.delete(oldest);
      }
    },
    refuse(id, from, error) {
      const entry = entries.get(id);
      // A room answers for its occupants, a server for an account: both by the bare JID or the full one.
      if (!entry || (from !== entry.to && from !== bareJid(entry.to))) return false;
      // Once: whoever answers with errors may do so for ever.
      if (entry.refusal) return false;
      entry.refusal = error;
      const { to, kind, isSettled = false } = entry;
      onRefusal({ to, kind, error, isLate: isSettled });
      entry.returned.resolve();
      return true;
    },
    reflect(id, room, stanzaId) {
      const entry = entries.get(id);
      if (entry?.to !== room) return;
      entry.stanzaId = stanzaId;
      entry.returned.resolve();
    },
    nameOf: (id) => entries.get(id)?.stanzaId,
    isOurs(id, room) {
      if (entries.get(id)?.to === room) return true;
      for (const { to, stanzaId } of entries.values()) {
        if (to === room && stanzaId === id) return true;
      }
      return false;
    },
    assertNotRefused(id) {
      const refusal = entries.get(id)?.refusal;
      if (refusal) throw refusal;
    },
    refusalOf: (id) => entries.get(id)?.refusal,
    acknowledge(id, from, stage, at) {
      const entry = entries.get(id);
      if (!entry || entry.kind !== "direct" || bareJid(entry.to) !== bareJid(from)) return;
      // What was seen has arrived.
      progress.delivered = at;
      if (stage === "displayed") progress.displayed = at;
    },
    progress: () => ({ ...progress }),
    last: (to) => [...entries].findLast(([, entry]) => entry.to === to)?.[0],
    async returned(id, timeoutMs = LONGEST_REFLECTION_MS, signal) {
      const limit = Promise.withResolvers<boolean>();
      const giveUp = () => limit.resolve(false);
      const timer = setTimeout(giveUp, timeoutMs);
      signal?.addEventListener("abort", giveUp);
      if (signal?.aborted) giveUp();
      const back = entries.get(id)?.returned.promise.then(() => true) ?? false;
      const isBack = await Promise.race([back, limit.promise]);
      signal?.removeEventListener("abort", giveUp);
      clearTimeout(timer);
      return isBack;
    },
    settle(id) {
      const entry = entries.get(id);
      if (entry) entry.isSettled = true;
    },
  };
}
