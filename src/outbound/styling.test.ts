import { describe, expect, it } from "vitest";
import { toMessageStyling } from "./styling.ts";

describe("spans", () => {
  it.each([
    ["**bold**", "*bold*"],
    ["a **bold** word", "a *bold* word"],
    ["**two words**, and **more**", "*two words*, and *more*"],
    ["__two words__", "*two words*"],
    ["*em*", "_em_"],
    ["_em_", "_em_"],
    ["an *em* and _em_", "an _em_ and _em_"],
    ["***both***", "*_both_*"],
    ["**bold *em* bold**", "*bold _em_ bold*"],
    ["**bold *em***", "*bold _em_*"],
    ["***em** bold*", "_*em* bold_"],
    ["*em **bold** em*", "_em *bold* em_"],
    ["~~gone~~", "~gone~"],
    ["~~**gone**~~", "~*gone*~"],
    ["(**bold**)", "(*bold*)"],
    ['"*em*"', '"_em_"'],
    ["**Note:** text", "*Note:* text"],
    ["**Note:**text", "*Note:*text"],
    ["这是**重点**内容", "这是*重点*内容"],
    ["**注意：**请", "*注意：*请"],
    ["**bold\nover lines**", "*bold*\n*over lines*"],
    ["**😀**", "*😀*"],
    ["`code`", "`code`"],
    ["``code``", "`code`"],
    ["`` a`b ``", "`` a`b ``"],
    ["**`code`**", "*`code`*"],
    ["**run `npm test` now**", "*run `npm test` now*"],
    [String.raw`\*not em\*`, "*not em*"],
    [String.raw`a\_b`, "a_b"],
  ])("%j", (markdown, expected) => {
    expect(toMessageStyling(markdown)).toBe(expected);
  });
});

describe("text that only looks like markup stays as it is", () => {
  it.each([
    "snake_case_name",
    "_private_var and other_var_",
    "2*3*4",
    "2 * 3 * 4 = 24",
    "2**3**4",
    "x = a*b + c*d",
    "**/*.ts",
    "src/**/*.ts and test/**/*.ts",
    "*.ts and *.js",
    "rm *.o *.a",
    "f(*args, **kwargs)",
    "**kwargs and x**2",
    "int *p, *q;",
    "__init__",
    "__init__.py and __main__.py",
    "a * b",
    "*",
    "**",
    "_",
    "~5 and ~6",
    "~/bin and ~/src",
    "5 > 3 and 2 < 4",
    "&lt;b&gt; &amp; &nbsp;",
    "<b>html</b> <br>",
    "https://example.com/a_b_c/d*e*f",
    "see https://example.com/_x_/__y__.",
    "xmpp:room@muc.example.com?join",
    "[not a link]",
    "[a][b]",
    "array[0](x y z)",
    "a `stray tick",
    "`2*3*4 _x_ **y**`",
    "`[t](u)`",
    "price: 5* (was 6*)",
    "C:\\dir\\file",
    "😀 *",
    String.raw`\( x^2 \) and \[ y \]`,
    String.raw`\\server\share`,
  ])("%j", (text) => {
    expect(toMessageStyling(text)).toBe(text);
  });

  it.each([
    ["*snake_case*", "snake_case"],
    ["**2*3**", "2*3"],
  ])("%j would end too early, so it is not marked", (markdown, expected) => {
    expect(toMessageStyling(markdown)).toBe(expected);
  });
});

describe("links", () => {
  it.each([
    ["[text](https://a.example)", "text (https://a.example)"],
    ["[https://a.example](https://a.example)", "https://a.example"],
    ["[https://a.example](https://a.example/)", "https://a.example"],
    ["[me@a.example](mailto:me@a.example)", "me@a.example"],
    ["<https://a.example/x_y_z>", "https://a.example/x_y_z"],
    ['[text](https://a.example "title")', "text (https://a.example)"],
    ["[text](<https://a.example/a b>)", "text (https://a.example/a b)"],
    ["[wiki](https://a.example/x_(y))", "wiki (https://a.example/x_(y))"],
    ["[**bold**](https://a.example)", "*bold* (https://a.example)"],
    ["**[text](https://a.example)**", "*text (https://a.example)*"],
    ["**https://a.example**", "*https://a.example*"],
    ["![cat](https://a.example/cat.png)", "cat (https://a.example/cat.png)"],
    ["![](https://a.example/cat.png)", "https://a.example/cat.png"],
    ["[](https://a.example)", "https://a.example"],
    ["[text]()", "text"],
    [
      "[![b](https://a.example/b)](https://a.example)",
      "b (https://a.example/b) (https://a.example)",
    ],
    [
      "see [a](https://a.example), [b](https://b.example).",
      "see a (https://a.example), b (https://b.example).",
    ],
    ["[a](https://a.example/under_score_d)", "a (https://a.example/under_score_d)"],
  ])("%j", (markdown, expected) => {
    expect(toMessageStyling(markdown)).toBe(expected);
  });
});

describe("blocks", () => {
  it.each([
    ["# Heading", "*Heading*"],
    ["### Heading ###", "*Heading*"],
    ["## The **bold** one", "*The bold one*"],
    ["## The *em* one", "*The _em_ one*"],
    ["## Use `x`", "*Use `x`*"],
    ["#channel", "#channel"],
    ["#", ""],
    ["Title\n=====\ntext", "*Title*\ntext"],
    ["Title\n---\ntext", "*Title*\ntext"],
    ["text\n\n---\n\nmore", "text\n\n---\n\nmore"],
    ["***", "---"],
    ["* * *", "---"],
    ["- a\n- **b**\n  - c", "- a\n- *b*\n  - c"],
    ["* a\n+ b", "- a\n- b"],
    ["* a*b\n* c*d", "- a*b\n- c*d"],
    ["1. a\n2) *b*", "1. a\n2) _b_"],
    ["- [ ] todo\n- [x] done", "- [ ] todo\n- [x] done"],
    ["1. a\n\n    **b**", "1. a\n\n    *b*"],
    ["> quote **b**\n> more", "> quote *b*\n> more"],
    ["> # h\n>\n> text", "> *h*\n>\n> text"],
    ["> > deep *x*", "> > deep _x_"],
    ["> ```\n> **x**\n> ```", "> ```\n> **x**\n> ```"],
    [
      "```js\nconst **x** = `_y_`;\n# no heading\n```",
      "```js\nconst **x** = `_y_`;\n# no heading\n```",
    ],
    ["~~~py\n__x__\n~~~", "```py\n__x__\n```"],
    ["````md\n```\n**x**\n```\n````", "```md\n ```\n**x**\n ```\n```"],
    ["- a\n  ```sh\n  rm *\n    x\n  ```\n- b", "- a\n```sh\nrm *\n  x\n```\n- b"],
    ["```\nnever closed *x*", "```\nnever closed *x*\n```"],
    ["```", "```\n```"],
    ["text\n```\nx\n```\n**b**", "text\n```\nx\n```\n*b*"],
    ["    indented **code**", "    indented **code**"],
    ["| a | **b** |\n|---|---|\n| _c_ | d |", "| a | **b** |\n|---|---|\n| _c_ | d |"],
    ["one  \ntwo\\\nthree", "one\ntwo\nthree"],
    ["a\r\n**b**\r\n", "a\n*b*\n"],
    ["\n\n**a**\n\n\n_b_\n", "\n\n*a*\n\n\n_b_\n"],
    ["* ", "- "],
    ["", ""],
  ])("%j", (markdown, expected) => {
    expect(toMessageStyling(markdown)).toBe(expected);
  });
});

describe("any text at all", () => {
  const pieces = [
    "**",
    "*",
    "_",
    "__",
    "***",
    "~~",
    "`",
    "```",
    "\n",
    "\n\n",
    "[",
    "](",
    ")",
    "![",
    "<",
    ">",
    "> ",
    "# ",
    "- ",
    "1. ",
    "word",
    " ",
    "https://a.example/_x_",
    "\\",
    "|",
    "---",
    "    ",
    "😀",
    "é",
    "(",
    "\t",
  ];
  let seed = 11;
  const random = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
  const words = (text: string) => text.match(/word|😀|é|https:\/\/a\.example/g)?.length ?? 0;

  it("keeps every word", () => {
    for (let round = 0; round < 5000; round++) {
      const text = Array.from({ length: random(40) }, () => pieces[random(pieces.length)]).join("");
      expect(words(toMessageStyling(text)), JSON.stringify(text)).toBe(words(text));
    }
  });

  it.each([
    ...[
      "*a ",
      "**a",
      "_a_",
      "[",
      "![a](",
      "`a``",
      "> ",
      "~~",
      "***a** ",
      "__a",
      "<http:",
      "[a](b(c",
      "*`",
    ],
    ...[" ", "\t", "#", "|", "`", "\\", "https:", '[a](b "', "- "],
  ])("%j many times over is no burden", (piece) => {
    const long = piece.repeat(20_000);
    for (const before of ["", "# ", "```", "**", "[a](", "- ", "|", "`a\n", "a"])
      expect(toMessageStyling(`${before}${long}x`)).not.toBe("");
  });
});
