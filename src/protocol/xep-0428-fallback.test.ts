import { expect, it } from "vitest";
import { type Fallback, stripFallback } from "./xep-0428-fallback.ts";

const REPLY = "urn:xmpp:reply:0";
const OTHER = "urn:xmpp:reactions:0";
const quote = { begin: 0, end: 5 };

it.each<[string, Fallback[], string]>([
  ["no fallback", [], "> hi\nyes"],
  ["a quote", [{ for: REPLY, body: [quote] }], "yes"],
  ["another extension's", [{ for: OTHER, body: [quote] }], "> hi\nyes"],
  ["another extension's whole", [{ for: OTHER, body: "whole" }], "> hi\nyes"],
  ["the whole body", [{ for: REPLY, body: "whole" }], ""],
  [
    "two elements",
    [
      { for: REPLY, body: [quote] },
      { for: REPLY, body: [{ begin: 7, end: 8 }] },
    ],
    "ye",
  ],
  ["only the subject", [{ for: REPLY, body: [] }], "> hi\nyes"],
  ["a range beyond the end", [{ for: REPLY, body: [{ begin: 0, end: 900 }] }], "> hi\nyes"],
])("strips %s", (_name, fallbacks, left) => {
  expect(stripFallback("> hi\nyes", fallbacks, REPLY)).toBe(left);
});

it("counts characters as people do, not UTF-16 code units", () => {
  const fallbacks: Fallback[] = [{ for: REPLY, body: [{ begin: 0, end: 5 }] }];
  expect(stripFallback("> 😀🐢\n🐢 yes", fallbacks, REPLY)).toBe("🐢 yes");
});
