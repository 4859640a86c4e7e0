/** A file to send, as the host lets it be read: only what lies in its media roots leaves this machine. */
import { resolveChannelMediaMaxBytes } from "openclaw/plugin-sdk/account-helpers";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import type { ChannelMessageSendMediaContext } from "openclaw/plugin-sdk/channel-outbound";
import { extensionForMime } from "openclaw/plugin-sdk/media-mime";
import { loadWebMedia } from "openclaw/plugin-sdk/web-media";
import type { FileToUpload } from "../client/upload.ts";
import { safeFileName, withExtension } from "../policy/file-name.ts";
import { DEFAULT_MEDIA_MAX_MB } from "../policy/limits.ts";

/** What the host says of an attachment, and from where it may be read. */
export type MediaSource = {
  /** A path, or a URL. */
  media: string;
} & Partial<
  Pick<
    ChannelMessageSendMediaContext,
    "mediaAccess" | "mediaLocalRoots" | "mediaReadFile" | "audioAsVoice" | "forceDocument"
  >
>;

/** A link may take so long, ms. */
const LONGEST_FETCH_MS = 60_000;
const LONGEST_SILENCE_MS = 20_000;
const UNKNOWN = "application/octet-stream";

/** In bytes: `mediaMaxMb` of the account, else of the agents, else 20 MB. */
export function mediaMaxBytes(
  cfg: OpenClawConfig,
  accountId: string,
  mediaMaxMb: number | undefined,
): number {
  return (
    resolveChannelMediaMaxBytes({ cfg, accountId, resolveChannelLimitMb: () => mediaMaxMb }) ??
    DEFAULT_MEDIA_MAX_MB * 1024 * 1024
  );
}

/**
 * The file, with the type that its content says. A picture that is larger than `maxBytes` is made smaller, as the
 * host does it.
 * @throws whatever the host says: outside its roots, too large, not there, a private address, …
 */
export async function loadFile(
  source: MediaSource,
  maxBytes: number,
  signal: AbortSignal | undefined,
): Promise<FileToUpload> {
  const { media, mediaAccess, audioAsVoice, forceDocument } = source;
  const localRoots = mediaAccess?.localRoots ?? source.mediaLocalRoots ?? [];
  const readFile = mediaAccess?.readFile ?? source.mediaReadFile;
  const limit = AbortSignal.timeout(LONGEST_FETCH_MS);
  const loaded = await loadWebMedia(media, {
    maxBytes,
    // The host's own roots count where it names none.
    ...(localRoots.length > 0 ? { localRoots } : {}),
    ...(readFile ? { readFile, hostReadCapability: true } : {}),
    ...(mediaAccess?.workspaceDir ? { workspaceDir: mediaAccess.workspaceDir } : {}),
    ...(forceDocument ? { optimizeImages: false } : {}),
    readIdleTimeoutMs: LONGEST_SILENCE_MS,
    requestInit: { signal: signal ? AbortSignal.any([signal, limit]) : limit },
  });
  const seen = loaded.contentType ?? UNKNOWN;
  // Containers that hold either look like film.
  const contentType = audioAsVoice ? seen.replace(/^video\//, "audio/") : seen;
  return { name: nameOf(loaded.fileName, contentType), contentType, data: loaded.buffer };
}

/** Clients that know no XEP-0447 go by the end of the URL. */
function nameOf(given: string | undefined, contentType: string): string {
  const name = safeFileName(given ?? "") ?? "file";
  const isMedia = /^(?:image|audio|video)\//.test(contentType);
  return isMedia || !name.includes(".") ? withExtension(name, extensionForMime(contentType)) : name;
}
