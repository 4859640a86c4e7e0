/**
 * XEP-0426 Character counting in message bodies 0.3.0, https://xmpp.org/extensions/xep-0426.html
 */
import type { Element } from "ltx";
import { attribute } from "./element.ts";

/** A part of a body in Unicode code points: from `begin` up to, not including, `end`; never empty. */
export type CharacterRange = { begin: number; end: number };

/** The range in two attributes of an element; undefined when one is missing, no number, or they are out of order. */
export function decodeRange(
  element: Element,
  beginName: string,
  endName: string,
): CharacterRange | undefined {
  const begin = decodeOffset(attribute(element, beginName));
  const end = decodeOffset(attribute(element, endName));
  return begin !== undefined && end !== undefined && begin < end ? { begin, end } : undefined;
}

function decodeOffset(text: string | undefined): number | undefined {
  return text !== undefined && /^\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** `text` without these parts; they may overlap. A range that goes beyond the end counts somebody else's text and cuts nothing. */
export function cutRanges(text: string, ranges: readonly CharacterRange[]): string {
  const characters = Array.from(text);
  const kept: string[] = [];
  let at = 0;
  for (const { begin, end } of ranges.toSorted((a, b) => a.begin - b.begin)) {
    if (end > characters.length) continue;
    kept.push(characters.slice(at, begin).join(""));
    at = Math.max(at, end);
  }
  return kept.join("") + characters.slice(at).join("");
}

/** Where the character number `offset` begins, in UTF-16 code units; the end of the text where it has fewer. */
export function utf16Offset(text: string, offset: number): number {
  let at = 0;
  let left = offset;
  for (const character of text) {
    if (left-- <= 0) break;
    at += character.length;
  }
  return at;
}

/**
 * The number of the character at an offset of UTF-16 code units, for many offsets of one text, which may
 * lie in any order.
 */
export function characterOffsets(text: string): (units: number) => number {
  const pairsBefore: number[] = [];
  for (const { index } of text.matchAll(/[\u{10000}-\u{10FFFF}]/gu)) pairsBefore.push(index);
  return (units) => {
    // How many surrogate pairs stand before it, by halving.
    let low = 0;
    let high = pairsBefore.length;
    while (low < high) {
      const middle = (low + high) >> 1;
      if ((pairsBefore[middle] as number) < units) low = middle + 1;
      else high = middle;
    }
    return units - low;
  };
}
