/** What a file is, by its content: names and headers are what its sender says. */
import { isUtf8 } from "node:buffer";
import { detectMime, extensionForMime } from "openclaw/plugin-sdk/media-mime";

const UNKNOWN = "application/octet-stream";
const TEXT =
  /^(?:text\/|application\/(?:json|xml|yaml|x-yaml|toml|javascript|sql)$|application\/.*\+(?:json|xml)$)/;
/** Names that make nobody take the file for a picture, a sound or a page. */
const PLAIN =
  /\.(?!(?:png|jpe?g|gif|webp|avif|heic|heif|svg|bmp|tiff?|mp[34]|m4[av]|og[gav]|opus|webm|wav|flac|aac|mov|html?|pdf)$)[a-z0-9]{1,10}$/i;

/**
 * The media type of what begins with `head`. A claim counts only where the content leaves it open, and never makes a
 * picture, a sound or a film.
 */
export async function contentTypeOf(
  head: Buffer,
  claimed: string | null,
  name: string | undefined,
): Promise<string> {
  const seen = await detectMime({ buffer: head });
  const hints = { headerMime: claimed, ...(name === undefined ? {} : { filePath: name }) };
  const guessed = (await detectMime({ buffer: head, ...hints })) ?? UNKNOWN;
  if (seen !== undefined && seen !== UNKNOWN) return guessed;
  if (isText(head)) return TEXT.test(guessed) ? guessed : "text/plain";
  return /^(?:image|audio|video|text)\//.test(guessed) ? UNKNOWN : guessed;
}

function isText(head: Buffer): boolean {
  if (head.includes(0)) return false;
  // The last character may be cut.
  return [0, 1, 2, 3].some((cut) => isUtf8(head.subarray(0, head.length - cut)));
}

/** The extension (".png") that the name must have to say what it is; undefined: it may stay as it is. */
export function properExtension(name: string, contentType: string): string | undefined {
  if (contentType === UNKNOWN) return PLAIN.test(name) ? undefined : ".bin";
  if (contentType === "text/plain") return PLAIN.test(name) ? undefined : ".txt";
  return extensionForMime(contentType);
}
