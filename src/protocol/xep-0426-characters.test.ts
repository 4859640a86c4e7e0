import { expect, it } from "vitest";
import { cutRanges } from "./xep-0426-characters.ts";

const range = (begin: number, end: number) => ({ begin, end });

it.each([
  ["nothing", "hello", [], "hello"],
  ["the beginning", "> hi\nyes", [range(0, 5)], "yes"],
  ["the end", "yes\nbye", [range(3, 7)], "yes"],
  ["all", "hello", [range(0, 5)], ""],
  ["code points, not UTF-16 units", "😀😀 yes 👨‍👩‍👧", [range(0, 3)], "yes 👨‍👩‍👧"],
  ["inside of a joined emoji", "👨‍👩", [range(1, 3)], "👨"],
  ["several, in any order", "abcdef", [range(4, 5), range(0, 1)], "bcdf"],
  ["overlapping ones", "abcdef", [range(1, 4), range(2, 3), range(3, 5)], "af"],
  ["one inside of another", "abcdef", [range(1, 5), range(2, 3)], "af"],
  ["adjoining ones", "abcdef", [range(1, 2), range(2, 3)], "adef"],
  ["none that goes beyond the end", "abc", [range(1, 4), range(0, 1)], "bc"],
  ["none of nothing", "", [range(0, 1)], ""],
])("cuts %s", (_name, text, ranges, left) => {
  expect(cutRanges(text, ranges)).toBe(left);
});
