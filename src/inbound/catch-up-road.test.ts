/** What was said while we were away, from the archive to the turn. */
import { replaces, retracts } from "../../test/support/message-xml.ts";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parse } from "ltx";
import { afterEach, beforeEach, expect, test } from "vitest";
import { type FakeItem, addFakeArchive } from "../../test/support/fake-archive.ts";
import { createRoadIn, enterRoom, type RoadInOptions } from "../../test/support/road-in.ts";
import { ROOM, description } from "../../test/support/room-xml.ts";
import { waitFor } from "../../test/support/wait.ts";
import { createArchive } from "../client/archive.ts";
import { DEFAULT_CATCH_UP } from "../policy/limits.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import { DISCO_INFO } from "../protocol/xep-0030-disco.ts";
import { createArchiveCursors } from "../state/archive-cursors.ts";
import { createCatchUp } from "./catch-up.ts";

const OWN = "bot@example" as BareJid;

let folder: string;
beforeEach(() => void (folder = mkdtempSync(join(tmpdir(), "catch-up-road-"))));
afterEach(() => rmSync(folder, { recursive: true }));

function chat(text: string, { from = "ann@example/x", to = "bot@example", inside = "" } = {}) {
  return `<message xmlns="jabber:client" from="${from}" to="${to}" type="chat" id="${text}"><body>${text}</body>${inside}</message>`;
}
const stanzaId = (id: string) => `<stanza-id xmlns="urn:xmpp:sid:0" id="${id}" by="${OWN}"/>`;
const said = (id: string, minutes: number, how: Parameters<typeof chat>[1] = {}): FakeItem => ({
  id,
  stamp: new Date(Date.now() - minutes * 60_000).toISOString(),
  xml: chat(id, how),
});

/** An account that had read the archive until "old" when it went away. */
function setUp(items: FakeItem[], options: RoadInOptions = {}, inRoom: FakeItem[] = []) {
  const policy = { dmPolicy: "open" as const, allowFrom: ["*"], ...options.policy };
  const road = createRoadIn({ ...options, policy });
  const { session, rooms, receiver, tally, log } = road;
  session.goOffline();
  session.onRequest(DISCO_INFO, description("urn:xmpp:mam:2", "urn:xmpp:sid:0"));
  const archive = addFakeArchive(session, [said("old", 1_000), ...items]);
  const cursors = createArchiveCursors(join(folder, "cursors.json"), { log });
  const stamp = Date.now() - 1_000 * 60_000;
  cursors.set(OWN, { id: "old", stamp, floor: 0, showedJids: false });
  addFakeArchive(session, inRoom, ROOM);
  cursors.set(ROOM, { id: "old", stamp, floor: 0, showedJids: true });
  let announce = () => {};
  /** Called before each message that is handed on. */
  const hook: { each?: () => void } = {};
  const catchUp = createCatchUp({
    session,
    rooms,
    archive: createArchive({ session }),
    cursors,
    receiver: {
      receive: async (...message) => {
        hook.each?.();
        await receiver.receive(...message);
      },
      findAddressed: receiver.findAddressed,
      findAuthors: receiver.findAuthors,
      findStanding: receiver.findStanding,
    },
    onReady(listener) {
      announce = listener;
      return () => undefined;
    },
    roomServices: () => new Set(),
    findStrangers: road.strangers.find,
    readConfig: () => DEFAULT_CATCH_UP,
    tally,
    log,
    now: Date.now,
  });
  return {
    ...road,
    archive,
    hook,
    cursor: () => cursors.get(OWN)?.id,
    /** As the session hands it on, past the receiver of the fixture. */
    live: (xml: string) => catchUp.receive(parse(xml)),
    login() {
      session.goOnline();
      announce();
    },
    texts: () => road.turns.map(({ message }) => message.rawBody),
    async untilRead(id: string, by: BareJid = OWN) {
      await waitFor(() => cursors.get(by)?.id === id, { what: `the cursor at ${id}` });
      await receiver.idle();
    },
  };
}

test("a line that breaks while they are handed on, and is resumed, loses none", async () => {
  const items = Array.from({ length: 10 }, (_, index) => said(`m${index}`, 50 - index));
  const { session, hook, login, texts, untilRead } = setUp(items);
  let handed = 0;
  hook.each = () => {
    if (++handed === 4) session.goOffline({ resumable: true });
  };
  login();
  await waitFor(() => handed === 10, { what: "all handed on" });
  session.goOnline({ resumed: true });
  await untilRead("m9");
  expect(texts()).toEqual(items.map(({ id }) => id));
});

test("300 messages of a night in one conversation are all answered", async () => {
  const items = Array.from({ length: 300 }, (_, index) => said(`m${index}`, 900 - index));
  const { login, texts, untilRead, tally } = setUp(items);
  login();
  await untilRead("m299");
  expect(texts()).toEqual(items.map(({ id }) => id));
  expect(tally.read()).toEqual({});
}, 30_000);

const raw = (id: string, minutes: number, inside: string, from = "ann@example/x"): FakeItem => ({
  ...said(id, minutes),
  xml: `<message xmlns="jabber:client" from="${from}" to="bot@example" type="chat" id="${id}">${inside}</message>`,
});

test("what was taken back or corrected meanwhile is not done, whatever was said in between", async () => {
  const others = Array.from({ length: 40 }, (_, n) =>
    raw(`f${n}`, 50, "<body>other</body>", `p${n}@example/x`),
  );
  const { login, texts, untilRead, events } = setUp([
    raw("m1", 60, "<body>delete x</body>"),
    raw("m2", 60, "<body>delete y</body>"),
    raw("m3", 60, "<body>keep w</body>"),
    ...others,
    raw("m4", 40, retracts("m1")),
    raw("m5", 40, `<body>delete z</body>${replaces("m2")}`),
    raw("e1", 39, retracts("m3"), "eve@example/x"),
    raw("m6", 38, "<body>end</body>"),
  ]);
  login();
  await untilRead("m6");
  expect(texts().filter((text) => text !== "other")).toEqual(["keep w", "delete z", "end"]);
  expect(events).toEqual([]);
});

const spoken = (id: string, minutes: number, inside: string, jid = "ann@example"): FakeItem => ({
  ...said(id, minutes),
  xml: `<message xmlns="jabber:client" from="${ROOM}/${jid.split("@", 1)[0]}" type="groupchat" id="own-${id}">${inside}<x xmlns="http://jabber.org/protocol/muc#user"><item jid="${jid}/x" affiliation="none" role="participant"/></x></message>`,
});
const moderates = (id: string, minutes: number, other: string): FakeItem => ({
  ...said(id, minutes),
  xml: `<message xmlns="jabber:client" from="${ROOM}" type="groupchat"><retract xmlns="urn:xmpp:message-retract:1" id="${other}"><moderated xmlns="urn:xmpp:message-moderate:1"/></retract></message>`,
});

async function readRoom(items: FakeItem[], context: RoadInOptions["context"] = {}) {
  const policy = { groupPolicy: "open" as const, rooms: [ROOM as BareJid] };
  const road = setUp([], { policy, context }, items);
  const features = ["urn:xmpp:mam:2", "urn:xmpp:sid:0", "muc_nonanonymous"];
  road.session.onRequest(DISCO_INFO, description(...features));
  road.login();
  enterRoom(road, features);
  await road.untilRead(items.at(-1)?.id ?? "", ROOM as BareJid);
  return road;
}

test("nor is what a room's archive has as taken back, corrected or moderated", async () => {
  const talk = Array.from({ length: 600 }, (_, n) =>
    spoken(`t${n}`, 50 - n / 100, "<body>talk</body>", "tim@example"),
  );
  const { texts, events } = await readRoom([
    spoken("m1", 60, "<body>bot: delete w</body>"),
    spoken("m2", 60, "<body>bot: delete x</body>"),
    spoken("m3", 60, "<body>bot: delete y</body>"),
    spoken("m4", 60, "<body>bot: keep z</body>"),
    moderates("mod", 59, "m3"),
    spoken("m5", 58, retracts("m1")),
    spoken("e1", 57, retracts("m4"), "eve@example"),
    ...talk,
    spoken("e2", 41, `<body>hm</body>${replaces("own-m4")}`, "eve@example"),
    spoken("m6", 40, `<body>bot: delete v</body>${replaces("own-m2")}`),
  ]);
  expect(texts()).toEqual(["bot: keep z", "bot: delete v"]);
  expect(events).toEqual([]);
});

test("what was corrected is taken away by its first name, too", async () => {
  const replaced = replaces("own-m1");
  const { texts } = await readRoom([
    spoken("m1", 60, "<body>bot: delete x</body>"),
    spoken("m2", 59, `<body>bot: delete y</body>${replaced}`),
    spoken("m3", 58, "<body>bot: hi</body>", "tim@example"),
    moderates("mod", 57, "m1"),
  ]);
  expect(texts()).toEqual(["bot: hi"]);
});

test("what was moderated meanwhile, and was heard before, is told to the agent", async () => {
  const road = await readRoom([
    spoken("m1", 60, "<body>bot: hi</body>"),
    moderates("mod", 57, "unknown"),
  ]);
  expect(road.events).toEqual([]);
  const again = parse(moderates("mod2", 56, "m1").xml);
  await road.receiver.receive(again, { by: ROOM, id: "mod2", stamp: new Date() });
  await road.receiver.idle();
  expect(road.events).toEqual([
    `A moderator of ${ROOM} removed the message "bot: hi": treat it as not said.`,
  ]);
});

test("a file or a place without a word, said meanwhile, is taken up", async () => {
  const { login, turns, untilRead } = setUp([
    raw("m1", 60, '<x xmlns="jabber:x:oob"><url>https://10.0.0.1/cat.png</url></x>'),
    raw(
      "m2",
      50,
      '<geoloc xmlns="http://jabber.org/protocol/geoloc"><lat>48.2</lat><lon>16.3</lon></geoloc>',
      "bob@example/x",
    ),
    raw("m3", 40, "<body>end</body>", "carl@example/x"),
  ]);
  login();
  await untilRead("m3");
  await expect.poll(() => turns.length, { timeout: 5_000 }).toBe(3);
});

test("a line that is lost for good meanwhile keeps the order at the next login", async () => {
  const { archive, live, login, session, texts, untilRead } = setUp([said("m1", 5), said("m2", 4)]);
  const held = Promise.withResolvers<void>();
  archive.hold = () => held.promise;
  login();
  archive.items.push(said("m3", 0));
  const waiting = live(chat("m3", { inside: stanzaId("m3") }));
  session.goOffline();
  archive.hold = undefined;
  held.resolve();
  await waiting;
  expect(texts()).toEqual([]);
  login();
  await untilRead("m3");
  expect(texts()).toEqual(["m1", "m2", "m3"]);
});

test("what was sent to another client of the account is not answered", async () => {
  const to = (resource: string) => ({ to: `${OWN}/${resource}` });
  const { login, texts, untilRead } = setUp([
    said("for the phone", 5, to("phone")),
    said("for us", 4, to("openclaw")),
  ]);
  login();
  await untilRead("for us");
  expect(texts()).toEqual(["for us"]);
});

test("strangers who write 500 messages do not push out what the owner said before", async () => {
  const flood = Array.from({ length: 500 }, (_, index) =>
    said(`s${index}`, 50 - index / 100, { from: `s${index}@evil/x` }),
  );
  const policy = { dmPolicy: "allowlist" as const, allowFrom: ["ann@example"] };
  const { login, texts, untilRead, tally } = setUp([said("order", 60), ...flood], { policy });
  login();
  await untilRead("s499");
  expect(texts()).toEqual(["order"]);
  expect(tally.read()).toEqual({ "not-admitted": 500 });
});

test("nor do strangers in a room, where only a list may order", async () => {
  const groupchat = (id: string, minutes: number, jid: string): FakeItem => ({
    ...said(id, minutes),
    xml: `<message xmlns="jabber:client" from="${ROOM}/${jid.split("@", 1)[0]}" type="groupchat"><body>bot: ${id}</body><x xmlns="http://jabber.org/protocol/muc#user"><item jid="${jid}/x" affiliation="none" role="participant"/></x></message>`,
  });
  const flood = Array.from({ length: 520 }, (_, index) =>
    groupchat(`s${index}`, 50 - index / 100, `s${index}@evil.example`),
  );
  const policy = {
    groupPolicy: "allowlist" as const,
    rooms: [ROOM as BareJid],
    roomSettings: { [ROOM]: { users: ["ann@example"] } },
  };
  const order = groupchat("order", 60, "ann@example");
  const road = setUp([], { policy }, [order, ...flood]);
  const { session, login, texts, untilRead, tally } = road;
  const features = ["urn:xmpp:mam:2", "urn:xmpp:sid:0", "muc_nonanonymous"];
  session.onRequest(DISCO_INFO, description(...features));
  login();
  enterRoom(road, features);
  await untilRead("s519", ROOM as BareJid);
  expect(texts()).toEqual(["bot: order"]);
  expect(tally.read()["not-admitted"]).toBe(520);
});

test("what arrives while the account stops is stored, or read again", async () => {
  const { cursor, live, login, queue, receiver, session, untilRead } = setUp([said("m1", 5)]);
  login();
  await untilRead("m1");
  await receiver.stop();
  await session.stop();
  await live(chat("late", { inside: stanzaId("late") })).catch(() => undefined);
  const stored = await queue.listPending({ limit: "all" });
  expect(stored.length === 1 || cursor() === "m1").toBe(true);
});

test("who had the nick of one of our accounts, as a room archived it, is heard; an account of ours is not", async () => {
  const isOfSibling = ({ body }: Message) => body === "bot: by a sibling";
  const context = { isSibling: () => true, isOfSibling };
  const road = createRoadIn({ keys: { groupPolicy: "open", rooms: [ROOM] }, context });
  enterRoom(road, ["muc_nonanonymous"]);
  for (const [index, text] of ["bot: by a person", "bot: by a sibling"].entries()) {
    const xml = `<message xmlns="jabber:client" from="${ROOM}/sister" type="groupchat"><body>${text}</body></message>`;
    await road.receiver.receive(parse(xml), { by: ROOM, id: `${index}`, stamp: new Date() });
  }
  await road.receiver.idle();
  expect(road.turns.map(({ message }) => message.rawBody)).toEqual(["bot: by a person"]);
});
