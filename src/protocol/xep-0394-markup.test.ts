import * as fc from "fast-check";
import { parse } from "ltx";
import { describe, expect, it } from "vitest";
import { runs } from "../../test/support/fuzz.ts";
import { decodeMarkup, encodeMarkup, markupOfStyling, type Markup } from "./xep-0394-markup.ts";
import { applyMarkup } from "./xep-0394-to-markdown.ts";

/** A body and its markup, as they arrive. */
function received(body: string, markup: string, cuts: { begin: number; end: number }[] = []) {
  const message = parse(`<message><markup xmlns='urn:xmpp:markup:0'>${markup}</markup></message>`);
  return applyMarkup(body, decodeMarkup(message) as Markup, cuts);
}

const span = (start: number, end: number, ...styles: string[]) =>
  `<span start='${start}' end='${end}'>${styles.map((style) => `<${style}/>`).join("")}</span>`;

describe("a body with markup, as Markdown", () => {
  it.each([
    ["emphasis", "no reason to worry", span(3, 9, "emphasis"), "no *reason* to worry"],
    ["strong", "no reason to worry", span(3, 9, "strong"), "no **reason** to worry"],
    ["code", "run ls -l now", span(4, 9, "code"), "run `ls -l` now"],
    ["deleted", "a b", span(2, 3, "deleted"), "a ~~b~~"],
    ["several at once", "a b", span(2, 3, "code", "strong", "deleted"), "a ~~**`b`**~~"],
    ["code with backticks", "a`b", span(0, 3, "code"), "`` a`b ``"],
    ["blanks at the edges", "no  so ", span(2, 7, "strong"), "no  **so** "],
    ["several lines", "one\n two", span(0, 8, "strong"), "**one**\n **two**"],
    ["characters beyond 16 bits", "😀😀 a", span(3, 4, "emphasis"), "😀😀 *a*"],
    [
      "the directives of XEP-0393",
      "a *b* _c_",
      span(2, 5, "strong") + span(6, 9, "emphasis"),
      "a **b** *c*",
    ],
    [
      "the directives of XEP-0393 around it",
      "a *b* _c_ `d`",
      span(3, 4, "strong") + span(7, 8, "emphasis") + span(11, 12, "code"),
      "a **b** *c* `d`",
    ],
    ["several of them", "_*b*_", span(2, 3, "strong", "emphasis"), "***b***"],
    ["several styles of one word", "a b", span(2, 3, "strong", "emphasis"), "a ***b***"],
    ["one that two spans claim", "*a*b*", span(1, 2, "strong") + span(3, 4, "strong"), "**a**b*"],
    [
      "a block of code",
      "Just run this command:\n$ cowsay XMPP is awesome.",
      "<bcode start='23' end='48' language='bash'/>",
      "Just run this command:\n```bash\n$ cowsay XMPP is awesome.\n```",
    ],
    ["code that holds a fence", "```\nx", "<bcode start='4' end='5'/>", "```\n```\nx\n```"],
    ["code with a fence inside", "x\n```\n", "<bcode start='0' end='6'/>", "````\nx\n```\n````\n"],
    [
      "code with its own fence",
      "```js\nx\n```",
      "<bcode start='0' end='11' language='js'/>",
      "```js\nx\n```",
    ],
    [
      "spans in code",
      "a\nb c",
      "<bcode start='2' end='5'/>" + span(2, 3, "strong"),
      "a\n```\nb c\n```",
    ],
    [
      "a list",
      "Things:\n* one\n• two\nthree\nEnd",
      "<list start='8' end='26'><li start='8'/><li start='14'/><li start='20'/></list>",
      "Things:\n* one\n- two\n- three\nEnd",
    ],
    [
      "an ordered list",
      "one\ntwo",
      "<list start='0' end='7' ordered='true'><li start='0'/><li start='4'/></list>",
      "1. one\n2. two",
    ],
    [
      "a quote",
      "He said:\nThou shalt not pass!\nand raised his hand.",
      "<bquote start='9' end='30'/>",
      "He said:\n> Thou shalt not pass!\nand raised his hand.",
    ],
    ["a quote that shows", "> quoted\nnot", "<bquote start='0' end='9'/>", "> quoted\nnot"],
    [
      "a quote in a quote",
      "> He said:\n>> Thou\n> so\nme",
      "<bquote start='0' end='23'/><bquote start='11' end='18'/>",
      "> He said:\n>> Thou\n> so\nme",
    ],
    [
      "a quote in a quote that do not show",
      "He said:\nThou\nso",
      "<bquote start='0' end='16'/><bquote start='9' end='13'/>",
      "> He said:\n> > Thou\n> so",
    ],
    [
      "code in a quote",
      "a\nb",
      "<bquote start='0' end='3'/><bcode start='2' end='3'/>",
      "> a\n> ```\n> b\n> ```",
    ],
  ])("%s", (_name, body, markup, markdown) => {
    expect(received(body, markup)).toBe(markdown);
  });
});

describe("markup that is in doubt is left out", () => {
  it.each([
    ["beyond the end", "ab", span(0, 3, "strong"), "ab"],
    ["out of order", "ab", span(1, 1, "strong"), "ab"],
    ["no number", "ab", "<span start='0' end='x'><strong/></span>", "ab"],
    ["no style", "ab", span(0, 1), "ab"],
    ["an unknown style", "ab", span(0, 1, "blink"), "ab"],
    ["nothing but blanks", "a b", span(1, 2, "strong"), "a b"],
    ["an overlap", "abc", span(0, 2, "strong") + span(1, 3, "emphasis"), "**ab**c"],
    ["next to each other", "ab", span(0, 1, "strong") + span(1, 2, "emphasis"), "**a**b"],
    [
      "a block within a line",
      "a b c",
      "<bcode start='2' end='3'/><bquote start='2' end='5'/>",
      "a b c",
    ],
    ["a language that is none", "a", "<bcode start='0' end='1' language='` x'/>", "```\na\n```"],
    ["an item outside its list", "a\nb", "<list start='0' end='1'><li start='2'/></list>", "a\nb"],
  ])("%s", (_name, body, markup, markdown) => {
    expect(received(body, markup)).toBe(markdown);
  });

  it("of two that are each for another body, too", () => {
    const markup = `<markup xmlns='urn:xmpp:markup:0'>${span(0, 1, "strong")}</markup>`;
    expect(decodeMarkup(parse(`<message>${markup}${markup}</message>`))).toBeUndefined();
  });
});

it("counts in the body as it was sent, also where a part of it is a fallback", () => {
  const body = "> hi\n> you\nno reason";
  const markup = "<bquote start='0' end='11'/>" + span(14, 20, "emphasis");
  expect(received(body, markup, [{ begin: 0, end: 11 }])).toBe("no *reason*");
  expect(received(body, markup, [{ begin: 0, end: 99 }])).toBe("> hi\n> you\nno *reason*");
});

describe("the markup of what we send", () => {
  it.each([
    ["*bold* and _em_", ["1-5 strong", "12-14 emphasis"]],
    ["😀 ~gone~ `x`", ["3-7 deleted"]],
    ["*a _b_ c*", ["1-8 strong"]],
    ["> *q*\n\n```js\nx\n```", ["0-5 quote", "7-18 code js", "3-4 strong"]],
    ["> a\n>> b\n> c", ["0-12 quote", "4-8 quote"]],
    ["> ```\n> x\n> ```\n_a_.", ["0-15 quote", "17-18 emphasis"]],
    ["call _private_var and *x*", ["23-24 strong"]],
  ])("%j", (body, expected) => {
    const markup = markupOfStyling(body);
    const range = ({ begin, end }: { begin: number; end: number }) => `${begin}-${end}`;
    expect([
      ...(markup?.quotes ?? []).map((quote) => `${range(quote)} quote`),
      ...(markup?.codeBlocks ?? []).map((block) => `${range(block)} code ${block.language}`),
      ...(markup?.spans ?? []).map((each) => `${range(each)} ${each.styles.join()}`),
    ]).toEqual(expected);
  });

  it("is none where nothing is styled", () => {
    expect(markupOfStyling("2 * 3 = 6")).toBeUndefined();
    expect(markupOfStyling("`code`")).toBeUndefined();
  });

  it("is none of what a reply repeats", () => {
    const quote = "> *loud*\n";
    expect(markupOfStyling(`${quote}*a*`, quote.length)).toEqual({
      spans: [{ begin: 10, end: 11, styles: ["strong"] }],
      codeBlocks: [],
      lists: [],
      quotes: [],
    });
  });

  it("is none where there is too much of it, or Dino would cut the text off", () => {
    expect(markupOfStyling("*a* ".repeat(40))?.spans).toHaveLength(40);
    expect(markupOfStyling("*a* ".repeat(41))).toBeUndefined();
    expect(markupOfStyling(`*a* ${"é".repeat(4_998)}`)).toBeDefined();
    expect(markupOfStyling(`*a* ${"é".repeat(4_999)}`)).toBeUndefined();
  });

  it("is read as Markdown that says the same", () => {
    const body = "*bold* 😀 _em_ ~gone~ `x`\n> *q*\n```js\n*x*\n```\n*a _b_ c*";
    const message = parse("<message/>");
    message.append(encodeMarkup(markupOfStyling(body) as Markup));
    expect(applyMarkup(body, decodeMarkup(parse(message.toString())) as Markup)).toBe(
      "**bold** 😀 *em* ~~gone~~ `x`\n> **q**\n```js\n*x*\n```\n**a _b_ c**",
    );
  });
});

describe("any markup", () => {
  const offset = fc.nat({ max: 25 });
  const range = fc
    .tuple(offset, offset)
    .map(([a, b]) => ({ begin: Math.min(a, b), end: Math.max(a, b) + 1 }));
  const styles = fc.uniqueArray(fc.constantFrom("strong", "emphasis", "deleted", "code") as never, {
    minLength: 1,
  });
  const markup = fc.record({
    spans: fc.array(
      fc.tuple(range, styles).map(([at, all]) => ({ ...at, styles: all })),
      { maxLength: 4 },
    ),
    codeBlocks: fc.array(range, { maxLength: 3 }),
    lists: fc.array(
      fc.tuple(range, fc.array(offset)).map(([at, items]) => ({ ...at, items, ordered: false })),
      { maxLength: 2 },
    ),
    quotes: fc.array(range, { maxLength: 3 }),
  });
  const body = fc
    .array(fc.constantFrom("a", "b", " ", "\n", "😀", ">", "`", "*"), { maxLength: 25 })
    .map((all) => all.join(""));

  it("keeps every word, in its order", () => {
    fc.assert(
      fc.property(body, markup, fc.array(range, { maxLength: 1 }), (text, marks, cuts) => {
        const cut = applyMarkup(text, { spans: [], codeBlocks: [], lists: [], quotes: [] }, cuts);
        const words = (all: string) => all.replaceAll(/[^ab😀]/gu, "");
        expect(words(applyMarkup(text, marks as Markup, cuts))).toBe(words(cut));
      }),
      runs(2_000),
    );
  });

  it("is read again as it was written", () => {
    fc.assert(
      fc.property(markup, (marks) => {
        const message = parse("<message/>");
        message.append(encodeMarkup(marks as Markup));
        const inOrder = (all: Markup) => ({
          ...all,
          spans: all.spans.map((each) => ({ ...each, styles: each.styles.toSorted() })),
        });
        expect(inOrder(decodeMarkup(message) as Markup)).toEqual(inOrder(marks as Markup));
      }),
      runs(300),
    );
  });

  it.each(["a\n", "`", "* ", "😀"])("over %j many times is no burden", (piece) => {
    const text = piece.repeat(200_000);
    const long = Array.from({ length: 500 }, (_, index) => ({
      begin: 2 * index,
      end: 400_000 - 2 * index,
    }));
    const since = performance.now();
    const marks = {
      spans: long.map((each) => ({ ...each, styles: ["strong" as const] })),
      codeBlocks: [],
      lists: [],
      quotes: long,
    };
    expect(applyMarkup(text, marks, long.slice(250))).not.toBe("");
    expect(performance.now() - since).toBeLessThan(2_000);
  });
});
