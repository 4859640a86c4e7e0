import * as fc from "fast-check";
import { expect, it } from "vitest";
import { runs } from "../../test/support/fuzz.ts";
import { parseBase64, toBase64 } from "./rfc-4648-base64.ts";

it.each([
  ["", ""],
  ["Zg==", "f"],
  ["Zm8=", "fo"],
  ["Zm9v", "foo"],
  ["\n  Zm9v\r\n  YmE=\n", "fooba"],
])("reads %j", (text, expected) => {
  expect(parseBase64(text, 100)?.toString()).toBe(expected);
});

it.each([
  ["no padding", "Zg"],
  ["one character", "Z"],
  ["too much padding", "Zg==="],
  ["nothing but padding", "===="],
  ["padding inside", "Zg==Zm9v"],
  ["the alphabet of URLs", "Zm-_"],
  ["something else", "Zm9v!A=="],
  ["a character that is more than one octet", "Zm9é"],
])("does not read %s", (_name, text) => {
  expect(parseBase64(text, 100)).toBeUndefined();
});

it("reads nothing that is larger than was asked for", () => {
  expect(parseBase64("Zm9v", 3)?.toString()).toBe("foo");
  expect(parseBase64("Zm9v", 2)).toBeUndefined();
  expect(parseBase64("Zm8=", 2)?.toString()).toBe("fo");
  expect(parseBase64(`Zm9v${" ".repeat(1_000)}`, 100)).toBeUndefined();
});

it("reads again what it writes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (bytes) => {
      expect(parseBase64(toBase64(bytes), 100)).toEqual(Buffer.from(bytes));
    }),
    runs(300),
  );
});
