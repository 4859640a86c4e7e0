/**
 * XEP-0394 Message Markup 0.3.0, https://xmpp.org/extensions/xep-0394.html
 * Offsets count code points of the body as it was sent (XEP-0426).
 */
import { Element } from "ltx";
import { attribute, isTrue, onlyChild } from "./element.ts";
import { parseStyling } from "./xep-0393-styling.ts";
import { characterOffsets, decodeRange, type CharacterRange } from "./xep-0426-characters.ts";

export const MARKUP = "urn:xmpp:markup:0";

export type MarkupStyle = "emphasis" | "strong" | "code" | "deleted";

export type Markup = {
  spans: (CharacterRange & { styles: MarkupStyle[] })[];
  codeBlocks: (CharacterRange & { language?: string | undefined })[];
  /** `items` are the offsets at which they begin. */
  lists: (CharacterRange & { items: number[]; ordered: boolean })[];
  quotes: CharacterRange[];
};

const STYLES: readonly MarkupStyle[] = ["deleted", "strong", "emphasis", "code"];
/** More than a person writes by hand, of each kind. */
const MAX_ELEMENTS = 500;

/** The markup of a message; undefined when there is none, or several, of which each is for another body (§7). */
export function decodeMarkup(message: Element): Markup | undefined {
  const markup = onlyChild(message, "markup", MARKUP);
  if (!markup) return undefined;
  const ranges = <Value>(name: string, decode: (element: Element) => Value | undefined) =>
    markup
      .getChildren(name, MARKUP)
      .slice(0, MAX_ELEMENTS)
      .flatMap((element) => {
        const range = decodeRange(element, "start", "end");
        const value = range && decode(element);
        return value === undefined ? [] : { ...range, ...value };
      }) as (CharacterRange & Value)[];
  return {
    spans: ranges("span", decodeStyles),
    codeBlocks: ranges("bcode", decodeLanguage),
    lists: ranges("list", decodeList),
    quotes: ranges("bquote", () => ({})),
  };
}

function decodeStyles(span: Element): { styles: MarkupStyle[] } | undefined {
  const styles = STYLES.filter((style) => span.getChild(style, MARKUP) !== undefined);
  return styles.length > 0 ? { styles } : undefined;
}

function decodeLanguage(block: Element): { language?: string } {
  const language = attribute(block, "language") ?? "";
  return /^[\w#+.-]{1,32}$/.test(language) ? { language } : {};
}

function decodeList(list: Element): { items: number[]; ordered: boolean } {
  const items = list.getChildren("li", MARKUP).slice(0, MAX_ELEMENTS);
  const starts = items.map((item) => attribute(item, "start") ?? "");
  return {
    items: starts.filter((start) => /^\d{1,9}$/.test(start)).map(Number),
    ordered: isTrue(list, "ordered"),
  };
}

export function encodeMarkup({ spans, codeBlocks, lists, quotes }: Markup): Element {
  const markup = new Element("markup", { xmlns: MARKUP });
  const add = (name: string, { begin, end }: CharacterRange, attrs: Record<string, string> = {}) =>
    markup.c(name, { start: String(begin), end: String(end), ...attrs });
  for (const span of spans) {
    const element = add("span", span);
    for (const style of span.styles) element.c(style);
  }
  for (const block of codeBlocks) {
    add("bcode", block, block.language === undefined ? {} : { language: block.language });
  }
  for (const list of lists) {
    const element = add("list", list, { ordered: String(list.ordered) });
    for (const start of list.items) element.c("li", { start: String(start) });
  }
  for (const quote of quotes) add("bquote", quote);
  return markup;
}

/** With more elements, of up to 80 bytes each, it would weigh too much beside the text. */
const MAX_SENT = 40;
/** Dino up to 0.5 cuts off what is longer, and then looks for the ends of spans beyond the end of its memory. */
const MAX_MARKED_BYTES = 10_000;

/**
 * The markup that says of a body what its message styling (XEP-0393) says, for clients that know this
 * extension only, or rather follow it. Undefined when there is nothing to say, or too much: one half of a text is not
 * to be styled and the other not.
 *
 * | what                     | said                                                                                |
 * | ------------------------ | ----------------------------------------------------------------------------------- |
 * | strong, emphasis, strike | of what stands between the directives: who follows both sees what the styling shows |
 * | code within a line       | not: Dino shows it as emphasis, beside the code that it shows already               |
 * | a span within a span     | not: spans must not overlap (§5)                                                    |
 * | a span that ends amid a word | not: `_private_var` is a name                                                   |
 * | blocks of code           | with their fences, where these are whole lines                                      |
 * | quotes                   | with their marks, from the first of the line on (§4.4)                              |
 *
 * @param from where our own text begins, in UTF-16 code units: what a reply repeats is not marked
 */
export function markupOfStyling(body: string, from = 0): Markup | undefined {
  if (Buffer.byteLength(body) > MAX_MARKED_BYTES) return undefined;
  const { spans, preformatted, quotes } = parseStyling(body);
  const isOwn = ({ begin }: CharacterRange) => begin >= from;
  const lineOf = (begin: number) => body.lastIndexOf("\n", begin - 1) + 1;
  const offset = characterOffsets(body);
  const range = (begin: number, end: number) => ({ begin: offset(begin), end: offset(end) });
  const markup: Markup = {
    spans: spans.flatMap(({ style, begin, end }) =>
      style === "code" || begin < from || /[\p{L}\p{N}_]/u.test(characterAt(body, end))
        ? []
        : [{ ...range(begin + 1, end - 1), styles: [style === "strike" ? "deleted" : style] }],
    ),
    codeBlocks: preformatted
      .filter((block) => isOwn(block) && block.begin === lineOf(block.begin))
      .map(({ begin, end, info }) => ({
        ...range(begin, end),
        ...(/^[\w#+.-]{1,32}$/.test(info) ? { language: info } : {}),
      })),
    lists: [],
    quotes: quotes.filter(isOwn).map(({ begin, end }) => range(lineOf(begin), end)),
  };
  const count = markup.spans.length + markup.codeBlocks.length + markup.quotes.length;
  return count === 0 || count > MAX_SENT ? undefined : markup;
}

const characterAt = (text: string, index: number): string =>
  index < text.length ? String.fromCodePoint(text.codePointAt(index) as number) : "";
