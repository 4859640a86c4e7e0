/**
 * Who was given a pairing code and has not heard of its approval yet. On disk, because the first
 * approval restarts the channel: the person would never be told otherwise.
 */
import type { BareJid } from "../protocol/jid.ts";
import { type FileLog, loadEntries, saveEntries } from "./json-file.ts";

export type PendingPairings = {
  add(jid: BareJid): void;
  /** @returns whether `jid` was pending */
  remove(jid: BareJid): boolean;
  /** Those that have not expired. */
  list(): BareJid[];
};

/**
 * Kept in the JSON `file` (json-file.ts), a JID each with the time of its code, ms since the epoch.
 * @throws what writing the file throws
 */
export function createPendingPairings(
  file: string,
  options: { ttlMs: number; now: () => number; log: FileLog },
): PendingPairings {
  const pending = new Map(loadEntries(file, decodeEntry, options.log));
  const save = () => saveEntries(file, pending);
  const dropExpired = () => {
    for (const [jid, since] of pending) {
      if (since + options.ttlMs <= options.now()) pending.delete(jid);
    }
  };
  return {
    add(jid) {
      dropExpired();
      pending.set(jid, options.now());
      save();
    },
    remove(jid) {
      const was = pending.delete(jid);
      if (was) save();
      return was;
    },
    list() {
      dropExpired();
      return [...pending.keys()];
    },
  };
}

function decodeEntry(jid: BareJid, since: unknown): [BareJid, number] | undefined {
  return typeof since === "number" ? [jid, since] : undefined;
}
