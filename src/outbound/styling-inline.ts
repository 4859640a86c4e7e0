/**
 * The inline part of `toMessageStyling`: emphasis, code spans and links of CommonMark (0.31 §6) as
 * spans of XEP-0393 (§5.2).
 *
 * Emphasis is read more strictly than CommonMark does: delimiters inside a word are text, so that
 * `snake_case`, `2*3*4`, `**kwargs` and globs stay as they are. Runs pair with runs of their own
 * length, except that `***` may close or open two spans.
 */

type Style = "strong" | "emphasis" | "strike";
type Styles = readonly Style[];

const MARKER: Readonly<Record<Style, string>> = { strong: "*", emphasis: "_", strike: "~" };

/** A finished piece of output, or a run of delimiters that may still pair. */
type Token = { text: string } | Run;
type Run = { char: string; length: number; opens: boolean; closes: boolean };

const isRun = (token: Token): token is Run => "char" in token;

/**
 * One paragraph of Markdown, which may hold line ends, as styled text.
 * `inside` names what the surroundings are styled with already.
 */
export function styleInline(markdown: string, inside: Styles = []): string {
  return render(tokenize(markdown, inside), inside);
}

const CODE = /(?<!`)(`+)(?!`)([^]*?[^`])\1(?!`)/y;
const AUTOLINK = /<((?:https?|xmpp|mailto|ftp):[^\s<>]*)>/y;
const BARE_URL = /(?:https?|xmpp|mailto|ftp|geo|aesgcm):[^\s<>]*[^\s<>*_~)\]}.,;:!?'"`]/y;
const DUNDER = /__[a-z0-9]+(?:_[a-z0-9]+)*__(?!\w)/y;
/** Only what means something in a span: `\(` and `\[` are LaTeX, `\\` begins a path. */
const ESCAPE = /\\([`*_~#+\-.!<>|&])/y;
const RUN = /\*+|_+|~+/y;
/** Characters with which nothing begins. */
const TEXT = /[\p{L}\p{N}\s]+/uy;
const DESTINATION =
  /\(\s{0,3}(?:<([^<>\n]*)>|((?:[^\s()\\]|\\.|\([^\s()]*\))*))(?:\s{1,3}(?:"[^"]{0,500}"|'[^']{0,500}'))?\s{0,3}\)/y;

function matchAt(pattern: RegExp, text: string, index: number): RegExpExecArray | null {
  pattern.lastIndex = index;
  return pattern.exec(text);
}

function tokenize(markdown: string, inside: Styles): Token[] {
  const tokens: Token[] = [];
  let index = 0;
  while (index < markdown.length) {
    const piece = readLiteral(markdown, index) ?? readLink(markdown, index, inside);
    const run = piece ? undefined : matchAt(RUN, markdown, index)?.[0];
    if (piece) tokens.push({ text: piece.text });
    else if (run) tokens.push(readRun(markdown, index, run));
    const text = piece || run ? "" : readText(markdown, index);
    if (text) tokens.push({ text });
    index += piece?.length ?? run?.length ?? text.length;
  }
  return tokens;
}

/** Output for `length` characters of Markdown. */
type Piece = { text: string; length: number };

/** What stands for itself: an escaped character, code, a URL, a name like `__init__`. */
function readLiteral(markdown: string, index: number): Piece | undefined {
  const escape = matchAt(ESCAPE, markdown, index);
  if (escape) return { text: escape[1] ?? "", length: escape[0].length };
  const code = matchAt(CODE, markdown, index);
  if (code) return { text: codeSpan(code), length: code[0].length };
  const autolink = matchAt(AUTOLINK, markdown, index);
  if (autolink) return { text: autolink[1] ?? "", length: autolink[0].length };
  if (/[\p{L}\p{N}]/u.test(markdown[index - 1] ?? "")) return undefined;
  const text = (matchAt(BARE_URL, markdown, index) ?? matchAt(DUNDER, markdown, index))?.[0];
  return text === undefined ? undefined : { text, length: text.length };
}

/** Text up to where something may begin, the scheme of a URL included. */
function readText(markdown: string, index: number): string {
  const text = matchAt(TEXT, markdown, index)?.[0];
  if (text === undefined) return String.fromCodePoint(markdown.codePointAt(index) ?? 0);
  const scheme = markdown[index + text.length] === ":" ? text.search(/[a-z]+$/) : -1;
  return scheme > 0 ? text.slice(0, scheme) : text;
}

/** XEP-0393 §5.2.4 knows one backtick only, and no span goes over a line. */
function codeSpan([whole, , content = ""]: RegExpExecArray): string {
  if (content.includes("`")) return whole;
  const line = content.includes("\n")
    ? content
        .split("\n")
        .map((part) => part.trim())
        .join(" ")
    : content;
  return `\`${line}\``;
}

/** `[text](url)` or `![alt](url)` at `index`, as `text (url)`. */
function readLink(markdown: string, index: number, inside: Styles): Piece | undefined {
  const open = markdown.startsWith("![", index) ? index + 1 : index;
  if (markdown[open] !== "[") return undefined;
  const close = closingBracket(markdown, open);
  const destination = close < 0 ? null : matchAt(DESTINATION, markdown, close + 1);
  if (!destination) return undefined;
  const url = (destination[1] ?? destination[2] ?? "").replace(/\\([!-/:-@[-`{-~])/g, "$1");
  const label = styleInline(markdown.slice(open + 1, close), inside).trim();
  const same = label === url || `mailto:${label}` === url || `${label}/` === url;
  const length = close + 1 + destination[0].length - index;
  if (same || url === "") return { text: label, length };
  return { text: label === "" ? url : `${label} (${url})`, length };
}

/** A label is short; looking further would make a text full of brackets quadratic. */
const LONGEST_LABEL = 1000;

function closingBracket(markdown: string, open: number): number {
  let depth = 0;
  const end = Math.min(markdown.length, open + LONGEST_LABEL);
  for (let index = open; index < end; index++) {
    const char = markdown[index];
    if (char === "\\") index++;
    else if (char === "[") depth++;
    else if (char === "]" && --depth === 0) return index;
  }
  return -1;
}

/** Letters and digits, but not of scripts that put no space between words; slashes, as in globs. */
const WORD =
  /(?![\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}])[\p{L}\p{N}_/\\]/u;

function readRun(markdown: string, index: number, run: string): Token {
  const char = run[0] ?? "";
  const paired = char === "~" ? run.length === 2 : run.length <= 3;
  if (!paired) return { text: run };
  const before = [...markdown.slice(Math.max(0, index - 2), index)].at(-1) ?? " ";
  const after = String.fromCodePoint(markdown.codePointAt(index + run.length) ?? 0x20);
  const opens = !/\s/.test(after) && !WORD.test(before);
  // "**Note:**text" is what models write for "**Note:** text".
  const closes =
    !/\s/.test(before) && (!WORD.test(after) || (run === "**" && /[\p{P}]/u.test(before)));
  return { char, length: run.length, opens, closes };
}

/** By the length of a run of "*" or "_". */
const STYLES: Readonly<Record<number, Styles>> = {
  1: ["emphasis"],
  2: ["strong"],
  3: ["strong", "emphasis"],
};
const STRIKE: Styles = ["strike"];

function render(tokens: readonly Token[], inside: Styles): string {
  // Each open run collects what follows it; what never closes falls back to text.
  const stack: { run?: Run; text: string }[] = [{ text: "" }];
  const top = () => stack.at(-1) ?? { text: "" };
  const flatten = (depth: number) => {
    while (stack.length > depth) {
      const { run, text } = stack.pop() ?? { text: "" };
      top().text += (run ? run.char.repeat(run.length) : "") + text;
    }
  };
  for (const token of tokens) {
    if (!isRun(token)) {
      top().text += token.text;
      continue;
    }
    let rest = token.length;
    while (token.closes && rest > 0) {
      const depth = stack.findLastIndex(({ run }) => run && pairs(run, token.char, rest));
      if (depth < 0) break;
      flatten(depth + 1);
      const frame = stack.pop() ?? { text: "" };
      const open = frame.run?.length ?? 0;
      const used = Math.min(open, rest);
      const styled = applyStyles(frame.text, token.char, used, inside);
      if (open > used) stack.push({ run: { ...token, length: open - used }, text: styled });
      else top().text += styled;
      rest -= used;
    }
    if (rest === 0) continue;
    const run = { ...token, length: rest };
    if (token.opens && rest === token.length && stack.length < 50) stack.push({ run, text: "" });
    else top().text += token.char.repeat(rest);
  }
  flatten(1);
  return top().text;
}

function pairs(run: Run, char: string, length: number): boolean {
  return run.char === char && (run.length === length || run.length === 3 || length === 3);
}

function applyStyles(text: string, char: string, length: number, inside: Styles): string {
  // Underscores around underscores are rather a name than emphasis.
  if (char === "_" && endsEarly(text, "_")) return char.repeat(length) + text + char.repeat(length);
  const styles = char === "~" ? STRIKE : (STYLES[length] ?? []);
  return styles
    .filter((style) => !inside.includes(style))
    .reduceRight((styled, style) => wrap(styled, MARKER[style]), text);
}

/**
 * Puts markers around the text of each line, because a span ends with its line (XEP-0393 §5.2).
 * A line in which a client would see the span end too early stays unmarked.
 */
export function wrap(text: string, marker: string): string {
  return text
    .split("\n")
    .map((line) => {
      const content = line.trim();
      if (content === "" || endsEarly(content, marker)) return line;
      return line.replace(content, () => marker + content + marker);
    })
    .join("\n");
}

/** XEP-0393 §5.2: a span ends at the first of its markers that does not follow a space. */
function endsEarly(content: string, marker: string): boolean {
  return [...content.matchAll(/[*_~]/g)].some(
    ({ 0: char, index }) => char === marker && !/\s/.test(content[index - 1] ?? ""),
  );
}
