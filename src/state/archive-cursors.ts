/**
 * How far each archive (XEP-0313) was read: our own account's, and those of rooms. All up to the cursor was
 * handled, or left out on purpose, and what was handled is on disk.
 */
import type { BareJid } from "../protocol/jid.ts";
import { type FileLog, isRecord, loadEntries, saveEntries } from "./json-file.ts";
import { createSaver } from "./saver.ts";

export type ArchiveCursor = {
  /** The archive's id of the last message; undefined where the archive was empty. */
  id: string | undefined;
  /** When, by the archive's clock: of that message, or of one before it. ms since the epoch, 0 for never. */
  stamp: number;
  /** What is not younger is never answered, whoever brings it again; ms since the epoch by the archive's clock. */
  floor: number;
  /** The room showed real JIDs when that message was said; false for an account. */
  showedJids: boolean;
};

export type ArchiveCursors = {
  get(by: BareJid): Readonly<ArchiveCursor> | undefined;
  set(by: BareJid, cursor: Readonly<ArchiveCursor>): void;
  forget(by: BareJid): void;
  /** Writes what is not on disk yet. */
  stop(): void;
};

/** The one that moved the longest time ago goes. */
export const MAX_ARCHIVES = 2_000;

/**
 * Kept in the JSON `file` (json-file.ts), written at most once a second: what was read after the cursor on
 * disk is read again after a crash, and known by its id.
 */
export function createArchiveCursors(file: string, options: { log: FileLog }): ArchiveCursors {
  const { log } = options;
  /** The one that moved the longest time ago first. */
  const cursors = new Map<BareJid, Readonly<ArchiveCursor>>(loadEntries(file, decodeEntry, log));
  const saver = createSaver(() => saveEntries(file, cursors), file, log);
  return {
    get: (by) => cursors.get(by),
    set(by, cursor) {
      cursors.delete(by);
      cursors.set(by, cursor);
      const [oldest] = cursors.keys();
      if (oldest !== undefined && cursors.size > MAX_ARCHIVES) cursors.delete(oldest);
      saver.schedule();
    },
    forget(by) {
      if (cursors.delete(by)) saver.schedule();
    },
    stop: () => saver.flush(),
  };
}

function decodeEntry(by: BareJid, value: unknown): [BareJid, ArchiveCursor] | undefined {
  if (!isRecord(value)) return undefined;
  const { id, stamp, floor, showedJids } = value;
  if (id !== undefined && typeof id !== "string") return undefined;
  if (typeof stamp !== "number" || typeof floor !== "number") return undefined;
  return typeof showedJids === "boolean" ? [by, { id, stamp, floor, showedJids }] : undefined;
}
