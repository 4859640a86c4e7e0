/**
 * How the last login on a server went, so that one that suddenly offers less is noticed: not only by
 * the process that logged in before.
 */
import {
  BINDING_TYPES,
  SCRAM_NAMES,
  type MechanismName,
  type ServerRecord,
} from "../policy/sasl.ts";
import type { BareJid } from "../protocol/jid.ts";
import { type FileLog, isRecord, loadEntries, saveEntries } from "./json-file.ts";

export type ServerMemory = {
  /** The last login that succeeded; undefined: none that we know of. */
  recall(domain: BareJid): ServerRecord | undefined;
  /** Written only when something changed. A file that cannot be written is logged, and costs no login. */
  remember(domain: BareJid, record: ServerRecord): void;
  /** @returns whether anything was known */
  forget(domain: BareJid): boolean;
};

/** Kept in the JSON `file` (json-file.ts), an entry a domain. */
export function createServerMemory(file: string, options: { log: FileLog }): ServerMemory {
  const known = new Map(loadEntries(file, decodeEntry, options.log));
  const save = () => {
    try {
      saveEntries(file, known);
    } catch (error) {
      options.log.warn(`${file} cannot be written: ${String(error)}`);
    }
  };
  return {
    recall: (domain) => known.get(domain),
    remember(domain, record) {
      if (JSON.stringify(known.get(domain)) === JSON.stringify(record)) return;
      known.set(domain, record);
      save();
    },
    forget(domain) {
      const was = known.delete(domain);
      if (was) save();
      return was;
    },
  };
}

const MECHANISMS: readonly MechanismName[] = [...SCRAM_NAMES, "PLAIN"];

function decodeEntry(domain: BareJid, value: unknown): [BareJid, ServerRecord] | undefined {
  if (!isRecord(value)) return undefined;
  const mechanism = MECHANISMS.find((name) => name === value["mechanism"]);
  const binding = BINDING_TYPES.find((type) => type === value["binding"]);
  const { encrypted } = value;
  if (!mechanism || typeof encrypted !== "boolean") return undefined;
  return [domain, { mechanism, ...(binding ? { binding } : {}), encrypted }];
}
