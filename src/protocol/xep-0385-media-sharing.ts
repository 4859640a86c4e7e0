/**
 * XEP-0385 Stateless Inline Media Sharing 0.2.1, https://xmpp.org/extensions/xep-0385.html
 * Only read, for clients that do not know its successor XEP-0447.
 */
import type { Element } from "ltx";
import { attribute } from "./element.ts";
import { REFERENCES } from "./xep-0372-references.ts";
import { decodeFileMetadata } from "./xep-0446-file-metadata.ts";
import type { FileShare } from "./xep-0447-file-sharing.ts";

export const MEDIA_SHARING = "urn:xmpp:sims:1";
const JINGLE_FILE = /^urn:xmpp:jingle:apps:file-transfer:\d$/;

const MAX_SHARES = 20;
const MAX_URLS = 10;
const MAX_URL_LENGTH = 8000;

/** The files that a message shares in this way, 20 at most. */
export function decodeMediaShares(message: Element): FileShare[] {
  return dataReferences(message)
    .flatMap((reference) => reference.getChild("media-sharing", MEDIA_SHARING) ?? [])
    .slice(0, MAX_SHARES)
    .flatMap((media) => {
      const file = media.getChildren("file").find((child) => JINGLE_FILE.test(child.getNS() ?? ""));
      const sources = media.getChild("sources", MEDIA_SHARING);
      if (!file) return [];
      return { file: decodeFileMetadata(file), urls: sources ? decodeUrls(sources) : [] };
    });
}

function dataReferences(parent: Element): Element[] {
  return parent
    .getChildren("reference", REFERENCES)
    .filter((reference) => attribute(reference, "type") === "data");
}

/** An xmpp: URI among them asks for Jingle. */
function decodeUrls(sources: Element): string[] {
  return dataReferences(sources)
    .slice(0, MAX_URLS)
    .flatMap((reference) => attribute(reference, "uri")?.trim() || [])
    .filter((uri) => uri.length <= MAX_URL_LENGTH && !/^xmpp:/i.test(uri));
}
