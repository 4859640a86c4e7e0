/**
 * XEP-0234 Jingle File Transfer 0.19.1, https://xmpp.org/extensions/xep-0234.html
 * As the one who is offered a file; parts of a file (§6.4) are not taken.
 */
import { Element } from "ltx";
import { attribute, onlyChild } from "./element.ts";
import {
  decodeFileMetadata,
  encodeFileMetadata,
  type FileMetadata,
} from "./xep-0446-file-metadata.ts";

export const JINGLE_FILE = "urn:xmpp:jingle:apps:file-transfer:5";
const JINGLE_FILE_ERRORS = "urn:xmpp:jingle:apps:file-transfer:errors:0";

/**
 * The file that a content's `<description/>` offers; undefined when it is about something else, not exactly
 * one file, or only a part of one (§6.4).
 */
export function decodeJingleFile(description: Element): FileMetadata | undefined {
  if (description.getName() !== "description" || description.getNS() !== JINGLE_FILE) {
    return undefined;
  }
  const file = onlyChild(description, "file", JINGLE_FILE);
  if (!file || file.getChildren("range", JINGLE_FILE).some(isPart)) return undefined;
  return decodeFileMetadata(file);
}

/** An empty range only says that parts could be asked for. */
function isPart(range: Element): boolean {
  return ["offset", "length"].some((name) => (attribute(range, name) ?? "0") !== "0");
}

/** The description that accepts it: the same, without what we did not read of it. */
export function encodeJingleFile(metadata: FileMetadata): Element {
  const description = new Element("description", { xmlns: JINGLE_FILE });
  // The same element, but for its namespace.
  const file = encodeFileMetadata(metadata);
  delete file.attrs["xmlns"];
  description.append(file);
  return description;
}

/** Says with the reason media-error that more came than was announced, or more than we take (§9.2). */
export function encodeFileTooLarge(): Element {
  return new Element("file-too-large", { xmlns: JINGLE_FILE_ERRORS });
}
