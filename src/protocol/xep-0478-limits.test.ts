import { parse } from "ltx";
import { expect, it } from "vitest";
import { decodeMaxBytes, STREAM_LIMITS } from "./xep-0478-limits.ts";

const features = (inside: string, xmlns = STREAM_LIMITS) =>
  parse(
    `<stream:features xmlns:stream="http://etherx.jabber.org/streams"><limits xmlns="${xmlns}">${inside}</limits></stream:features>`,
  );

it.each([
  ["<max-bytes>262144</max-bytes><idle-seconds>900</idle-seconds>", 262144],
  ["<max-bytes> 10000 </max-bytes>", 10000],
  ["", undefined],
  ["<max-bytes/>", undefined],
  ["<max-bytes>0</max-bytes>", undefined],
  ["<max-bytes>-1</max-bytes>", undefined],
  ["<max-bytes>1e9</max-bytes>", undefined],
  ["<max-bytes>9999999999999</max-bytes>", undefined],
])("%s", (inside, expected) => expect(decodeMaxBytes(features(inside))).toBe(expected));

it("does not read another namespace", () => {
  expect(decodeMaxBytes(features("<max-bytes>1</max-bytes>", "urn:x"))).toBeUndefined();
});
