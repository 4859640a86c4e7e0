import { expect, it } from "vitest";
import { encodeQuickResponses } from "./xep-0439-quick-response.ts";

const xml = (...responses: Parameters<typeof encodeQuickResponses>[0]) =>
  encodeQuickResponses(responses).map(String);

it("offers values with what a client shows for them", () => {
  expect(xml({ value: "yes", label: "Yes!" }, { value: 'a"<b>' })).toEqual([
    '<response xmlns="urn:xmpp:tmp:quick-response" value="yes" label="Yes!"/>',
    '<response xmlns="urn:xmpp:tmp:quick-response" value="a&quot;&lt;b&gt;"/>',
  ]);
});

it("offers no value and no label twice, and nothing empty", () => {
  const offered = xml(
    { value: "1", label: "Yes" },
    { value: "1", label: "No" },
    { value: "2", label: "Yes" },
    { value: "Yes" },
    { value: " ", label: "Blank" },
    { value: "\u0000" },
  );
  expect(offered).toEqual([
    '<response xmlns="urn:xmpp:tmp:quick-response" value="1" label="Yes"/>',
  ]);
});

it("offers 25 at most", () => {
  const many = Array.from({ length: 40 }, (_, index) => ({ value: String(index) }));
  expect(xml(...many)).toHaveLength(25);
});
