import { Element } from "ltx";
import { describe, expect, it } from "vitest";
import { chunkText } from "./chunk.ts";

/** What must survive: everything but white space and the fence lines that are added at cuts. */
const content = (text: string) =>
  text.replace(/^ {0,3}(?:`{3,}|~{3,}).*$/gm, "").replace(/\s+/g, "");

/** A message that leaves a fence open would make the rest of the chat code. */
function leavesFenceOpen(text: string): boolean {
  let open: string | undefined;
  for (const line of text.split("\n")) {
    const marker = /^ {0,3}(`{3,}|~{3,})(.*)$/.exec(line);
    if (!marker) continue;
    const [, fence = "", info = ""] = marker;
    if (open === undefined) open = fence;
    else if (fence[0] === open[0] && fence.length >= open.length && info.trim() === "")
      open = undefined;
  }
  return open !== undefined;
}

describe("chunkText", () => {
  it.each([
    ["nothing", "", 40, []],
    ["blank", " \n\n ", 40, []],
    ["short", "hello", 40, ["hello"]],
    ["paragraphs that fit together", "one\n\ntwo", 40, ["one\n\ntwo"]],
    [
      "at a paragraph",
      "para one is here. It ends.\n\npara two\nis also here",
      30,
      ["para one is here. It ends.", "para two\nis also here"],
    ],
    [
      "at a line",
      "the first line is this\nthe second line is that",
      30,
      ["the first line is this", "the second line is that"],
    ],
    [
      "at a space",
      "a sentence that is too long for one",
      20,
      ["a sentence that is", "too long for one"],
    ],
    ["between graphemes", "👨‍👩‍👧".repeat(4), 17, ["👨‍👩‍👧👨‍👩‍👧", "👨‍👩‍👧👨‍👩‍👧"]],
    ["keeps the indent of the first line", "  - a\n  - b", 40, ["  - a\n  - b"]],
    [
      "inside a fence",
      `\`\`\`ts\n${"const a = 1;\n".repeat(4)}\`\`\`\nend`,
      42,
      ["```ts\nconst a = 1;\nconst a = 1;\n```", "```ts\nconst a = 1;\nconst a = 1;\n```\nend"],
    ],
  ])("%s", (_, text, limit, expected) => {
    expect(chunkText(text, limit)).toEqual(expected);
  });

  it("sends a long answer in messages of 4000", () => {
    const chunks = chunkText("word ".repeat(3000), 4000);
    expect(chunks.length).toBe(4);
    expect(Math.max(...chunks.map((chunk) => chunk.length))).toBeLessThanOrEqual(4000);
  });

  it("loses nothing, whatever the text is made of", () => {
    const pieces = [
      "word ",
      "A sentence here. ",
      "\n",
      "\n\n",
      "\n\n\n",
      "\n```ts\n",
      "\n```\n",
      "\n~~~\n",
      "const x = 1;\n",
      "- item\n",
      "> quote\n",
      "😀",
      "👨‍👩‍👧",
      "e\u0301",
      "x".repeat(30),
      "  indented\n",
      "`code` ",
      "\t",
      "\u00a0",
    ];
    let seed = 7;
    const random = (below: number) => (seed = (seed * 1103515245 + 12345) & 0x7fffffff) % below;
    for (let round = 0; round < 1000; round++) {
      const text = Array.from({ length: 5 + random(60) }, () => pieces[random(pieces.length)]).join(
        "",
      );
      const limit = 40 + random(100);
      const chunks = chunkText(text, limit);
      const what = JSON.stringify({ text, limit, chunks });
      expect(
        chunks.filter((chunk) => chunk.length > limit || chunk.trim() === ""),
        what,
      ).toEqual([]);
      expect(
        chunks.every((chunk) => chunk.isWellFormed()),
        what,
      ).toBe(true);
      expect(content(chunks.join("\n")), what).toBe(content(text));
      expect(chunks.slice(0, -1).some(leavesFenceOpen), what).toBe(false);
    }
  });
});

describe("a server that takes small stanzas", () => {
  const inXml = (text: string) => Buffer.byteLength(new Element("body").t(text).toString());

  it.each([
    ["plain text", "word ".repeat(2_000)],
    ["what takes three bytes a character", "\u6f22\u5b57\u3002 ".repeat(2_000)],
    ["what takes six bytes a character in XML", `"'&<> `.repeat(2_000)],
    ["one word", "\u00e4".repeat(9_000)],
    ["code", `\`\`\`ts\n${'if (a < b && c) "x";\n'.repeat(500)}\`\`\``],
  ])("gets %s in parts that fit, nothing lost", (_, text) => {
    const chunks = chunkText(text, 100_000, 2_000);
    expect(chunks.length).toBeGreaterThan(4);
    for (const chunk of chunks)
      expect(inXml(chunk)).toBeLessThanOrEqual(2_000 + "<body></body>".length);
    expect(content(chunks.join("\n"))).toBe(content(text));
    expect(chunks.some(leavesFenceOpen)).toBe(false);
  });

  it("is not given smaller parts than it needs", () => {
    expect(chunkText("word ".repeat(300), 4_000, 2_000)).toHaveLength(1);
  });
});
