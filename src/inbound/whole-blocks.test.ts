import { expect, it } from "vitest";
import { createWholeBlocks } from "./whole-blocks.ts";

const blocks = (breakPreference: "paragraph" | "newline" | "sentence" = "paragraph") =>
  createWholeBlocks({ minChars: 5, maxChars: 20, breakPreference });

it("a growing text is seen in whole paragraphs, and never less of it", () => {
  const { of } = blocks();
  const text = "One two.\n\nThree four\nfive.\n\nS";
  const seen = Array.from(text, (_, index) => of(text.slice(0, index + 1)));
  expect([...new Set(seen)]).toEqual(["", "One two.\n\n", text.slice(0, -1)]);
  for (const [index, each] of seen.entries()) {
    expect(each.length).toBeGreaterThanOrEqual(seen[index - 1]?.length ?? 0);
  }
});

it.each([
  ["paragraph", "One two. Three\nfour", ""],
  ["paragraph", "One two. Three\nfour, five", "One two. Three\n"],
  ["newline", "One two. Three\nfour", "One two. Three\n"],
  ["sentence", "One two. Three\nfour", "One two."],
] as const)("by %s: %j as %j", (kind, text, expected) => {
  expect(blocks(kind).of(text)).toBe(expected);
});

it("what has no end anywhere is not waited for for ever", () => {
  const { of } = blocks();
  expect(of("x".repeat(19))).toBe("");
  expect(of("x".repeat(20))).toBe("x".repeat(20));
});

it("another text begins anew", () => {
  const all = blocks();
  expect(all.of("One two.\n\nThree")).toBe("One two.\n\n");
  all.restart();
  expect(all.of("Four")).toBe("");
});
