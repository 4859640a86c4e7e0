/** What was chosen for an account's profile while it ran; what the operator configured goes before it. */
import type { BareJid } from "../protocol/jid.ts";
import { type FileLog, isRecord, loadEntries, saveEntries } from "./json-file.ts";

export type ChosenProfile = {
  name?: string | undefined;
  note?: string | undefined;
  /** A small picture, as a `data:` URL. */
  avatar?: string | undefined;
};

export type ChosenProfiles = {
  get(jid: BareJid): Readonly<ChosenProfile>;
  /** What `change` leaves out stays; "" takes it out. @throws what writing the file throws */
  change(jid: BareJid, change: ChosenProfile): void;
};

const FIELDS = ["name", "note", "avatar"] as const satisfies (keyof ChosenProfile)[];

/** Kept in the JSON `file` (json-file.ts). */
export function createChosenProfiles(file: string, { log }: { log: FileLog }): ChosenProfiles {
  const known = new Map(loadEntries(file, decodeEntry, log));
  const get = (jid: BareJid) => known.get(jid) ?? {};
  return {
    get,
    change(jid, change) {
      known.set(jid, filled({ ...get(jid), ...change }));
      saveEntries(file, known);
    },
  };
}

function decodeEntry(jid: BareJid, value: unknown): [BareJid, ChosenProfile] | undefined {
  return isRecord(value) ? [jid, filled(value)] : undefined;
}

function filled(value: Record<string, unknown>): ChosenProfile {
  const entries = FIELDS.map((field) => [field, value[field]] as const);
  return Object.fromEntries(entries.filter(([, text]) => typeof text === "string" && text !== ""));
}
