/**
 * Who was given a pairing code and has not heard of its approval yet. On disk, because the first
 * approval restarts the channel: the person would never be told otherwise.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { bareJid, type BareJid } from "../protocol/jid.ts";

export type PendingPairings = {
  add(jid: BareJid): void;
  /** @returns whether `jid` was pending */
  remove(jid: BareJid): boolean;
  /** Those that have not expired. */
  list(): BareJid[];
};

/**
 * Kept in the JSON `file` (mode 0600), a JID each with the time of its code, ms since the epoch.
 * An unreadable file counts as empty. @throws what writing the file throws
 */
export function createPendingPairings(
  file: string,
  options: { ttlMs: number; now: () => number },
): PendingPairings {
  const pending = new Map<BareJid, number>(Object.entries(load(file)) as [BareJid, number][]);
  const save = () => {
    mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
    const written = `${file}.${process.pid}.tmp`;
    writeFileSync(written, JSON.stringify(Object.fromEntries(pending)), { mode: 0o600 });
    renameSync(written, file);
  };
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

function load(file: string): Record<string, number> {
  let content: unknown;
  try {
    content = JSON.parse(readFileSync(file, "utf8"));
  } catch {
    return {}; // missing, or cut off: at worst somebody is not told that they may write now
  }
  if (typeof content !== "object" || content === null) return {};
  return Object.fromEntries(
    Object.entries(content).filter(
      ([jid, since]) => bareJid(jid) === jid && typeof since === "number",
    ),
  );
}
