/**
 * Markdown from the agent as XEP-0393 Message Styling 1.1.1, https://xmpp.org/extensions/xep-0393.html
 *
 * | Markdown                       | becomes                                     |
 * | ------------------------------ | ------------------------------------------- |
 * | `**strong**`, `__strong text__`| `*strong*`                                  |
 * | `*emphasis*`, `_emphasis_`     | `_emphasis_`                                |
 * | `~~strike~~`                   | `~strike~`                                  |
 * | code span, fenced block        | the same; every fence is written as ```` ``` ```` |
 * | heading                        | `*heading*`                                 |
 * | link, image                    | `text (url)`, or the URL alone              |
 * | `*` and `+` bullets            | `-`                                         |
 * | rule                           | `---`                                       |
 * | quote                          | `> ` and its styled content                 |
 * | table, HTML, entity, indented code | the same (the host converts tables before) |
 *
 * XEP-0393 has no escape: an asterisk that Markdown shows as such goes out as such.
 */
import { styleInline, wrap } from "./styling-inline.ts";

const FENCE = /^([ \t]*)(`{3,}(?=[^`]*$)|~{3,})(.*)$/;
const QUOTE = /^ {0,3}>/;
const HEADING = /^ {0,3}#{1,6}(?=[ \t]|$)/;
const HEADING_END = /(?:^|[ \t])#+$/;
const UNDERLINE = /^ {0,3}(?:={2,}|-{2,})[ \t]*$/;
const RULE = /^ {0,3}([-*_])(?:[ \t]*\1){2,}[ \t]*$/;
const LIST_ITEM = /^([ \t]*)([-*+]|\d{1,9}[.)])([ \t]+)(.*)$/;
const TABLE_ROW = /^\s*\|.*\|\s*$/;
const INDENTED_CODE = /^(?: {4}|\t)/;
const BLANK = /^\s*$/;

/** Quotes in quotes are styled this deep; deeper ones stay as they are. */
const DEEPEST_QUOTE = 8;

/** Never throws; what is no Markdown stays as it is. */
export function toMessageStyling(markdown: string): string {
  return styleBlocks(markdown.replace(/\r\n?/g, "\n").split("\n"), 0).join("\n");
}

function styleBlocks(lines: readonly string[], depth: number): string[] {
  const output: string[] = [];
  let inList = false;
  let index = 0;
  while (index < lines.length) {
    const line = lines[index] ?? "";
    const item = LIST_ITEM.exec(line);
    const isCode = INDENTED_CODE.test(line) && !inList;
    if (FENCE.test(line) && !isCode) {
      const end = endOfFence(lines, index);
      output.push(...styleFence(lines.slice(index, end)));
      index = end;
    } else if (QUOTE.test(line) && depth < DEEPEST_QUOTE) {
      const end = endOfRun(lines, index, (next) => QUOTE.test(next));
      const inner = lines.slice(index, end).map((quoted) => quoted.replace(/^ {0,3}> ?/, ""));
      output.push(
        ...styleBlocks(inner, depth + 1).map((text) => (text === "" ? ">" : `> ${text}`)),
      );
      index = end;
    } else if (BLANK.test(line) || TABLE_ROW.test(line) || isCode) {
      output.push(BLANK.test(line) ? "" : line);
      index += 1;
    } else if (RULE.test(line)) {
      output.push("---");
      index += 1;
    } else if (HEADING.test(line)) {
      output.push(styleHeading(line.replace(HEADING, "").trim().replace(HEADING_END, "")));
      inList = false;
      index += 1;
    } else if (item) {
      const [, indent = "", bullet = "", space = "", text = ""] = item;
      output.push(indent + bullet.replace(/[*+]/, "-") + space + styleLines(text));
      inList = true;
      index += 1;
    } else {
      const end = endOfRun(lines, index, isPlain);
      const paragraph = lines.slice(index, end);
      inList &&= /^\s/.test(line);
      if (paragraph.length === 1 && !inList && UNDERLINE.test(lines[end] ?? "")) {
        output.push(styleHeading(line.trim()));
        index = end + 1;
      } else {
        output.push(...styleLines(paragraph.join("\n")).split("\n"));
        index = end;
      }
    }
  }
  return output;
}

/** A line that can only continue a paragraph. */
function isPlain(line: string): boolean {
  const starters = [BLANK, FENCE, QUOTE, HEADING, UNDERLINE, RULE, LIST_ITEM, TABLE_ROW];
  return !starters.some((starter) => starter.test(line));
}

/** The index after the lines from `start` for which `belongs` holds; at least the first belongs. */
function endOfRun(
  lines: readonly string[],
  start: number,
  belongs: (line: string) => boolean,
): number {
  let end = start + 1;
  while (end < lines.length && belongs(lines[end] ?? "")) end += 1;
  return end;
}

/** The index after the closing fence; an unclosed one goes to the end. */
function endOfFence(lines: readonly string[], start: number): number {
  const fence = FENCE.exec(lines[start] ?? "")?.[2] ?? "";
  for (let index = start + 1; index < lines.length; index++) {
    const text = (lines[index] ?? "").trim();
    if (text.length >= fence.length && text === fence.charAt(0).repeat(text.length))
      return index + 1;
  }
  return lines.length;
}

/** XEP-0393 §5.1.2: a preformatted block begins and ends with ``` at the very start of a line. */
function styleFence(lines: readonly string[]): string[] {
  const [, indent = "", fence = "", info = ""] = FENCE.exec(lines[0] ?? "") ?? [];
  const last = (lines.at(-1) ?? "").trim();
  const isClosed =
    lines.length > 1 && last.length >= fence.length && last === fence.charAt(0).repeat(last.length);
  const content = lines.slice(1, isClosed ? -1 : undefined).map((line) => {
    const own = line.startsWith(indent) ? line.slice(indent.length) : line;
    // A longer fence may hold a line that would end the block here.
    return /^```\s*$/.test(own) ? ` ${own}` : own;
  });
  return [`\`\`\`${info.trim()}`, ...content, "```"];
}

function styleHeading(text: string): string {
  return wrap(styleInline(text, ["strong"]).trim(), "*");
}

/** Markdown's two ways to force a line end mean nothing in a chat, where every line end counts. */
function styleLines(text: string): string {
  return styleInline(text.replace(/(?<! ) {2,}$|\\$/gm, ""));
}
