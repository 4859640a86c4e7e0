/** Names of files, as strangers give them. */

const MOST_CHARACTERS = 120;
const LONGEST_EXTENSION = 10;
/** Separators, what some file system forbids, control characters, and what turns the direction of text. */
const ILLEGAL = /[/\\:*?"<>|\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Zl}\p{Zp}]/gu;

/**
 * `name` as the name of a file in a folder of ours: illegal characters are `_`, no part of it climbs (`..`), hides
 * (a leading dot) or is a path, and it is at most 120 characters. Undefined where nothing is left.
 */
export function safeFileName(name: string): string | undefined {
  const safe = name
    .normalize("NFC")
    .replace(ILLEGAL, "_")
    .replace(/\.{2,}/g, "_")
    .replace(/^[.\s]+|[.\s]+$/g, "");
  if (!/[\p{L}\p{N}]/u.test(safe)) return undefined;
  const characters = Array.from(safe);
  if (characters.length <= MOST_CHARACTERS) return safe;
  const extension = extensionOf(safe);
  const most = MOST_CHARACTERS - extension.length;
  return characters.slice(0, most).join("") + extension;
}

/** The name with another extension (".png"); undefined leaves it as it is. */
export function withExtension(name: string, extension: string | undefined): string {
  if (extension === undefined) return name;
  const old = extensionOf(name);
  return old.toLowerCase() === extension
    ? name
    : name.slice(0, name.length - old.length) + extension;
}

function extensionOf(name: string): string {
  const [extension = ""] = /\.[A-Za-z0-9]+$/.exec(name) ?? [];
  return extension.length <= LONGEST_EXTENSION && extension.length < name.length ? extension : "";
}

/** The last segment of a URL's path, as its author named the file. */
export function nameInUrl(url: string): string | undefined {
  const segment = URL.canParse(url) ? new URL(url).pathname.split("/").at(-1) : undefined;
  if (!segment) return undefined;
  try {
    return safeFileName(decodeURIComponent(segment));
  } catch {
    return safeFileName(segment); // a stray % is a part of the name
  }
}
