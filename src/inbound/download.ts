/**
 * One file of a stranger's choosing, fetched by the host's guard and kept in its media store. Private and loopback
 * addresses are refused, wherever a name or a redirect leads, but for the upload service of our own server.
 */
import {
  fetchWithSsrFGuard,
  GuardedFetchRedirectError,
  type LookupFn,
  SsrFBlockedError,
} from "openclaw/plugin-sdk/ssrf-runtime";
import type { Uploads } from "../client/upload.ts";
import { nameInUrl, safeFileName } from "../policy/file-name.ts";
import type { FileMetadata } from "../protocol/xep-0446-file-metadata.ts";
import { FileRefusedError, saveFile, type SavedFile } from "./save-file.ts";

export type DownloadOptions = {
  uploads: Pick<Uploads, "origins" | "trust">;
  maxBytes: number;
  metadata?: FileMetadata | undefined;
  timeoutMs: number;
  signal: AbortSignal;
  /** DNS; default: the system's. */
  lookup?: LookupFn | undefined;
};

const MOST_REDIRECTS = 3;

/** @throws FileRefusedError */
export async function download(url: string, options: DownloadOptions): Promise<SavedFile> {
  const { maxBytes, metadata, signal, timeoutMs } = options;
  if (metadata?.size !== undefined && metadata.size > maxBytes) throw tooLarge(maxBytes);
  const limit = AbortSignal.timeout(timeoutMs);
  try {
    const opened = await open(url, options, AbortSignal.any([signal, limit]));
    try {
      return await keep(opened.response, url, options);
    } finally {
      await opened.release();
    }
  } catch (error) {
    if (limit.aborted) {
      const seconds = Math.round(timeoutMs / 1000);
      throw new FileRefusedError(`it did not arrive within ${seconds} s`, { cause: error });
    }
    throw inWords(error);
  }
}

type Opened = Awaited<ReturnType<typeof fetchWithSsrFGuard>>;

async function open(
  url: string,
  { uploads, lookup }: DownloadOptions,
  signal: AbortSignal,
): Promise<Opened> {
  const { origin, protocol } = URL.parse(url) ?? {};
  const own = await uploads.origins();
  const isOwn = origin !== undefined && own.has(origin);
  if (protocol !== "https:" && !isOwn) throw new FileRefusedError("only https links are fetched");
  const guarded = {
    url,
    // What is compressed on its way may be a thousand times as large behind it.
    init: { headers: { "accept-encoding": "identity" } },
    signal,
    requireHttps: protocol === "https:",
    maxRedirects: protocol === "https:" ? MOST_REDIRECTS : 0,
    ...(lookup ? { lookupFn: lookup } : {}),
    auditContext: "xmpp-file",
  };
  if (!isOwn) return await fetchWithSsrFGuard(guarded);
  const atHome = {
    ...guarded,
    resolveDispatcherPolicy: (hop: URL) =>
      own.has(hop.origin)
        ? { mode: "direct" as const, connect: { secureContext: uploads.trust() } }
        : undefined,
  };
  try {
    return await fetchWithSsrFGuard({ ...atHome, policy: { allowedOrigins: [...own] } });
  } catch (error) {
    if (!(error instanceof SsrFBlockedError)) throw error;
    // Its name may lead to an address that the guard keeps for "localhost" alone: but then nowhere else.
    const policy = { dangerouslyAllowPrivateNetwork: true };
    return await fetchWithSsrFGuard({ ...atHome, policy, maxRedirects: 0 });
  }
}

async function keep(
  response: Response,
  url: string,
  { maxBytes, metadata }: DownloadOptions,
): Promise<SavedFile> {
  const { body, headers, status } = response;
  if (!response.ok || !body) {
    const isPassing = status >= 500;
    throw new FileRefusedError(`its server answered ${status}`, { isPassing });
  }
  if (Number(headers.get("content-length") ?? 0) > maxBytes) throw tooLarge(maxBytes);
  const named = safeFileName(metadata?.name ?? "") ?? nameInUrl(url);
  const claimed = metadata?.mediaType ?? headers.get("content-type");
  return await saveFile(bounded(body, maxBytes), {
    named,
    claimed,
    hashes: metadata?.hashes ?? [],
    maxBytes,
  });
}

/** The bytes as they are after decompression, as many as there may be. @throws FileRefusedError beyond */
async function* bounded(
  body: ReadableStream<Uint8Array>,
  maxBytes: number,
): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of body) {
    size += chunk.byteLength;
    if (size > maxBytes) throw tooLarge(maxBytes);
    yield chunk;
  }
}

function tooLarge(maxBytes: number): FileRefusedError {
  return new FileRefusedError(`it is larger than ${Math.round(maxBytes / 1024 / 102.4) / 10} MB`);
}

function inWords(error: unknown): FileRefusedError {
  const cause = error instanceof Error ? error.cause : undefined;
  if (error instanceof FileRefusedError) return error;
  if (cause instanceof FileRefusedError) return cause;
  if (error instanceof SsrFBlockedError) {
    return new FileRefusedError("its address is not a public one", { cause: error });
  }
  if (error instanceof GuardedFetchRedirectError) {
    return new FileRefusedError("it is redirected too often", { cause: error });
  }
  return new FileRefusedError("its server could not be reached", {
    isPassing: true,
    cause: error,
  });
}
