/** What of an account's profile stands on its server by our hand, so that a login does not write it again. */
import type { BareJid } from "../protocol/jid.ts";
import { type FileLog, isRecord, loadEntries, saveEntries } from "./json-file.ts";

export type PublishedProfile = {
  /** By part, what was published of it, as a digest. A part that is not there was not published yet. */
  parts: Readonly<Record<string, string>>;
  /** Fields of a vCard that are ours to take out again, as `vcard.url`. */
  fields: readonly string[];
  /** SHA-1 of the photo in the vCard, in hexadecimal digits; "" where we took it out again. */
  photo?: string | undefined;
};

export type PublishedProfiles = {
  get(jid: BareJid): Readonly<PublishedProfile> | undefined;
  /** @throws what writing the file throws */
  set(jid: BareJid, published: PublishedProfile): void;
};

/** Kept in the JSON `file` (json-file.ts). */
export function createPublishedProfiles(
  file: string,
  { log }: { log: FileLog },
): PublishedProfiles {
  const loaded = loadEntries(file, decodeEntry, log);
  const known = new Map(loaded);
  return {
    get: (jid) => known.get(jid),
    set(jid, published) {
      known.set(jid, published);
      saveEntries(file, known);
    },
  };
}

function decodeEntry(jid: BareJid, value: unknown): [BareJid, PublishedProfile] | undefined {
  if (!isRecord(value) || !isRecord(value["parts"])) return undefined;
  const { fields, photo } = value;
  const parts = Object.entries(value["parts"]).flatMap(([part, digest]) =>
    typeof digest === "string" ? [[part, digest] as const] : [],
  );
  if (!Array.isArray(fields) || !fields.every((field) => typeof field === "string")) {
    return undefined;
  }
  if (photo !== undefined && !(typeof photo === "string" && /^(?:[0-9a-f]{40})?$/.test(photo))) {
    return undefined;
  }
  return [jid, { parts: Object.fromEntries(parts), fields, photo }];
}
