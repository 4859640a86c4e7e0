/** A file of a stranger's choosing as it comes in, kept in the host's media store if it is what was announced. */
import { createHash, type Hash as Hashing } from "node:crypto";
import { saveMediaStream } from "openclaw/plugin-sdk/media-store";
import { withExtension } from "../policy/file-name.ts";
import { strongestHash, type Hash } from "../protocol/xep-0300-hashes.ts";
import { contentTypeOf, properExtension } from "./content-type.ts";

export type SavedFile = { path: string; contentType: string; fileName: string | undefined };

/** Not fetched; the message is why, in words for the agent. */
export class FileRefusedError extends Error {
  override readonly name = "FileRefusedError";
  /** Another attempt may do better. */
  readonly isPassing: boolean;
  constructor(reason: string, options: { isPassing?: boolean; cause?: unknown } = {}) {
    super(reason, options.cause === undefined ? undefined : { cause: options.cause });
    this.isPassing = options.isPassing ?? false;
  }
}

/** What tells the type of a file lies in front, bytes. */
const HEAD_BYTES = 4100;

/**
 * @param chunks no more than `maxBytes`, or they throw
 * @throws FileRefusedError the octets are not those of the hash; else what `chunks` and the media store throw
 */
export async function saveFile(
  chunks: AsyncIterable<Uint8Array>,
  about: {
    /** As `safeFileName` gives it. */
    named: string | undefined;
    /** The type that somebody says it has. */
    claimed: string | null;
    hashes: readonly Hash[];
    maxBytes: number;
  },
): Promise<SavedFile> {
  const { named, claimed, maxBytes } = about;
  const announced = strongestHash(about.hashes);
  const { head, all } = await peek(chunks);
  const contentType = await contentTypeOf(head, claimed, named);
  const fileName = named && withExtension(named, properExtension(named, contentType));
  const hashing = announced && createHash(announced.cryptoName);
  const saved = await saveMediaStream(
    verified(all, hashing, announced?.digest),
    contentType,
    "inbound",
    maxBytes,
    fileName,
  );
  return { path: saved.path, contentType, fileName };
}

/** The first bytes, and all of them again. */
async function peek(chunks: AsyncIterable<Uint8Array>) {
  const rest = chunks[Symbol.asyncIterator]();
  const first: Uint8Array[] = [];
  let size = 0;
  while (size < HEAD_BYTES) {
    const next = await rest.next();
    if (next.done) break;
    first.push(next.value);
    size += next.value.byteLength;
  }
  async function* all() {
    yield* first;
    for (let next = await rest.next(); !next.done; next = await rest.next()) yield next.value;
  }
  return { head: Buffer.concat(first).subarray(0, HEAD_BYTES), all: all() };
}

/** What throws at its end is not kept. @throws FileRefusedError the octets are not those of the digest */
async function* verified(
  chunks: AsyncIterable<Uint8Array>,
  hashing: Hashing | undefined,
  digest: string | undefined,
): AsyncGenerator<Uint8Array> {
  for await (const chunk of chunks) {
    hashing?.update(chunk);
    yield chunk;
  }
  if (!hashing || digest === undefined) return;
  if (!hashing.digest().equals(Buffer.from(digest, "base64"))) {
    throw new FileRefusedError("it is not the file that was announced (its hash differs)");
  }
}
