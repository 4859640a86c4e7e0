/**
 * Who was given a pairing code and has not heard of its approval yet. On disk, because the first
 * approval restarts the channel: the person would never be told otherwise.
 */
import type { BareJid } from "../protocol/jid.ts";
import { type FileLog, isRecord, loadEntries, saveEntries } from "./json-file.ts";

export type PendingPairings = {
  add(jid: BareJid, code?: string | undefined): void;
  /** The code that was given to `jid`; undefined where none is pending. */
  codeOf(jid: BareJid): string | undefined;
  /** @returns whether `jid` was pending */
  remove(jid: BareJid): boolean;
  /** Those that have not expired. */
  list(): BareJid[];
};

/**
 * Kept in the JSON `file` (json-file.ts), a JID each with its code and the time of that, ms since the epoch; only the
 * time in files of earlier versions.
 * @throws what writing the file throws
 */
export function createPendingPairings(
  file: string,
  options: { ttlMs: number; now: () => number; log: FileLog },
): PendingPairings {
  const pending = new Map(loadEntries(file, decodeEntry, options.log));
  const save = () => saveEntries(file, pending);
  const dropExpired = () => {
    for (const [jid, { since }] of pending) {
      if (since + options.ttlMs <= options.now()) pending.delete(jid);
    }
  };
  return {
    add(jid, code) {
      dropExpired();
      pending.set(jid, { since: options.now(), code });
      save();
    },
    codeOf(jid) {
      dropExpired();
      return pending.get(jid)?.code;
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

type Pending = { since: number; code: string | undefined };

function decodeEntry(jid: BareJid, value: unknown): [BareJid, Pending] | undefined {
  const { since, code } = isRecord(value) ? value : { since: value };
  if (typeof since !== "number") return undefined;
  return [jid, { since, code: typeof code === "string" ? code : undefined }];
}
