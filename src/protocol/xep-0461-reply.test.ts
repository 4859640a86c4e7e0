import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { anyText, runs } from "../../test/support/fuzz.ts";
import { stripFallback } from "./xep-0428-fallback.ts";
import { countQuoteInCharacters, quoteForReply, REPLY } from "./xep-0461-reply.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

describe("countQuoteInCharacters", () => {
  const strip = (body: string, begin: number, end: number) => {
    const fallback = countQuoteInCharacters({ for: REPLY, body: [{ begin, end }] }, body);
    return stripFallback(body, [fallback], REPLY);
  };
  const quote = "> Grüße – 🐢\n> schön\n";

  it.each([
    ["characters", Array.from(quote).length],
    ["bytes, as Dino 0.4.2 does", Buffer.byteLength(quote)],
  ])("reads a range in %s", (_name, end) => {
    expect(strip(`${quote}ja, gerne und noch mehr`, 0, end)).toBe("ja, gerne und noch mehr");
    expect(strip(`${quote}ja`, 0, end)).toBe("ja");
  });

  it.each([
    ["that does not end a line in either", quote, 0, 8, "– 🐢\n> schön\n"],
    ["that is not at the beginning", `a${quote}`, 1, 29, `a${quote}`],
    ["that ends a line in both: characters", "> ééé\n> \nc", 0, 9, "c"],
    ["over what is no quote", "ää\nyes", 0, 5, "s"],
  ])("leaves one %s", (_name, body, begin, end, left) => {
    expect(strip(body, begin, end)).toBe(left);
  });

  it("changes nothing for one who counts as they should", () => {
    fc.assert(
      fc.property(anyText, anyText, (answer, quoted) => {
        const { body, fallback } = quoteForReply(answer, { text: quoted });
        const sent = fallback ?? { for: REPLY, body: [] };
        expect(countQuoteInCharacters(sent, body)).toEqual(sent);
      }),
      runs(500),
    );
  });
});

describe("quoteForReply", () => {
  it("is the example of the XEP", () => {
    const answered = { text: "We should bake a cake", author: "Anna" };
    expect(quoteForReply("Great idea!", answered)).toEqual({
      body: "> Anna wrote:\n> We should bake a cake\nGreat idea!",
      fallback: { for: REPLY, body: [{ begin: 0, end: 38 }] },
    });
  });

  it.each([
    ["no author", "yes", { text: "hi" }, "> hi\nyes"],
    ["an author of two lines", "yes", { text: "hi", author: "a\n b" }, "> a b wrote:\n> hi\nyes"],
    ["quotes of quotes", "yes", { text: "> old\nnew" }, "> new\nyes"],
    ["blank lines", "yes", { text: "\n\n a \n\nb\n" }, "> a\n> b\nyes"],
    ["many lines", "yes", { text: "1\n2\n3\n4\n5" }, "> 1\n> 2\n> 3\n> 4…\nyes"],
    ["a long line", "yes", { text: "🐢".repeat(300) }, `> ${"🐢".repeat(200)}…\nyes`],
    ["an answer that quotes", "> x\ny", { text: "hi" }, "> hi\n\n> x\ny"],
    ["nothing to quote", "yes", { text: " \n> all quoted", author: "Anna" }, "yes"],
  ])("quotes %s", (_name, text, answered, body) => {
    expect(quoteForReply(text, answered).body).toBe(body);
  });

  it("is undone by one who knows the extension, and short", () => {
    const text = fc.oneof(anyText, fc.string({ unit: "binary" }), fc.lorem({ maxCount: 400 }));
    fc.assert(
      fc.property(text, text, fc.option(text, { nil: undefined }), (answer, quoted, author) => {
        const { body, fallback } = quoteForReply(answer, { text: quoted, author });
        const [range] = fallback?.body === "whole" ? [] : (fallback?.body ?? []);
        const stripped = stripFallback(body, fallback ? [fallback] : [], REPLY);
        expect(stripped).toBe(stripInvalidXmlChars(answer));
        expect(stripInvalidXmlChars(body)).toBe(body);
        expect(range?.end ?? 0).toBeLessThan(300);
      }),
      runs(500),
    );
  });
});
