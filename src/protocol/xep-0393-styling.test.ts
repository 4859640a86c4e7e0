import * as fc from "fast-check";
import { parse } from "ltx";
import { describe, expect, it } from "vitest";
import { runs } from "../../test/support/fuzz.ts";
import { fromMessageStyling, hasUnstyled, parseStyling } from "./xep-0393-styling.ts";

describe("styled text, as Markdown", () => {
  it.each([
    ["*strong*", "**strong**"],
    ["_emphasis_", "*emphasis*"],
    ["~gone~", "~~gone~~"],
    ["`code`", "`code`"],
    ["a *strong span* here", "a **strong span** here"],
    ["`pre` plain *strong*", "`pre` plain **strong**"],
    ["* plain *strong*", "* plain **strong**"],
    ["*strong*plain*", "**strong**plain*"],
    ["Everyone ~dis~likes cake.", "Everyone ~~dis~~likes cake."],
    ["*_both_*", "***both***"],
    ["*bold _em_ bold*", "**bold *em* bold**"],
    ["_*`all`*_", "***`all`***"],
    ["`*not*`", "`*not*`"],
    ["*`code`*", "**`code`**"],
    ["*two*\n_lines_", "**two**\n*lines*"],
    ["- *item*\n- _item_", "- **item**\n- *item*"],
    ["_😀_ *é*", "*😀* **é**"],
    ["> *quoted*\n_not_", "> **quoted**\n*not*"],
    [">> *deep*\n> _less_", ">> **deep**\n> *less*"],
    [">*tight*", ">**tight**"],
    ["```js\n*raw* _raw_\n```\n*not*", "```js\n*raw* _raw_\n```\n**not**"],
    ["> ```\n> *raw*\n*not*", "> ```\n> *raw*\n> ```\n**not**"],
    ["```\nnever closed *x*", "```\nnever closed *x*\n```"],
    ["> > ```\n> > x", "> > ```\n> > x\n> > ```"],
    ["```", "```\n```"],
  ])("%j", (body, markdown) => {
    expect(fromMessageStyling(body)).toBe(markdown);
  });
});

describe("text that is not styled stays as it is", () => {
  it.each([
    "not strong*",
    "*not strong",
    "*not \n strong*",
    "*not *strong",
    "**",
    "***",
    "****",
    "2 * 3 * 4",
    "2*3*4",
    "*.ts and *.js",
    "~/bin and ~/src",
    "snake_case_name",
    "_private_var and other_var_",
    "_a_1",
    "__init__.py",
    "(*aside*)",
    "**Markdown** of ~~people~~ and __others__",
    "# Heading\n\n1. [text](https://example.com/_x_)",
    "```code``` in a line",
    "``code``",
    "> _ <",
    "",
    "\n",
  ])("%j", (body) => {
    expect(fromMessageStyling(body)).toBe(body);
  });

  it("also where the sender says so", () => {
    const unstyled = `<message><body>*a*</body><unstyled xmlns='urn:xmpp:styling:0'/></message>`;
    expect(hasUnstyled(parse(unstyled))).toBe(true);
    expect(hasUnstyled(parse(`<message><body>*a*</body><unstyled/></message>`))).toBe(false);
  });
});

it("tells where the blocks are", () => {
  expect(parseStyling("> a\n>> b\n\n```js\nx\n```\n*c*")).toEqual({
    quotes: [
      { begin: 0, end: 8 },
      { begin: 5, end: 8 },
    ],
    preformatted: [{ begin: 10, end: 21, info: "js", isClosed: true }],
    spans: [{ style: "strong", begin: 22, end: 25, inner: [] }],
  });
});

describe("any text at all", () => {
  const pieces = fc.constantFrom(
    ...["*", "_", "~", "`", "```", "\n", ">", "> ", " ", "a", "word", "é", "😀", "\t"],
  );
  const text = fc.array(pieces, { maxLength: 60 }).map((parts) => parts.join(""));

  it("keeps every word", () => {
    fc.assert(
      fc.property(text, (body) => {
        const words = (styled: string) => styled.match(/[\p{L}😀]+/gu);
        expect(words(fromMessageStyling(body))).toEqual(words(body));
      }),
      runs(2_000),
    );
  });

  it("finds spans that do not overlap, each within a line and with something in it", () => {
    fc.assert(
      fc.property(text, (body) => {
        let end = 0;
        for (const span of parseStyling(body).spans) {
          expect(span.begin).toBeGreaterThanOrEqual(end);
          end = span.end;
          expect(body.slice(span.begin, end)).toMatch(/^([*_~`])\S(?:.*\S)?\1$/u);
        }
      }),
      runs(2_000),
    );
  });

  it.each(["*a ", "_a ", "*_~", "*a* ", "> ", ">", "`", "```\n", "> ```\n", "_a_b ", "* _"])(
    "%j many times over is no burden",
    (piece) => {
      const since = performance.now();
      expect(fromMessageStyling(piece.repeat(50_000))).not.toBe("");
      expect(performance.now() - since).toBeLessThan(2_000);
    },
  );
});
