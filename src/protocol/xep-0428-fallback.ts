/**
 * XEP-0428 Fallback Indication 0.2.1, https://xmpp.org/extensions/xep-0428.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { cutRanges, decodeRange, type CharacterRange } from "./xep-0426-characters.ts";

export const FALLBACK = "urn:xmpp:fallback:0";

export type Fallback = {
  /** Namespace of the extension that says the same in a better way. */
  for: string;
  /** Which parts of the body are only for clients without it. */
  body: "whole" | CharacterRange[];
};

/** A sender has use for two or three; what is beyond is not read. */
const MAX_FALLBACKS = 20;
const MAX_RANGES = 20;

/** Every fallback on a message that says what it is for. */
export function decodeFallbacks(message: Element): Fallback[] {
  return message
    .getChildren("fallback", FALLBACK)
    .slice(0, MAX_FALLBACKS)
    .flatMap((fallback) => {
      const namespace = attribute(fallback, "for");
      return namespace ? { for: namespace, body: decodeBody(fallback) } : [];
    });
}

/** §2.2: without a child it is all of the message; a part without a range is meant as a whole. */
function decodeBody(fallback: Element): Fallback["body"] {
  const bodies = fallback.getChildren("body", FALLBACK);
  if (bodies.length === 0) return fallback.getChildElements().length === 0 ? "whole" : [];
  if (bodies.some((body) => !hasRange(body))) return "whole";
  return bodies.slice(0, MAX_RANGES).flatMap((body) => decodeRange(body, "start", "end") ?? []);
}

function hasRange(body: Element): boolean {
  return attribute(body, "start") !== undefined || attribute(body, "end") !== undefined;
}

/** The `<fallback/>` that says so of a body; its ranges count the body as it is sent, see `stripInvalidXmlChars`. */
export function encodeFallback(fallback: Fallback): Element {
  const element = new Element("fallback", { xmlns: FALLBACK, for: fallback.for });
  if (fallback.body === "whole") element.c("body");
  // Without a child it would be the whole message.
  else if (fallback.body.length === 0) element.c("subject");
  else {
    for (const { begin, end } of fallback.body) {
      element.c("body", { start: String(begin), end: String(end) });
    }
  }
  return element;
}

/** What is left of `body`, exactly as it was decoded, for one who understands `namespace`. */
export function stripFallback(
  body: string,
  fallbacks: readonly Fallback[],
  namespace: string,
): string {
  const parts = fallbacks.filter((fallback) => fallback.for === namespace).map((each) => each.body);
  if (parts.includes("whole")) return "";
  return cutRanges(body, parts.filter((part) => part !== "whole").flat());
}
