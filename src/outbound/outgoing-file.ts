/**
 * A file on its way out: uploaded to our own server (XEP-0363), and told as XEP-0447 and XEP-0066 together, so that
 * clients of either show it in place of its URL.
 */
import { createHash } from "node:crypto";
import type { Element } from "ltx";
import { messageOf, XmppUploadError } from "../errors.ts";
import { FILE_SHARING, type FileShare } from "../protocol/xep-0447-file-sharing.ts";
import { isLink } from "./attachments.ts";
import { loadFile, type MediaSource } from "./load-file.ts";
import { encodeSaid, type MessageFacts, type Outbox } from "./send.ts";
import type { Target } from "./target.ts";

export type OutgoingFile = MediaSource & {
  maxBytes: number;
  /** Without it there is still something to say: that it could not be sent. Else nothing is sent. */
  isOptional?: boolean | undefined;
};

/** The file where it is now, or the words that stand for it. */
export type SharedFile = { share: FileShare; url: string } | { instead: string };

/** Before a file that an answer can do without is tried once more, ms. */
const AGAIN_MS = 2_000;

/** @throws XmppUploadError it cannot be sent, or not without a connection, and nothing may stand for it */
export async function shareFile(
  { log, uploads, session }: Pick<Outbox, "log" | "uploads" | "session">,
  file: OutgoingFile,
  signal?: AbortSignal,
): Promise<SharedFile> {
  for (let isLast = false; ; isLast = true) {
    try {
      return await upload(uploads, file, signal);
    } catch (error) {
      signal?.throwIfAborted();
      // Whoever reads it can fetch it there.
      if (isLink(file.media)) {
        log.info(`a link is sent as it is, and not its file: ${forLog(error, file.media)}`);
        return { instead: file.media };
      }
      if (!(error instanceof XmppUploadError) || !file.isOptional) throw error;
      if (error.retryable && session.state.kind !== "online") throw error;
      // The host would try the whole answer again, and give it up after some minutes.
      if (!error.retryable || isLast) {
        log.warn(`a file of an answer could not be sent: ${forLog(error, file.media)}`);
        return { instead: inWords(error) };
      }
    }
    await new Promise((resolve) => setTimeout(resolve, AGAIN_MS));
  }
}

async function upload(
  uploads: Outbox["uploads"],
  file: OutgoingFile,
  signal: AbortSignal | undefined,
): Promise<SharedFile> {
  const service = await uploads.service();
  if (!service) throw new XmppUploadError("the server has no upload service");
  const most = Math.min(file.maxBytes, service.maxFileSize ?? Infinity);
  const loaded = await loadFile(file, most, signal).catch((cause: unknown) => {
    signal?.throwIfAborted();
    throw new XmppUploadError(withoutPlace(messageOf(cause), file.media), { cause });
  });
  const url = await uploads.upload(loaded, signal);
  const { name, contentType, data } = loaded;
  const digest = createHash("sha256").update(data).digest("base64");
  const share: FileShare = {
    disposition: "inline",
    file: {
      name,
      mediaType: contentType,
      size: data.byteLength,
      hashes: [{ algorithm: "sha-256", digest }],
    },
    urls: [url],
  };
  return { share, url };
}

/** Addresses of machines stand after the colon of what the network says. */
function inWords({ message, retryable }: XmppUploadError): string {
  return `(A file could not be sent: ${retryable ? message.replace(/:.*/s, "") : message})`;
}

/** A path, with all that follows it: there may be blanks in it. */
const PATH = /(?:\bfile:|(?<![\w:/])~?\/(?=\S)|\b[a-z]:[\\/](?!\/)).*/is;

/** Where something lies on this machine is nobody's business. */
const withoutPlace = (problem: string, media: string): string =>
  problem.replaceAll(media, "the file").replace(PATH, "…");

const MAX_LOGGED = 300;

/** On one line; a URL without what may give access to it. */
const forLog = (error: unknown, media: string): string =>
  withoutPlace(messageOf(error), media)
    .replace(/\b[a-z][\w+.-]*:\/\/\S+/gi, (url) =>
      url.replace(/\/\/[^/]*@/, "//").replace(/[?#].*/s, ""),
    )
    .replace(/[\s\p{Cc}]+/gu, " ")
    .slice(0, MAX_LOGGED);

/** The URL is the whole body: so Conversations and Gajim show the file itself. */
export function encodeFile(
  target: Target,
  id: string,
  { share, url }: { share: FileShare; url: string },
  { replaceId, reply, thread }: MessageFacts,
): Element {
  return encodeSaid(target, id, {
    body: url,
    replaceId,
    reply,
    thread,
    fileShares: [share],
    oobUrl: url,
    fallbacks: [{ for: FILE_SHARING, body: "whole" }],
  });
}
