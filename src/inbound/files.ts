/** The files of a message whose sender policy has admitted: fetched, or told to the agent in words. */
import { access } from "node:fs/promises";
import {
  formatMediaPlaceholderText,
  toInboundMediaFacts,
} from "openclaw/plugin-sdk/channel-inbound";
import { messageOf } from "../errors.ts";
import { mediaMaxBytes } from "../outbound/load-file.ts";
import {
  bareUrls,
  declaredFiles,
  encryptedUrls,
  withoutLines,
  wordsOf,
  type AttachedFile,
} from "../policy/attached-files.ts";
import { nameInUrl, safeFileName } from "../policy/file-name.ts";
import { download } from "./download.ts";
import { FileRefusedError, type SavedFile } from "./save-file.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

export type TurnFiles = {
  media: ReturnType<typeof toInboundMediaFacts>;
  /** What was said beside them. */
  text: string;
  /** What became of those that are not in `media`. */
  notice: string | undefined;
};

const MOST_FILES = 10;
/** For one file, and for all of a message, ms. */
const FILE_MS = 60_000;
const MESSAGE_MS = 120_000;
const UNPROVEN =
  "was announced in an earlier message that is not known any more: whether it is what was announced was not checked";
const ENCRYPTED = /^aesgcm:/i;

/** Whether `fetchFiles` may find any: without a doubt there is nothing to wait for. */
export function mayHaveFiles({ message, received }: InboundMessage, text: string): boolean {
  return (
    received !== undefined ||
    declaredFiles(message).length > 0 ||
    bareUrls(text).length > 0 ||
    encryptedUrls(text).length > 0
  );
}

/**
 * Never rejects: a file that cannot be had is no reason to lose the message.
 * @param text what was said, without the words that address the agent
 */
export async function fetchFiles(
  context: InboundContext,
  { message, messageId, received = [] }: InboundMessage,
  text: string,
  signal: AbortSignal,
): Promise<TurnFiles> {
  const declared = declaredFiles(message);
  const own = await ownUrls(context, text, declared);
  const urls = [...own, ...encryptedUrls(text)].filter(
    (url) => !declared.some((file) => file.urls.includes(url)),
  );
  const files = [...declared, ...urls.map((url) => ({ urls: [url] }) as AttachedFile)];
  const deadline = performance.now() + MESSAGE_MS;
  const { here: saved, notices } = await stillThere(received);
  for (const file of files.slice(0, MOST_FILES)) {
    try {
      saved.push(await fetchFile(context, file, deadline, signal));
      if (file.isUnproven) notices.push(`[${describe(file)} ${UNPROVEN}]`);
    } catch (error) {
      context.log.info(`a file was not fetched: ${messageOf(error)}`);
      notices.push(`[${describe(file)} is not available: ${messageOf(error)}]`);
    }
  }
  const more = files.length - MOST_FILES;
  if (more > 0) notices.push(`[${more} more file(s) of this message were not fetched]`);
  return {
    media: toInboundMediaFacts(saved, { messageId }),
    text: withoutLines(wordsOf(message, text), (line) => urls.includes(line)),
    notice: notices.length > 0 ? notices.join("\n") : undefined,
  };
}

/** The host clears its media store from time to time, and what waited may have waited for long. */
async function stillThere(
  received: readonly SavedFile[],
): Promise<{ here: SavedFile[]; notices: string[] }> {
  const here: SavedFile[] = [];
  const notices: string[] = [];
  for (const file of received) {
    const isThere = await access(file.path).then(
      () => true,
      () => false,
    );
    if (isThere) here.push(file);
    else notices.push(`[The file "${file.fileName ?? "without a name"}" is not kept any more]`);
  }
  return { here, notices };
}

/** XEP-0363 without XEP-0066: some clients send where they uploaded a file as the text alone. */
async function ownUrls(
  { outbox: { uploads } }: InboundContext,
  text: string,
  declared: readonly AttachedFile[],
): Promise<string[]> {
  const bare = bareUrls(text).filter((url) => !declared.some(({ urls }) => urls.includes(url)));
  if (bare.length === 0) return [];
  const origins = await uploads.origins();
  return bare.filter((url) => origins.has(new URL(url).origin));
}

/** @throws FileRefusedError from none of its places */
async function fetchFile(
  { accountId, cfg, settings, outbox: { uploads }, lookup }: InboundContext,
  { urls, metadata }: AttachedFile,
  deadline: number,
  signal: AbortSignal,
): Promise<SavedFile> {
  const maxBytes = mediaMaxBytes(cfg, accountId, settings.mediaMaxMb);
  let last = new FileRefusedError("there is no time left for it");
  for (const url of urls.slice(0, MOST_PLACES)) {
    if (ENCRYPTED.test(url)) {
      last = new FileRefusedError("it is encrypted (OMEMO), which cannot be read yet");
      continue;
    }
    for (let attempt = 1; attempt <= MOST_ATTEMPTS; attempt += 1) {
      const timeoutMs = Math.min(FILE_MS, Math.floor(deadline - performance.now()));
      if (timeoutMs <= 0 || signal.aborted) throw last;
      try {
        return await download(url, { uploads, maxBytes, metadata, timeoutMs, signal, lookup });
      } catch (error) {
        last = error instanceof FileRefusedError ? error : new FileRefusedError(messageOf(error));
        if (!last.isPassing) break;
      }
    }
  }
  throw last;
}

const MOST_PLACES = 3;
const MOST_ATTEMPTS = 2;

/** In words; never the fragment, which may be a key. */
function describe({ urls, metadata }: AttachedFile): string {
  const [url = ""] = urls;
  const name = safeFileName(metadata?.name ?? "") ?? nameInUrl(url);
  const place = url.replace(/#.*/s, "").slice(0, 500);
  return name === undefined ? `The file ${place}` : `The file "${name}" (${place})`;
}

/** For who only reads of them: what an unaddressed message without words had. */
export function placeholderOf({ message }: InboundMessage): string {
  const files = declaredFiles(message);
  if (files.length === 0) return "";
  return formatMediaPlaceholderText(
    files.map(({ urls, metadata }) => ({ contentType: metadata?.mediaType, url: urls[0] })),
  );
}
