import { expect, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import { encodeResult } from "./rfc-6120-iq.ts";
import { parseJid } from "./jid.ts";
import {
  decodeDiscoInfo,
  decodeDiscoItems,
  encodeDiscoInfo,
  encodeDiscoItems,
} from "./xep-0030-disco.ts";
import { type Element, parse } from "ltx";

test.each(fixtures("xep-0030/info"))("reads an info answer: $name", ({ stanza, expected }) => {
  expect(asJson(decodeDiscoInfo(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0030/items"))("reads an items answer: $name", ({ stanza, expected }) => {
  expect(asJson(decodeDiscoItems(stanza))).toEqual(expected);
});

function overTheWire(payload: Element): Element {
  return parse(encodeResult(payload).toString());
}

test("what is written is read the same", () => {
  const info = {
    node: "a#b",
    identities: [{ category: "client", type: "bot", name: "<&'\">", lang: "en" }],
    features: ["urn:xmpp:ping", "a&b"],
    forms: [{ formType: "urn:t", fields: [{ name: "os", values: ["x", "y"] }] }],
  };
  expect(decodeDiscoInfo(overTheWire(encodeDiscoInfo(info)))).toEqual(info);
  const jid = parseJid("room@chat.example")?.full;
  const items = jid ? [{ jid, node: "n", name: "A room" }] : [];
  expect(decodeDiscoItems(overTheWire(encodeDiscoItems(items)))).toEqual(items);
});
