import { expect, test } from "vitest";
import { bareJid } from "./jid.ts";
import { encodeArchiveQuery } from "./xep-0313-mam.ts";

test("a query for everything asks for a page only", () => {
  expect(encodeArchiveQuery("q", {}, { max: 10 }).toString()).toBe(
    '<query xmlns="urn:xmpp:mam:2" queryid="q">' +
      '<set xmlns="http://jabber.org/protocol/rsm"><max>10</max></set></query>',
  );
});

test("a query with all filters carries them in a form", () => {
  const start = new Date("2010-06-07T00:00:00Z");
  const end = new Date("2010-07-07T13:23:54.500Z");
  const filter = { with: bareJid("juliet@capulet.lit"), start, end };
  expect(encodeArchiveQuery("q", filter, { max: 1, after: "a&b" }).toString()).toBe(
    '<query xmlns="urn:xmpp:mam:2" queryid="q"><x xmlns="jabber:x:data" type="submit">' +
      '<field var="FORM_TYPE" type="hidden"><value>urn:xmpp:mam:2</value></field>' +
      '<field var="with"><value>juliet@capulet.lit</value></field>' +
      '<field var="start"><value>2010-06-07T00:00:00.000Z</value></field>' +
      '<field var="end"><value>2010-07-07T13:23:54.500Z</value></field></x>' +
      '<set xmlns="http://jabber.org/protocol/rsm"><max>1</max><after>a&amp;b</after></set></query>',
  );
});

test.each([
  ["", "<before/>"],
  ["7", "<before>7</before>"],
])("a page before %j", (before, xml) => {
  expect(encodeArchiveQuery("q", {}, { max: 1, before }).toString()).toContain(
    `<max>1</max>${xml}</set>`,
  );
});
