/**
 * A small JSON file that must survive a crash: one object, an entry for each JID. It is for the
 * owner's eyes only (mode 0600, in a directory of 0700 where it has to be made), and replaced as a
 * whole, so that a reader finds the old content or the new one and never a half of it.
 */
import {
  closeSync,
  constants,
  copyFileSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { dirname } from "node:path";
import { messageOf } from "../errors.ts";
import { bareJid, type BareJid } from "../protocol/jid.ts";

/** Where trouble with a file is told. Never handed what stands in it. */
export type FileLog = { warn(message: string): void };

/**
 * The entries of `file` that `decode` understands, in the file's order; none when there is no file.
 * What is not understood is not lost at the next save: a file that cannot be read is moved to
 * `<file>.corrupt`, one with single bad entries is copied there, in the place of what an earlier
 * accident left. Either is logged. Never throws.
 */
export function loadEntries<T>(
  file: string,
  decode: (jid: BareJid, value: unknown) => T | undefined,
  log: FileLog,
): T[] {
  const corrupt = `${file}.corrupt`;
  let entries: [string, unknown][];
  try {
    entries = parseEntries(readFileSync(file, "utf8"));
  } catch (error) {
    if (isMissing(error)) return [];
    setAside(log, `${file} cannot be read (${reasonOf(error)})`, corrupt, () =>
      renameSync(file, corrupt),
    );
    return [];
  }
  const understood: T[] = [];
  for (const [key, value] of entries) {
    const jid = bareJid(key);
    const entry = jid === key ? decode(jid, value) : undefined;
    if (entry !== undefined) understood.push(entry);
  }
  const lost = entries.length - understood.length;
  if (lost > 0) {
    setAside(log, `${file}: ${lost} entries are broken and left out`, corrupt, () =>
      copyFileSync(file, corrupt),
    );
  }
  return understood;
}

/** Replaces the content of `file` and waits until it is on disk. @throws what the file system throws */
export function saveEntries(file: string, entries: Iterable<readonly [BareJid, unknown]>): void {
  const folder = dirname(file);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const written = `${file}.${process.pid}.tmp`;
  try {
    const text = JSON.stringify(Object.fromEntries(entries));
    writeFileSync(written, text, { mode: 0o600, flush: true });
    renameSync(written, file);
  } catch (error) {
    rmSync(written, { force: true });
    throw error;
  }
  syncFolder(folder);
}

/** Makes the rename last through a power cut. Some file systems know no such thing, and lose nothing else by it. */
function syncFolder(folder: string): void {
  let descriptor: number | undefined;
  try {
    descriptor = openSync(folder, constants.O_RDONLY);
    fsyncSync(descriptor);
  } catch {
    // The content itself is on disk, and either it or the former content has the name.
  } finally {
    if (descriptor !== undefined) closeSync(descriptor);
  }
}

function parseEntries(text: string): [string, unknown][] {
  const content: unknown = JSON.parse(text);
  if (typeof content !== "object" || content === null || Array.isArray(content)) {
    throw new TypeError("not an object");
  }
  return Object.entries(content);
}

function setAside(log: FileLog, trouble: string, corrupt: string, action: () => void): void {
  try {
    action();
    log.warn(`${trouble}; the file is kept as ${corrupt}`);
  } catch (error) {
    log.warn(`${trouble}; it could not be kept as ${corrupt}: ${messageOf(error)}`);
  }
}

/** A parser's message quotes the text, which may hold a password. */
function reasonOf(error: unknown): string {
  return error instanceof SyntaxError ? "no valid JSON" : messageOf(error);
}

function isMissing(error: unknown): boolean {
  return error instanceof Error && "code" in error && error.code === "ENOENT";
}

/** What an entry looks like before it is trusted. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
