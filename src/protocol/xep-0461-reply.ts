/**
 * XEP-0461 Message Replies 0.2.1, https://xmpp.org/extensions/xep-0461.html
 */
import { Element } from "ltx";
import { attribute, onlyChild } from "./element.ts";
import { parseJid, type FullJid } from "./jid.ts";
import type { Fallback } from "./xep-0428-fallback.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const REPLY = "urn:xmpp:reply:0";

export type Reply = {
  /** In rooms the stanza id that the room gave (XEP-0359), elsewhere the origin-id or id (§4.1). */
  id: string;
  /** Who wrote the message that is answered; the replier's word. */
  to?: FullJid | undefined;
};

const MAX_QUOTED_LINES = 4;
const MAX_QUOTED_CHARACTERS = 200;
const MAX_AUTHOR_CHARACTERS = 60;

/** Which message this one answers; undefined when it answers none, or claims to answer several. */
export function decodeReply(message: Element): Reply | undefined {
  const reply = onlyChild(message, "reply", REPLY);
  const id = reply && attribute(reply, "id");
  return id ? { id, to: parseJid(attribute(reply, "to") ?? "")?.full } : undefined;
}

export function encodeReply({ id, to }: Reply): Element {
  return new Element("reply", { xmlns: REPLY, ...(to === undefined ? {} : { to }), id });
}

/**
 * The fallback of a reply in characters. Dino 0.4.0 to 0.4.2 counts bytes of UTF-8 (mended in 0.4.3): with a quote that is not
 * all ASCII the range would take away the first words of the answer. It is taken for bytes where it ends a quoted
 * line in bytes, and none in characters.
 */
export function countQuoteInCharacters(fallback: Fallback, body: string): Fallback {
  const [range, ...others] = fallback.body === "whole" ? [] : fallback.body;
  if (fallback.for !== REPLY || range?.begin !== 0 || others.length > 0) return fallback;
  let [characters, bytes] = [0, 0];
  let counted: number | undefined;
  const [quote = ""] = /^(?:>[^\n]*\n)*/.exec(body) ?? [];
  for (const [line] of quote.matchAll(/[^\n]*\n/g)) {
    characters += Array.from(line).length;
    bytes += Buffer.byteLength(line);
    if (characters === range.end) return fallback;
    if (bytes === range.end) counted = characters;
  }
  return counted === undefined ? fallback : { for: REPLY, body: [{ begin: 0, end: counted }] };
}

/**
 * The body of a reply for clients that do not know this extension (§3.1): some of the text that is answered,
 * quoted by "> ", then `text`; with the fallback to send along, which counts code points of that very body.
 * What the answered text itself quotes is left out. With nothing to quote it is `text` without a fallback.
 */
export function quoteForReply(
  text: string,
  answered: { text: string; author?: string | undefined },
): { body: string; fallback: Fallback | undefined } {
  const answer = stripInvalidXmlChars(text);
  const lines = shorten(stripInvalidXmlChars(answered.text));
  if (lines.length === 0) return { body: answer, fallback: undefined };
  const author = cut(
    stripInvalidXmlChars(answered.author ?? "")
      .replaceAll(/\s+/g, " ")
      .trim(),
  );
  const quote = (author ? [`${author} wrote:`, ...lines] : lines).map((line) => `> ${line}\n`);
  // An answer that begins with a quote of its own would run into this one (XEP-0393 §6.1.3).
  const fallback = quote.join("") + (answer.startsWith(">") ? "\n" : "");
  const end = Array.from(fallback).length;
  return { body: fallback + answer, fallback: { for: REPLY, body: [{ begin: 0, end }] } };
}

function cut(author: string): string {
  return Array.from(author).slice(0, MAX_AUTHOR_CHARACTERS).join("");
}

/** The first lines of a text, without its quotes and blank lines; "…" where something is left out at the end. */
function shorten(text: string): string[] {
  const all = text.split("\n").map((line) => line.trim());
  const lines = all.filter((line) => line !== "" && !line.startsWith(">"));
  const head = Array.from(lines.slice(0, MAX_QUOTED_LINES).join("\n"));
  const isCut = lines.length > MAX_QUOTED_LINES || head.length > MAX_QUOTED_CHARACTERS;
  const kept = head.slice(0, MAX_QUOTED_CHARACTERS).join("").trim();
  return kept === "" ? [] : `${kept}${isCut ? "…" : ""}`.split("\n");
}
