import { expect, test } from "vitest";
import { type FakeItem, addFakeArchive } from "../../test/support/fake-archive.ts";
import { createFakeSession } from "../../test/support/fake-session.ts";
import { XmppStanzaError } from "../errors.ts";
import type { BareJid } from "../protocol/jid.ts";
import { DISCO_INFO } from "../protocol/xep-0030-disco.ts";
import { type ArchivePage, type ArchiveQuery, createArchive } from "./archive.ts";

const ROOM = "room@muc.example" as BareJid;

function item(number: number): FakeItem {
  return {
    id: `id${number}`,
    stamp: new Date(Date.UTC(2026, 0, 1, 0, number)).toISOString(),
    xml: `<message xmlns='jabber:client' from='ann@example/x' type='chat'><body>${number}</body></message>`,
  };
}

const items = (from: number, to: number) =>
  Array.from({ length: to - from + 1 }, (_, index) => item(from + index));

function setUp(stored = items(1, 10), of?: BareJid) {
  const session = createFakeSession();
  session.goOnline();
  const fake = addFakeArchive(session, stored, of);
  const archive = createArchive({ session });
  const read = async (query: ArchiveQuery = {}) => {
    const pages: ArchivePage[] = [];
    for await (const page of archive.pages({ of, ...query })) pages.push(page);
    return pages;
  };
  return { session, fake, archive, read };
}

const bodies = (pages: readonly ArchivePage[]) =>
  pages.map(({ messages }) =>
    messages.map(({ message }) => message.getChildText("body")).join(" "),
  );

test("pages are read forwards, each message with its id and its time", async () => {
  const { read } = setUp();
  const pages = await read({ pageSize: 4 });
  expect(bodies(pages)).toEqual(["1 2 3 4", "5 6 7 8", "9 10"]);
  expect(pages.map(({ isComplete }) => isComplete)).toEqual([false, false, true]);
  expect(pages[0]?.messages[1]).toMatchObject({ id: "id2", stamp: new Date("2026-01-01T00:02Z") });
  expect(pages[0]?.messages[0]?.message.toString()).toBe(item(1).xml.replaceAll("'", '"'));
});

test("pages are read backwards from the end", async () => {
  const { read } = setUp();
  expect(bodies(await read({ before: "", pageSize: 4 }))).toEqual(["7 8 9 10", "3 4 5 6", "1 2"]);
});

test("after, start and end bound what is read", async () => {
  const { read } = setUp();
  expect(bodies(await read({ after: "id8" }))).toEqual(["9 10"]);
  const start = new Date("2026-01-01T00:03Z");
  expect(bodies(await read({ start, end: new Date("2026-01-01T00:05Z") }))).toEqual(["3 4 5"]);
});

test("an empty archive is one empty page", async () => {
  const { read } = setUp([]);
  expect(await read()).toEqual([{ messages: [], last: undefined, isComplete: true }]);
});

test("an archive that gives smaller pages than asked for is read whole", async () => {
  const { fake, read } = setUp();
  fake.limit = 3;
  expect(bodies(await read({ pageSize: 50 }))).toEqual(["1 2 3", "4 5 6", "7 8 9", "10"]);
});

test("that a full page is the last one is not believed", async () => {
  const { fake, read } = setUp();
  fake.tamper = (results, fin) => ({ results, fin: fin.replace("'false'", "'true'") });
  expect(bodies(await read({ pageSize: 5 }))).toEqual(["1 2 3 4 5", "6 7 8 9 10", ""]);
});

test("nor read backwards", async () => {
  const { fake, read } = setUp();
  fake.tamper = (results, fin) => ({ results, fin: fin.replace("'false'", "'true'") });
  expect(bodies(await read({ before: "", pageSize: 5 }))).toEqual(["6 7 8 9 10", "1 2 3 4 5", ""]);
});

test("an archive that never says that it is complete ends with an empty page", async () => {
  const { fake, read } = setUp();
  fake.tamper = (results, fin) => ({ results, fin: fin.replace(/ complete='\w+'/, "") });
  expect(bodies(await read({ pageSize: 6 }))).toEqual(["1 2 3 4 5 6", "7 8 9 10", ""]);
});

test("an archive that gives the same page again and again is not read for ever", async () => {
  const { fake, read } = setUp();
  let first: string[] = [];
  fake.tamper = (results, fin, count) => {
    if (count === 1) first = results;
    const again = first.map((xml) =>
      xml.replace(/queryid='[^']+'/, /queryid='[^']+'/.exec(results[0] ?? "")?.[0] ?? ""),
    );
    return { results: again, fin: fin.replace("'true'", "'false'") };
  };
  await expect(read({ pageSize: 4 })).rejects.toThrow("the same page twice");
  expect(fake.queries).toHaveLength(2);
});

test("an archive that gives more than asked for is not read", async () => {
  const { fake, read } = setUp();
  fake.tamper = (results, fin) => ({ results: [...results, ...results], fin });
  await expect(read({ pageSize: 4 })).rejects.toThrow("more than was asked for");
});

test("a message that was taken out of the archive leaves the rest readable", async () => {
  const { fake, read } = setUp(items(1, 4));
  fake.items = fake.items.map((each, index) => (index % 2 ? { ...each, xml: "" } : each));
  const pages = await read({ pageSize: 2 });
  expect(bodies(pages)).toEqual(["1", "3", ""]);
  expect(pages.map(({ last }) => last)).toEqual(["id2", "id4", undefined]);
});

test.each([
  ["an id that is not there any more", "item-not-found"],
  ["an archive that is closed to us", "forbidden"],
])("%s is an error by its condition", async (_, condition) => {
  const { fake, read } = setUp();
  fake.tamper = () => {
    throw new XmppStanzaError("cancel", condition);
  };
  await expect(read()).rejects.toMatchObject({ condition });
});

test("an answer that ends no query is an error", async () => {
  const { fake, read } = setUp();
  fake.tamper = (results) => ({ results, fin: "<iq type='result'/>" });
  await expect(read()).rejects.toThrow("<fin/>");
});

const forged = (attributes: string, queryId = "QUERYID") =>
  `<message ${attributes}><result xmlns='urn:xmpp:mam:2' queryid='${queryId}' id='f'>` +
  "<forwarded xmlns='urn:xmpp:forward:0'><delay xmlns='urn:xmpp:delay' stamp='2026-01-01T00:00:00Z'/>" +
  "<message xmlns='jabber:client' from='boss@example/x' type='chat'><body>forged</body></message></forwarded></result></message>";

test.each([
  ["a stranger", undefined, forged("from='eve@example/x'")],
  ["our own server", undefined, forged("from='example'")],
  ["one of our own devices", undefined, forged("from='bot@example/other'")],
  ["a look-alike of ours", undefined, forged("from='bot@example.org'")],
  ["another query", undefined, forged("", "other")],
  ["no query", undefined, forged("").replace(" queryid='QUERYID'", "")],
  ["an error", undefined, forged("type='error'")],
  ["an occupant", ROOM, forged(`from='${ROOM}/eve'`)],
  ["another room", ROOM, forged("from='other@muc.example'")],
  ["nobody, in a room's name", ROOM, forged("")],
  ["our own account, in a room's name", ROOM, forged("from='bot@example'")],
])("a result from %s reaches nobody", async (_, of, xml) => {
  const { fake, read } = setUp(items(1, 2), of);
  fake.forgeries = [xml];
  expect(bodies(await read())).toEqual(["1 2"]);
});

test("results that come before and after their query reach nobody", async () => {
  const { session, archive } = setUp(items(1, 2));
  session.receive(forged(""));
  const pages = archive.pages({});
  session.receive(forged(""));
  expect((await pages.next()).value).toMatchObject({ messages: [{ id: "id1" }, { id: "id2" }] });
  session.receive(forged(""));
  expect(session.listenerCount()).toBe(0);
});

test("reading ends when it is called off, and leaves no listener", async () => {
  const { session, fake, read } = setUp();
  const { promise, resolve } = Promise.withResolvers<void>();
  fake.hold = () => promise;
  const reading = read({ signal: AbortSignal.abort(new Error("enough")) });
  resolve();
  await expect(reading).rejects.toThrow("enough");
  expect(session.listenerCount()).toBe(0);
});

test("who cannot say now whether there is an archive has not said that there is none", async () => {
  const { session, archive } = setUp();
  session.onRequest(DISCO_INFO, new XmppStanzaError("wait", "resource-constraint"));
  await expect(archive.isAvailable()).rejects.toMatchObject({ type: "wait" });
});

test.each([
  [true, "<iq><query xmlns='DISCO'><feature var='urn:xmpp:mam:2'/></query></iq>"],
  [false, "<iq><query xmlns='DISCO'><feature var='urn:xmpp:mam:1'/></query></iq>"],
  [false, new XmppStanzaError("cancel", "service-unavailable")],
])("available: %s after %s", async (isAvailable, answer) => {
  const { session, archive } = setUp();
  session.onRequest(
    DISCO_INFO,
    typeof answer === "string" ? answer.replace("DISCO", DISCO_INFO) : answer,
  );
  session.takeSent();
  expect(await archive.isAvailable()).toBe(isAvailable);
  expect(await archive.isAvailable(ROOM)).toBe(isAvailable);
  expect(session.takeSent().map((xml) => /to="([^"]+)"/.exec(xml)?.[1])).toEqual([
    "bot@example",
    ROOM,
  ]);
});
