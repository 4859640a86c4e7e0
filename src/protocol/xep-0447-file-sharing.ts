/**
 * XEP-0447 Stateless file sharing 0.3.1, https://xmpp.org/extensions/xep-0447.html
 * Of the sources only URLs (XEP-0103) are read; encrypted ones (XEP-0448) and Jingle's (XEP-0358) are not.
 */
import { Element } from "ltx";
import { attribute, onlyChild, referredId } from "./element.ts";
import {
  decodeFileMetadata,
  encodeFileMetadata,
  FILE_METADATA,
  type FileMetadata,
} from "./xep-0446-file-metadata.ts";

export const FILE_SHARING = "urn:xmpp:sfs:0";
const URL_DATA = "http://jabber.org/protocol/url-data";
const ATTACHING = "urn:xmpp:message-attaching:1";

export type FileShare = {
  /** Tells the shares of one message apart. */
  id?: string | undefined;
  /** "attachment": not to be fetched before somebody asks for it (§3.2). */
  disposition?: "inline" | "attachment" | undefined;
  file: FileMetadata;
  /** Where it is to be had, not checked in any way; none when the sources are to follow in another message. */
  urls: string[];
};

/** §3.3: where the files of an earlier message are, as Dino says it. */
export type AttachedSources = {
  /** The id of the message with the shares. */
  messageId: string;
  /** Of which share, where the message has several. */
  sources: { shareId: string | undefined; urls: string[] }[];
};

const MAX_SHARES = 20;
const MAX_URLS = 10;
const MAX_URL_LENGTH = 8000;

/** The files that a message shares, 20 at most. */
export function decodeFileShares(message: Element): FileShare[] {
  const elements = message.getChildren("file-sharing", FILE_SHARING).slice(0, MAX_SHARES);
  const beside = elements.length === 1 ? sourcesBeside(message) : undefined;
  return elements.flatMap((element) => {
    const file = element.getChild("file", FILE_METADATA);
    if (!file) return [];
    const disposition = attribute(element, "disposition");
    const sources = element.getChild("sources", FILE_SHARING) ?? beside;
    return {
      id: referredId(element),
      disposition:
        disposition === "inline" || disposition === "attachment" ? disposition : undefined,
      file: decodeFileMetadata(file),
      urls: sources ? decodeUrls(sources) : [],
    };
  });
}

/** An early version of Dino looked for the sources of a share next to it. */
function sourcesBeside(message: Element): Element | undefined {
  return message.getChild("attach-to", ATTACHING)
    ? undefined
    : onlyChild(message, "sources", FILE_SHARING);
}

/** The sources that a message adds to an earlier one; undefined when it adds none. */
export function decodeAttachedSources(message: Element): AttachedSources | undefined {
  const target = onlyChild(message, "attach-to", ATTACHING);
  const messageId = target && referredId(target);
  const sources = message
    .getChildren("sources", FILE_SHARING)
    .slice(0, MAX_SHARES)
    .map((element) => ({ shareId: referredId(element), urls: decodeUrls(element) }));
  return messageId !== undefined && sources.length > 0 ? { messageId, sources } : undefined;
}

function decodeUrls(sources: Element): string[] {
  return sources
    .getChildren("url-data", URL_DATA)
    .slice(0, MAX_URLS)
    .flatMap((urlData) => attribute(urlData, "target")?.trim() || [])
    .filter((url) => url.length <= MAX_URL_LENGTH);
}

/** The `<file-sharing/>`; a share without URLs says that they will follow. */
export function encodeFileShare({ id, disposition, file, urls }: FileShare): Element {
  const element = new Element("file-sharing", {
    xmlns: FILE_SHARING,
    ...(disposition === undefined ? {} : { disposition }),
    ...(id === undefined ? {} : { id }),
  });
  element.append(encodeFileMetadata(file));
  if (urls.length === 0) return element;
  const sources = element.c("sources");
  for (const target of urls) sources.c("url-data", { xmlns: URL_DATA, target });
  return element;
}
