import { expect, it } from "vitest";
import { parseJid } from "./jid.ts";
import { parseXmppUri, splitXmppUri, toXmppUri } from "./rfc-5122-uri.ts";

it.each([
  ["xmpp:a%20b@example.com", { path: "a%20b@example.com", action: "" }],
  ["XMPP:a@example.com?JOIN;password=x#top", { path: "a@example.com", action: "join" }],
  ["xmpp:a@example.com#?join", { path: "a@example.com", action: "" }],
  ["xmpp:", { path: "", action: "" }],
  ["xmpp://me@example.com/a@example.com", "authority"],
  ["https://example.com", undefined],
  [" xmpp:a@example.com", undefined],
  ["", undefined],
])("splits %j", (text, parts) => {
  expect(splitXmppUri(text)).toEqual(parts);
});

it.each([
  ["xmpp:a@example.com", "a@example.com"],
  ["xmpp:A@Example.com?;node=x", "a@example.com"],
  ["xmpp:room@muc.example.com/A%2fB%20c", "room@muc.example.com/A/B c"],
  ["xmpp:example.com", "example.com"],
  ["xmpp:a%40b@example.com", undefined],
  ["xmpp:a%2Fb@example.com", undefined],
  ["xmpp:a%@example.com", undefined],
  ["xmpp:%ff@example.com", undefined],
  ["xmpp:a@example.com/%00", undefined],
  ["xmpp://me@example.com/a@example.com", undefined],
  ["a@example.com", undefined],
])("reads %j", (text, jid) => {
  expect(parseXmppUri(text)).toBe(jid);
});

it("writes what it reads back, and an ordinary JID readably", () => {
  const { full } = parseJid(`a%b@example.com/r/"#?% ö😀`)!;
  expect(parseXmppUri(toXmppUri(full))).toBe(full);
  expect(toXmppUri(parseJid("alice@example.com/a b")!.full)).toBe("xmpp:alice@example.com/a%20b");
});
