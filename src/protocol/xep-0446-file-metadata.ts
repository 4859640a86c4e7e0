/**
 * XEP-0446 File metadata element 0.2.0, https://xmpp.org/extensions/xep-0446.html
 * Thumbnails are not read.
 */
import { Element } from "ltx";
import { childText } from "./element.ts";
import { parseDateTime } from "./xep-0203-delay.ts";
import { decodeHashes, encodeHash, type Hash } from "./xep-0300-hashes.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const FILE_METADATA = "urn:xmpp:file:metadata:0";

/** What the sender says of a file; nothing of it is proven before the file is there. */
export type FileMetadata = {
  /** Not fit for a path: it may hold slashes, dots and anything else. */
  name?: string | undefined;
  /** `type/subtype` in lower case, without parameters. */
  mediaType?: string | undefined;
  /** In bytes. */
  size?: number | undefined;
  description?: string | undefined;
  /** When it was last changed. */
  date?: Date | undefined;
  /** In pixels. */
  width?: number | undefined;
  height?: number | undefined;
  /** Of sound and film, in milliseconds. */
  length?: number | undefined;
  hashes: Hash[];
};

const MAX_LENGTH = 1000;
/** RFC 6838 §4.2. */
const MEDIA_TYPE =
  /^[a-z0-9][a-z0-9!#$&^_.+-]{0,126}\/[a-z0-9][a-z0-9!#$&^_.+-]{0,126}(?=\s*(?:;|$))/;

/** The metadata in a `<file/>`, whose children are in its own namespace: Jingle's element (XEP-0234) says the same. */
export function decodeFileMetadata(file: Element): FileMetadata {
  const text = (name: string) => boundedText(file, name);
  return {
    name: text("name"),
    mediaType: MEDIA_TYPE.exec(text("media-type")?.toLowerCase() ?? "")?.[0],
    size: decodeCount(text("size")),
    description: text("desc"),
    date: parseDateTime(text("date") ?? ""),
    ...decodeDimensions(text),
    length: decodeCount(text("length")),
    hashes: decodeHashes(file),
  };
}

function boundedText(file: Element, name: string): string | undefined {
  const text = childText(file, name, file.getNS());
  return text === undefined ? undefined : stripInvalidXmlChars(text.slice(0, MAX_LENGTH));
}

function decodeCount(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
}

/** Version 0.1 had both in one element, whose name its own examples and those of XEP-0447 spell in two ways. */
function decodeDimensions(
  text: (name: string) => string | undefined,
): Pick<FileMetadata, "width" | "height"> {
  const [, width, height] =
    /^(\d{1,9})x(\d{1,9})$/.exec(text("dimensions") ?? text("dimension") ?? "") ?? [];
  return {
    width: decodeCount(text("width") ?? width),
    height: decodeCount(text("height") ?? height),
  };
}

export function encodeFileMetadata(metadata: FileMetadata): Element {
  const file = new Element("file", { xmlns: FILE_METADATA });
  const add = (name: string, value: string | number | undefined) => {
    if (value !== undefined) file.c(name).t(stripInvalidXmlChars(String(value)));
  };
  add("media-type", metadata.mediaType);
  add("name", metadata.name);
  add("size", metadata.size);
  add("width", metadata.width);
  add("height", metadata.height);
  add("length", metadata.length);
  add("date", metadata.date?.toISOString());
  for (const hash of metadata.hashes) file.append(encodeHash(hash));
  add("desc", metadata.description);
  return file;
}
