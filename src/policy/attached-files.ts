/**
 * Which files a message hands over, and what of its text is only where they are. The same file mostly stands
 * there in several ways: as XEP-0447, as XEP-0066, and as the body for clients that know neither.
 */
import type { Message } from "../protocol/stanza.ts";
import { stripFallback } from "../protocol/xep-0428-fallback.ts";
import type { FileMetadata } from "../protocol/xep-0446-file-metadata.ts";
import { FILE_SHARING } from "../protocol/xep-0447-file-sharing.ts";

export type AttachedFile = {
  /** Where it is to be had, in the order to try; nothing about them is checked. */
  urls: string[];
  /** What the sender says of it. */
  metadata?: FileMetadata | undefined;
  /** It was announced in an earlier message that is not known any more: whatever that said of it is lost. */
  isUnproven?: true;
};

type Shared = Pick<Message, "oobUrls" | "fileShares" | "attachedSources">;

/** Files that a message says to be files. */
export function declaredFiles({ oobUrls, fileShares, attachedSources }: Shared): AttachedFile[] {
  const files: AttachedFile[] = fileShares
    .filter(({ urls }) => urls.length > 0)
    .map(({ file, urls }) => ({ urls, metadata: file }));
  const isKnown = (url: string) => files.some(({ urls }) => urls.includes(url));
  // Before the plain places: of what stands there as well must be said that nobody can tell.
  for (const { urls } of attachedSources?.sources ?? []) {
    if (urls.length > 0 && !urls.some(isKnown)) files.push({ urls, isUnproven: true });
  }
  for (const url of oobUrls) {
    // A place on the map is told as such (XEP-0080).
    if (/^geo:/i.test(url)) continue;
    if (!isKnown(url)) files.push({ urls: [url] });
  }
  return files;
}

/** Whether a message has nothing to say but where its files are, or where they may be: at bare URLs. */
export function isFilesOnly(message: Shared & Pick<Message, "fallbacks" | "body">): boolean {
  const words = wordsOf(message, message.body ?? "");
  const links = [...bareUrls(words), ...encryptedUrls(words)];
  if (links.length === 0 && declaredFiles(message).length === 0) return false;
  return withoutLines(words, (line) => links.includes(line)) === "";
}

/**
 * `text` of the message without the places of its files.
 * @param text the body, or what is left of it
 */
export function wordsOf(
  message: Shared & Pick<Message, "fallbacks" | "body">,
  text: string,
): string {
  const files = declaredFiles(message);
  if (files.length === 0) return text;
  const isWhole = text.trim() === (message.body ?? "").trim();
  // Ranges count the body as it was sent.
  const own =
    isWhole && message.fileShares.length > 0
      ? stripFallback(message.body ?? "", message.fallbacks, FILE_SHARING)
      : text;
  return withoutLines(own, (line) => files.some(({ urls }) => urls.includes(line)));
}

/** A line that is nothing but an https URL: it may be a file of the account's own upload service. */
export function bareUrls(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^https:\/\/\S+$/i.test(line) && URL.canParse(line));
}

/** XEP-0454: a file that only who has the key in the URL's fragment can read; Conversations adds a preview below. */
export function encryptedUrls(text: string): string[] {
  return text
    .split("\n")
    .map((line) => line.trim())
    .filter((line) => /^aesgcm:\/\/\S+$/i.test(line));
}

/** `text` without these lines, and without the blank ones that they leave at its ends. */
export function withoutLines(text: string, isLeftOut: (line: string) => boolean): string {
  const lines = text.split("\n");
  const kept = lines.filter((line) => !isLeftOut(line.trim()));
  return kept.length === lines.length ? text : kept.join("\n").trim();
}
