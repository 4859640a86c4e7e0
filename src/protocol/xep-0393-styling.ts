/**
 * XEP-0393 Message Styling 1.1.1, https://xmpp.org/extensions/xep-0393.html
 * What people and clients mean by `*`, `_`, `~`, a backtick and `>`, read out of a body. The way out is
 * `outbound/styling.ts`.
 */
import type { Element } from "ltx";

export const STYLING = "urn:xmpp:styling:0";

/** Whether the sender wants the body read as it stands (§6). */
export function hasUnstyled(message: Element): boolean {
  return message.getChild("unstyled", STYLING) !== undefined;
}

/** All offsets are UTF-16 code units of the whole text; `end` is the first that does not belong. */
type Range = { begin: number; end: number };

export type StyledSpan = Range & {
  style: "strong" | "emphasis" | "strike" | "code";
  /** Spans between its two directives, which belong to the range. */
  inner: StyledSpan[];
};

export type PreformattedBlock = Range & {
  /** What stands after the opening fence. */
  info: string;
  isClosed: boolean;
};

export type Styling = { spans: StyledSpan[]; preformatted: PreformattedBlock[]; quotes: Range[] };

const STYLES = { "*": "strong", _: "emphasis", "~": "strike", "`": "code" } as const;
type Directive = keyof typeof STYLES;

/** With more backticks after it, people mean code within a line. */
const FENCE = /^```([^`]*)$/;
const FENCE_END = /^```\s*$/;
const QUOTE = /^>\s?/;
/** Quotes in quotes are read this deep. */
const DEEPEST_QUOTE = 8;

/** The blocks and spans of a text, in the order in which they begin; takes time in proportion to its length. */
export function parseStyling(text: string): Styling {
  const found: Styling = { spans: [], preformatted: [], quotes: [] };
  let begin = 0;
  const lines = text.split("\n").map((line) => {
    const range = { begin, end: begin + line.length };
    begin = range.end + 1;
    return range;
  });
  parseBlocks(text, lines, 0, found);
  return found;
}

/** `lines` is what the surrounding quotes leave of each line (§5.1.3). */
function parseBlocks(text: string, lines: readonly Range[], depth: number, found: Styling): void {
  const content = lines.map(({ begin, end }) => text.slice(begin, end));
  let index = 0;
  while (index < lines.length) {
    const { begin } = lines[index] as Range;
    const line = content[index] ?? "";
    const fence = FENCE.exec(line);
    if (fence) {
      const closing = findFrom(content, index + 1, (each) => FENCE_END.test(each));
      const isClosed = closing < lines.length;
      const last = isClosed ? closing : closing - 1;
      const info = (fence[1] ?? "").trim();
      found.preformatted.push({ begin, end: (lines[last] as Range).end, info, isClosed });
      index = last + 1;
    } else if (QUOTE.test(line) && depth < DEEPEST_QUOTE) {
      const after = findFrom(content, index + 1, (each) => !QUOTE.test(each));
      const quoted = lines.slice(index, after);
      found.quotes.push({ begin, end: (quoted.at(-1) as Range).end });
      const inner = quoted.map((range, at) => {
        const mark = QUOTE.exec(content[index + at] ?? "")?.[0] ?? "";
        return { ...range, begin: range.begin + mark.length };
      });
      parseBlocks(text, inner, depth + 1, found);
      index += quoted.length;
    } else {
      found.spans.push(...parseLine(line, begin));
      index += 1;
    }
  }
}

/** The index of the first such line from `index` on; their number when there is none. */
function findFrom(
  lines: readonly string[],
  index: number,
  matches: (line: string) => boolean,
): number {
  let at = index;
  while (at < lines.length && !matches(lines[at] ?? "")) at += 1;
  return at;
}

function parseLine(line: string, offset: number): StyledSpan[] {
  if (!/[*_~`]/.test(line)) return [];
  const closings = findClosings(line);

  /** §5.2: spans are matched lazily from the left, and end with what they stand in. */
  function parseSpans(begin: number, end: number): StyledSpan[] {
    const spans: StyledSpan[] = [];
    let index = begin;
    while (index < end) {
      const close = isOpening(index, begin) ? closings.after(index) : -1;
      // Next to each other, neither of the two is a directive.
      if (close <= index + 1 || close >= end) {
        index += 1;
        continue;
      }
      const style = STYLES[line[index] as Directive];
      const inner = style === "code" ? [] : parseSpans(index + 1, close);
      spans.push({ style, begin: offset + index, end: offset + close + 1, inner });
      index = close + 1;
    }
    return spans;
  }

  function isOpening(index: number, begin: number): boolean {
    if (!(line.charAt(index) in STYLES)) return false;
    const isFirst = index === begin || /\s/.test(line.charAt(index - 1));
    return isFirst && /\S/.test(line.charAt(index + 1));
  }

  return parseSpans(0, line.length);
}

/** For each directive where the next one like it stands that may close a span; -1 where none does. */
function findClosings(line: string): { after(index: number): number } {
  const next = new Int32Array(line.length);
  const last: Record<string, number> = {};
  for (let index = line.length - 1; index >= 0; index--) {
    const char = line.charAt(index);
    next[index] = last[char] ?? -1;
    if (char in STYLES && index > 0 && /\S/.test(line.charAt(index - 1))) last[char] = index;
  }
  return { after: (index) => next[index] ?? -1 };
}

const MARKDOWN = { strong: "**", emphasis: "*", strike: "~~", code: "`" } as const;

/**
 * The body as Markdown. Only directives are rewritten; all else, Markdown of the sender's own included,
 * stays as it is. A name like `_private_var` is no emphasis, although the XEP reads one.
 */
export function fromMessageStyling(body: string): string {
  const { spans, preformatted } = parseStyling(body);
  const pieces: string[] = [];
  let done = 0;
  const replace = (begin: number, end: number, by: string) => {
    pieces.push(body.slice(done, begin), by);
    done = end;
  };
  const rewrite = ({ style, begin, end, inner }: StyledSpan) => {
    const isName = style === "emphasis" && /^[\p{L}\p{N}_]/u.test(body.slice(end, end + 2));
    if (!isName) replace(begin, begin + 1, MARKDOWN[style]);
    for (const span of inner) rewrite(span);
    if (!isName) replace(end - 1, end, MARKDOWN[style]);
  };
  const parts = [...spans, ...preformatted].toSorted((a, b) => a.begin - b.begin);
  for (const part of parts) {
    if ("style" in part) rewrite(part);
    else if (!part.isClosed) replace(part.end, part.end, `\n${quoteMarks(body, part)}\`\`\``);
  }
  return pieces.join("") + body.slice(done);
}

/** What stands before a block in its line. */
function quoteMarks(body: string, { begin }: Range): string {
  return body.slice(body.lastIndexOf("\n", begin - 1) + 1, begin);
}
