/** What we send is read as what was meant, by us as by anybody who knows XEP-0393. */
import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { runs } from "../../test/support/fuzz.ts";
import { fromMessageStyling } from "../protocol/xep-0393-styling.ts";
import { toMessageStyling } from "./styling.ts";

const word = fc.constantFrom(
  "word",
  "Grüße",
  "x1",
  "😀",
  "2.5",
  "don't",
  "snake_case",
  "https://a.example/_x_",
);
const words = fc.array(word, { minLength: 1, maxLength: 3 }).map((all) => all.join(" "));
const emphasis = words.filter((text) => !text.includes("_")).map((text) => `*${text}*`);
const code = words.map((text) => `\`${text}\``);
const inStrong = fc.array(fc.oneof(words, emphasis, code), { minLength: 1, maxLength: 3 });
const strong = inStrong.map((parts) => `**${parts.join(" ")}**`);
const strike = fc.oneof(words, emphasis, strong).map((text) => `~~${text}~~`);
const piece = fc.oneof(words, emphasis, strong, strike, code, fc.constantFrom("2 * 3", "a > b"));
const line = fc.array(piece, { minLength: 1, maxLength: 5 }).map((parts) => parts.join(" "));
const block = fc.oneof(
  line,
  line.map((text) => `- ${text}`),
  line.map((text) => `> ${text}`),
  line.map((text) => `\`\`\`js\n${text}\n\`\`\``),
  line.map((text) => `> \`\`\`\n> ${text}\n> \`\`\``),
);
const markdown = fc.array(block, { minLength: 1, maxLength: 5 }).map((all) => all.join("\n\n"));

describe("plain Markdown", () => {
  it("comes back as it was", () => {
    fc.assert(
      fc.property(markdown, (text) => {
        expect(fromMessageStyling(toMessageStyling(text))).toBe(text);
      }),
      runs(2_000),
    );
  });

  it("is sent the same again after it came back", () => {
    fc.assert(
      fc.property(markdown, (text) => {
        const sent = toMessageStyling(text);
        expect(toMessageStyling(fromMessageStyling(sent))).toBe(sent);
      }),
      runs(2_000),
    );
  });
});
