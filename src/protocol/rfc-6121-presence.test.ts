import { Element, parse } from "ltx";
import { expect, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import { type BareJid, bareJid } from "./jid.ts";
import {
  decodePresence,
  encodeAvailability,
  encodeAvailable,
  encodeSubscription,
  encodeUnavailable,
} from "./rfc-6121-presence.ts";

test.each(fixtures("rfc-6121/presence"))("reads a presence: $name", ({ stanza, expected }) => {
  expect(asJson(decodePresence(stanza))).toEqual(expected);
});

const jid = bareJid("romeo@example.net") as BareJid;

test.each([
  ["plain", encodeAvailable(), "<presence/>"],
  [
    "full",
    encodeAvailable([
      ...encodeAvailability({ show: "dnd", status: "a & b\u0000" }),
      new Element("c", "urn:c"),
    ]),
    '<presence><show>dnd</show><status>a &amp; b</status><c xmlns="urn:c"/></presence>',
  ],
  ["directed", encodeAvailable([], jid), '<presence to="romeo@example.net"/>'],
  [
    "unavailable",
    encodeUnavailable(undefined, "bye"),
    '<presence type="unavailable"><status>bye</status></presence>',
  ],
  [
    "subscribed",
    encodeSubscription("subscribed", jid),
    '<presence type="subscribed" to="romeo@example.net"/>',
  ],
])("writes: %s", (_name, element, xml) => {
  expect(element.toString()).toBe(xml);
  expect(() => parse(element.toString())).not.toThrow();
});
