import { Element, parse } from "ltx";
import { expect, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import { decodeVersion, encodeVersion } from "./xep-0092-version.ts";

test.each(fixtures("xep-0092"))("reads an answer: $name", ({ stanza, expected }) => {
  expect(asJson(decodeVersion(stanza))).toEqual(expected);
});

test("what is written is read the same", () => {
  const iq = new Element("iq", { type: "result" });
  iq.append(encodeVersion({ name: "A <bot>", version: "1", os: "Linux" }));
  expect(decodeVersion(parse(iq.toString()))).toEqual({
    name: "A <bot>",
    version: "1",
    os: "Linux",
  });
});
