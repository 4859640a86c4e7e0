/**
 * XEP-0478 Stream Limits Advertisement 0.2.0, https://xmpp.org/extensions/xep-0478.html
 */
import type { Element } from "ltx";
import { childText } from "./element.ts";

export const STREAM_LIMITS = "urn:xmpp:stream-limits:0";

/** Bytes that a stanza may have, as stream features say it; undefined where they do not. */
export function decodeMaxBytes(features: Element): number | undefined {
  const limits = features.getChild("limits", STREAM_LIMITS);
  const text = limits && childText(limits, "max-bytes")?.trim();
  if (!text || !/^\d{1,12}$/.test(text)) return undefined;
  return Number(text) || undefined;
}
