/**
 * XEP-0394 Message Markup (see xep-0394-markup.ts) as Markdown. What Markdown cannot say without doubt is left
 * out: spans that overlap, blocks that begin or end within a line.
 */
import type { CharacterRange } from "./xep-0426-characters.ts";
import type { Markup, MarkupStyle } from "./xep-0394-markup.ts";

/** What is put around a text, the outermost last; and what XEP-0393 would put there. */
const MARKS: readonly (readonly [style: MarkupStyle, markdown: string, directive: string])[] = [
  ["emphasis", "*", "_"],
  ["strong", "**", "*"],
  ["deleted", "~~", "~"],
];

const CODE = ["code", "`", "`"] as const;

/** Deeper quotes are written as this deep. */
const DEEPEST_QUOTE = 8;

/**
 * The body as Markdown, without the parts in `cuts` (XEP-0428), all counted in the body as it was sent.
 * Text is not escaped: Markdown that somebody wrote themselves stays Markdown.
 */
export function applyMarkup(
  body: string,
  markup: Markup,
  cuts: readonly CharacterRange[] = [],
): string {
  const all = Array.from(body);
  // A cut that goes beyond the end counts somebody else's text, as in `cutRanges`.
  const isCut = coverage(
    all.length,
    cuts.filter(({ end }) => end <= all.length),
  );
  const text = all.filter((_character, index) => isCut[index] === 0);
  const { spans, codeBlocks, lists, quotes } = move(markup, isCut);

  const lines = linesOf(text);
  const isWhole = (range: CharacterRange) => isWholeLines(text, range);
  const blocks = withoutOverlaps(codeBlocks.filter(isWhole));
  const blockAt = new Map(blocks.map((block) => [block.begin, block]));
  const items = itemsByLine(lists.filter(isWhole));
  const depths = coverage(text.length, quotes.filter(isWhole));
  const inline = spansByLine(withoutOverlaps(spans), lines);

  const output: string[] = [];
  for (let index = 0; index < lines.length; index++) {
    const line = lines[index] as CharacterRange;
    const mark = "> ".repeat(Math.min(depths[line.begin] ?? 0, DEEPEST_QUOTE));
    const block = blockAt.get(line.begin);
    if (!block) {
      const styled = styleLine(text, line, inline[index] ?? []);
      output.push(quoted(bulleted(styled, items.get(line.begin)), mark));
      continue;
    }
    const content = text.slice(block.begin, block.end).join("").replace(/\n$/, "");
    const inside = content.split("\n");
    // What comes with a fence of its own, as in XEP-0393, needs none.
    const fence = /^(?:> ?)*```/.test(content) ? undefined : fenceFor(content);
    if (fence) output.push(mark + fence + (block.language ?? ""));
    for (const each of inside) output.push(quoted(each, mark));
    if (fence) output.push(mark + fence);
    index += inside.length - 1;
  }
  return output.join("\n");
}

/** How many of the ranges each character is in. */
function coverage(length: number, ranges: readonly CharacterRange[]): Int32Array {
  const counts = new Int32Array(length + 1);
  for (const { begin, end } of ranges) {
    counts[begin] = (counts[begin] ?? 0) + 1;
    counts[end] = (counts[end] ?? 0) - 1;
  }
  for (let index = 1; index <= length; index++) {
    counts[index] = (counts[index] ?? 0) + (counts[index - 1] ?? 0);
  }
  return counts.subarray(0, length);
}

/** The markup counted in what is not cut; without what goes beyond the end, and what nothing is left of. */
function move(markup: Markup, isCut: Int32Array): Markup {
  const offsets = new Int32Array(isCut.length + 1);
  for (const [index, cut] of isCut.entries()) {
    offsets[index + 1] = (offsets[index] ?? 0) + (cut === 0 ? 1 : 0);
  }
  const moved = <Value extends CharacterRange>(ranges: readonly Value[]): Value[] =>
    ranges
      .filter(({ end }) => end <= isCut.length)
      .map((range) => ({
        ...range,
        begin: offsets[range.begin] ?? 0,
        end: offsets[range.end] ?? 0,
      }))
      .filter(({ begin, end }) => begin < end);
  const lists = markup.lists.map((list) => ({
    ...list,
    items: list.items.flatMap((item) => (isCut[item] === 0 ? (offsets[item] ?? 0) : [])),
  }));
  return {
    spans: moved(markup.spans),
    codeBlocks: moved(markup.codeBlocks),
    lists: moved(lists),
    quotes: moved(markup.quotes),
  };
}

/** Line ends are not part of a line. */
function linesOf(text: readonly string[]): CharacterRange[] {
  const lines: CharacterRange[] = [];
  let begin = 0;
  for (let index = 0; index <= text.length; index++) {
    if (index < text.length && text[index] !== "\n") continue;
    lines.push({ begin, end: index });
    begin = index + 1;
  }
  return lines;
}

function isWholeLines(text: readonly string[], { begin, end }: CharacterRange): boolean {
  const begins = begin === 0 || text[begin - 1] === "\n";
  const ends = end === text.length || text[end] === "\n" || text[end - 1] === "\n";
  return begins && ends;
}

/** In order; of two that overlap the one that begins later goes. */
function withoutOverlaps<Value extends CharacterRange>(ranges: readonly Value[]): Value[] {
  let end = 0;
  return ranges
    .toSorted((a, b) => a.begin - b.begin)
    .filter((range) => {
      if (range.begin < end) return false;
      end = range.end;
      return true;
    });
}

/** What list items begin with, by the offset of their line. */
function itemsByLine(lists: Markup["lists"]): Map<number, string> {
  const marks = new Map<number, string>();
  for (const { begin, end, items, ordered } of lists) {
    const inList = items.filter((item) => item >= begin && item < end);
    for (const [index, item] of inList.entries()) marks.set(item, ordered ? `${index + 1}.` : "-");
  }
  return marks;
}

function bulleted(line: string, mark: string | undefined): string {
  if (mark === undefined || /^\s*(?:[-*+]|\d{1,9}[.)])\s/.test(line)) return line;
  return `${mark} ${line.replace(/^\s*[•‣◦·–]\s*/u, "")}`;
}

/** `mark` before the line, less what the line has of it already. */
function quoted(line: string, mark: string): string {
  const own = /^(?:> ?)*/.exec(line)?.[0].replaceAll(/[^>]/g, "").length ?? 0;
  return mark.slice(2 * own) + line;
}

type Span = Markup["spans"][number];

/** The parts of the spans that lie in each line; a span ends with its line. */
function spansByLine(spans: readonly Span[], lines: readonly CharacterRange[]): Span[][] {
  let first = 0;
  return lines.map((line) => {
    while (first < spans.length && (spans[first] as Span).end <= line.begin) first += 1;
    const parts: Span[] = [];
    for (let index = first; index < spans.length; index++) {
      const span = spans[index] as Span;
      if (span.begin >= line.end) break;
      const begin = Math.max(span.begin, line.begin);
      parts.push({ ...span, begin, end: Math.min(span.end, line.end) });
    }
    return parts;
  });
}

function styleLine(text: readonly string[], line: CharacterRange, spans: readonly Span[]): string {
  const pieces: string[] = [];
  let done = line.begin;
  let styledUntil = -1;
  for (const span of spans) {
    let { begin, end } = span;
    while (begin < end && /\s/.test(text[begin] ?? "")) begin += 1;
    while (begin < end && /\s/.test(text[end - 1] ?? "")) end -= 1;
    // Marks that touch each other are read as others.
    if (begin === end || begin <= styledUntil) continue;
    const width = directivesAround(text, { begin, end }, { begin: done, end: line.end }, span);
    pieces.push(
      text.slice(done, begin - width).join(""),
      wrap(text.slice(begin, end).join(""), span.styles),
    );
    done = end + width;
    styledUntil = done;
  }
  return pieces.join("") + text.slice(done, line.end).join("");
}

/** How many directives of XEP-0393 stand right before and after a span, and say the same once more. */
function directivesAround(
  text: readonly string[],
  { begin, end }: CharacterRange,
  within: CharacterRange,
  { styles }: Span,
): number {
  const directives = [CODE, ...MARKS]
    .filter(([style]) => styles.includes(style))
    .map(([, , directive]) => directive);
  let width = 0;
  while (directives.length > 0) {
    const [before, after] = [begin - width - 1, end + width];
    if (before < within.begin || after >= within.end || text[before] !== text[after]) break;
    const index = directives.indexOf(text[before] ?? "");
    if (index < 0) break;
    directives.splice(index, 1);
    width += 1;
  }
  return width;
}

function wrap(text: string, styles: readonly MarkupStyle[]): string {
  const marks = MARKS.filter(([style]) => styles.includes(style));
  // The directives of XEP-0393 may be part of the span, too.
  const directives = marks.map(([, , directive]) => directive);
  let inner = text;
  for (;;) {
    const index = directives.findIndex((directive) => isWithin(inner, directive));
    if (index < 0) break;
    directives.splice(index, 1);
    inner = inner.slice(1, -1);
  }
  const styled = styles.includes("code") ? codeSpan(inner) : inner;
  return marks.reduce((all, [, markdown]) => markdown + all + markdown, styled);
}

function isWithin(text: string, directive: string): boolean {
  const isInside = text.length > 2 && text.startsWith(directive) && text.endsWith(directive);
  return isInside && text[1] !== directive;
}

function codeSpan(text: string): string {
  if (/^`[^`]+`$/.test(text)) return text;
  const marks = fenceFor(text, 1);
  return text.includes("`") ? `${marks} ${text} ${marks}` : marks + text + marks;
}

/** More backticks than stand together in the text. */
function fenceFor(text: string, atLeast = 3): string {
  let length = atLeast;
  for (const [run] of text.matchAll(/`+/g)) length = Math.max(length, run.length + 1);
  return "`".repeat(length);
}
