import { Element, parse } from "ltx";
import { expect, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import { decodeEntityTime, encodeEntityTime } from "./xep-0202-time.ts";

test.each(fixtures("xep-0202"))("reads an answer: $name", ({ stanza, expected }) => {
  expect(asJson(decodeEntityTime(stanza))).toEqual(expected);
});

test.each([
  [-330, "-05:30"],
  [0, "+00:00"],
  [60, "+01:00"],
  [825, "+13:45"],
])("writes and reads an offset of %i minutes", (offset, tzo) => {
  const iq = new Element("iq", { type: "result" });
  iq.append(encodeEntityTime({ utc: 1_166_551_115_000, offset }));
  expect(iq.toString()).toContain(`<tzo>${tzo}</tzo>`);
  expect(decodeEntityTime(parse(iq.toString()))).toEqual({ utc: 1_166_551_115_000, offset });
});
