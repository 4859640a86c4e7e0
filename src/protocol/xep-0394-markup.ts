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

/**
 * The markup that says of a body what its message styling (XEP-0393) says, for clients that know this
 * extension only; undefined when it says nothing. Directives are part of what they style. Spans in spans
 * are left out, because spans must not overlap (§5).
 */
export function markupOfStyling(body: string): Markup | undefined {
  const { spans, preformatted, quotes } = parseStyling(body);
  if (spans.length + preformatted.length + quotes.length === 0) return undefined;
  const offset = characterOffsets(body);
  const range = ({ begin, end }: CharacterRange) => ({ begin: offset(begin), end: offset(end) });
  return {
    spans: spans.slice(0, MAX_ELEMENTS).map(({ style, ...span }) => ({
      ...range(span),
      styles: [style === "strike" ? "deleted" : style],
    })),
    codeBlocks: preformatted.map(({ info, ...block }) => ({
      ...range(block),
      ...(/^[\w#+.-]{1,32}$/.test(info) ? { language: info } : {}),
    })),
    lists: [],
    quotes: quotes.map(range),
  };
}
