import { parse } from "ltx";
import { expect, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import {
  decodeManagement,
  encodeAcknowledgement,
  encodeAcknowledgementRequest,
  encodeEnable,
  encodeResume,
  offersStreamManagement,
} from "./xep-0198-stream-management.ts";

test.each(fixtures("xep-0198"))("reads $name", ({ stanza, expected }) => {
  expect(asJson(decodeManagement(stanza))).toEqual(expected);
});

test.each([
  [encodeEnable(), "<enable xmlns='urn:xmpp:sm:3' resume='true'/>"],
  [encodeResume({ id: "a'<b", h: 7 }), "<resume xmlns='urn:xmpp:sm:3' h='7' previd=\"a'&lt;b\"/>"],
  [encodeAcknowledgementRequest(), "<r xmlns='urn:xmpp:sm:3'/>"],
  [encodeAcknowledgement(0), "<a xmlns='urn:xmpp:sm:3' h='0'/>"],
])("writes %s", (element, xml) => {
  expect(parse(element.toString())).toEqual(parse(xml));
});

test.each([
  ["<sm xmlns='urn:xmpp:sm:3'/>", true],
  ["<sm xmlns='urn:xmpp:sm:2'/>", false],
  ["", false],
])("finds the offer in features: %s", (feature, offered) => {
  expect(offersStreamManagement(parse(`<features>${feature}</features>`))).toBe(offered);
});
