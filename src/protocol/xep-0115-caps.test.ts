import { Element, parse } from "ltx";
import { expect, test } from "vitest";
import { fixtures } from "../../test/support/fixtures.ts";
import { decodeDiscoInfo } from "./xep-0030-disco.ts";
import { capsNode, capsOf, decodeCaps, encodeCaps, verificationString } from "./xep-0115-caps.ts";

test.each(fixtures("xep-0115"))("hashes as XEP-0115 §5 does: $name", ({ stanza, expected }) => {
  const info = decodeDiscoInfo(stanza);
  expect(info && capsOf(info, "http://example.org").ver).toBe(expected);
});

test("sorts by octets of UTF-8, not by UTF-16 units", () => {
  const info = { identities: [], features: ["\u{1F600}", "\uFF5E", "a"], forms: [] };
  expect(verificationString(info)).toBe("a<\uFF5E<\u{1F600}<");
});

test("what presence announces is read the same", () => {
  const caps = capsOf({ identities: [], features: [], forms: [] }, "http://example.org");
  const presence = new Element("presence");
  presence.append(encodeCaps(caps));
  expect(decodeCaps(parse(presence.toString()))).toEqual(caps);
  expect(capsNode(caps)).toBe(`http://example.org#${caps.ver}`);
});

test.each([
  ["none", "<presence/>"],
  [
    "legacy, without a hash",
    "<presence><c xmlns='http://jabber.org/protocol/caps' node='n' ver='1.0'/></presence>",
  ],
  ["empty", "<presence><c xmlns='http://jabber.org/protocol/caps'/></presence>"],
  ["another namespace", "<presence><c xmlns='urn:x' node='n' ver='v' hash='sha-1'/></presence>"],
])("no caps: %s", (_name, xml) => {
  expect(decodeCaps(parse(xml))).toBeUndefined();
});
