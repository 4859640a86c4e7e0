import { expect, test } from "vitest";
import { fixtures } from "../../test/support/fixtures.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import { encodePing, isPing } from "./xep-0199-ping.ts";

test.each(fixtures("xep-0199"))("knows a ping: $name", ({ stanza, expected }) => {
  expect(isPing(stanza)).toBe(expected);
});

test("what is written is a ping", () => {
  expect(isPing(encodeRequest("get", encodePing()))).toBe(true);
});
