import { afterEach, beforeEach, expect, test, vi } from "vitest";
import type { FakeSession } from "../../test/support/fake-session.ts";
import {
  ROOM,
  codes,
  description,
  gone,
  item,
  joinsIn,
  presence,
  setUpJoined,
  setUpRooms,
} from "../../test/support/room-xml.ts";
import { XmppConnectionError, XmppStanzaError } from "../errors.ts";
import { type BareJid, bareJid } from "../protocol/jid.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const PING = "urn:xmpp:ping";
const DISCO_INFO = "http://jabber.org/protocol/disco#info";
const MINUTE = 60_000;
const ok = '<iq type="result"/>';
const timeout = new XmppConnectionError("timeout", "no answer");
const refusal = (condition: string) => new XmppStanzaError("cancel", condition);

const pingsIn = (session: FakeSession) =>
  session
    .takeSent()
    .flatMap((xml) => (xml.includes(PING) ? (/to="([^"]+)"/.exec(xml)?.[1] ?? []) : []));

const pass = async (ms: number) => void (await vi.advanceTimersByTimeAsync(ms));

test("a silent room is asked through our own occupant, and a room that talks is not", async () => {
  const { session, rooms } = setUpJoined();
  session.onRequest(PING, ok);
  await pass(9 * MINUTE);
  session.receive(presence("alice", item()));
  await pass(9 * MINUTE);
  session.receive(`<message type="groupchat" from="${ROOM}/alice"><body>hi</body></message>`);
  await pass(9 * MINUTE);
  expect(pingsIn(session)).toEqual([]);
  await pass(2 * MINUTE);
  expect(pingsIn(session)).toEqual([`${ROOM}/bot`]);
  await pass(8 * MINUTE);
  expect(pingsIn(session)).toEqual([]);
  await pass(2 * MINUTE);
  expect(pingsIn(session)).toEqual([`${ROOM}/bot`]);
  expect(rooms.get(ROOM)?.state).toBe("joined");
});

test.each(["not-acceptable", "not-allowed", "bad-request"])(
  "answered with %s: lost, and entered again",
  async (condition) => {
    const { session, rooms } = setUpJoined();
    session.onRequest(PING, refusal(condition));
    await pass(10 * MINUTE + 1_000);
    expect(rooms.get(ROOM)).toMatchObject({
      state: "lost",
      reason: "the room says that we are not in it",
    });
    session.takeSent();
    await pass(3_000);
    expect(joinsIn(session.takeSent())).toEqual([`${ROOM}/bot`]);
  },
);

test.each(["service-unavailable", "feature-not-implemented"])(
  "answered with %s: our client got it, so we are there",
  async (condition) => {
    const { session, rooms } = setUpJoined();
    session.onRequest(PING, refusal(condition));
    await pass(25 * MINUTE);
    expect(rooms.get(ROOM)?.state).toBe("joined");
    expect(pingsIn(session)).toHaveLength(2);
  },
);

test.each([
  ["joined", "the room is there", description()],
  ["lost", "there is no such room", refusal("item-not-found")],
])("answered with item-not-found: %s, because %s", async (state, _why, answer) => {
  const { session, rooms } = setUpJoined();
  session.onRequest(PING, refusal("item-not-found"));
  session.onRequest(DISCO_INFO, answer);
  await pass(10 * MINUTE + 1_000);
  expect(rooms.get(ROOM)?.state).toBe(state);
});

test.each([timeout, refusal("remote-server-timeout"), refusal("remote-server-not-found")])(
  "three times without an answer, a minute apart: lost (%s)",
  async (silence) => {
    const { session, rooms } = setUpJoined();
    session.onRequest(PING, silence);
    await pass(10 * MINUTE + 1_000);
    expect(pingsIn(session)).toHaveLength(1);
    await pass(MINUTE);
    expect(pingsIn(session)).toHaveLength(1);
    expect(rooms.get(ROOM)?.state).toBe("joined");
    await pass(MINUTE);
    expect(rooms.get(ROOM)).toMatchObject({
      state: "lost",
      reason: "the room does not answer any more",
    });
  },
);

test("an answer in between starts the count again", async () => {
  const { session, rooms } = setUpJoined();
  session.onRequest(PING, timeout);
  await pass(11 * MINUTE + 1_000);
  session.onRequest(PING, ok);
  await pass(MINUTE);
  session.onRequest(PING, timeout);
  await pass(11 * MINUTE + 1_000);
  expect(rooms.get(ROOM)?.state).toBe("joined");
});

test("an answer that comes after we left and came back says nothing", async () => {
  const { session, rooms } = setUpJoined();
  let fail: (error: Error) => void = () => {};
  session.request = async () => await new Promise((_, reject) => (fail = reject));
  await pass(10 * MINUTE + 1_000);
  rooms.leave(ROOM);
  rooms.join(ROOM);
  session.receive(presence("bot", item() + codes(110)));
  fail(refusal("not-acceptable"));
  await pass(0);
  expect(rooms.get(ROOM)?.state).toBe("joined");
});

test("somebody else under our nick: the room is asked at once", async () => {
  const { session, rooms } = setUpJoined();
  session.onRequest(PING, refusal("not-acceptable"));
  session.receive(presence("bot", item("mallory@evil.example/m")));
  await pass(0);
  expect(rooms.get(ROOM)?.state).toBe("lost");
});

const many = Array.from({ length: 30 }, (_, i) => bareJid(`r${i}@chat.example`) as BareJid);

function setUpMany() {
  const all = setUpRooms();
  all.session.goOnline();
  for (const room of many) all.rooms.join(room);
  for (const room of many) {
    all.session.receive(presence("bot", item() + codes(110)).replace(ROOM, room));
  }
  all.session.takeSent();
  return all;
}

test("a resumed stream keeps its rooms, each of which is asked, a few at a time", async () => {
  const { session, rooms } = setUpMany();
  session.receive(presence("alice", item()).replace(ROOM, many[0] ?? ""));
  session.goOffline({ resumable: true });
  expect(rooms.get(many[0] as BareJid)).toMatchObject({ state: "joined", occupantCount: 2 });
  session.goOnline({ resumed: true });
  const first = session.takeSent();
  expect(first.every((xml) => xml.includes(PING))).toBe(true);
  expect(first).toHaveLength(5);
  session.goOffline();
  expect(rooms.list().every(({ state }) => state === "lost")).toBe(true);
});

test("a resumed stream: what the server sends again answers no question", async () => {
  const { session } = setUpMany();
  session.goOffline({ resumable: true });
  session.onRequest(PING, ok);
  session.goOnline({ resumed: true });
  for (const room of many) session.receive(presence("alice", item()).replace(ROOM, room));
  await pass(0);
  expect(pingsIn(session)).toHaveLength(30);
});

test("a resumed stream: who is out of a room enters it again", async () => {
  const { session, rooms } = setUpMany();
  session.goOffline({ resumable: true });
  session.onRequest(PING, refusal("not-acceptable"));
  session.goOnline({ resumed: true });
  await pass(0);
  expect(pingsIn(session)).toHaveLength(30);
  expect(rooms.list().every(({ state }) => state === "lost")).toBe(true);
  await pass(3_000);
  expect(joinsIn(session.takeSent())).toHaveLength(20);
});

test("a resumed stream: nobody has left the room, and nobody is told otherwise", () => {
  const { session, rooms, views } = setUpJoined();
  session.receive(presence("hag", item("hag@example")));
  const { joinedAt } = rooms.get(ROOM) ?? {};
  views.length = 0;
  session.goOffline({ resumable: true });
  expect(rooms.isReflection(ROOM, "bot")).toBe(true);
  expect(rooms.occupant(ROOM, "hag")?.realJid).toBe("hag@example");
  session.goOnline({ resumed: true });
  expect(rooms.get(ROOM)).toMatchObject({ state: "joined", occupantCount: 2, joinedAt });
  expect(views).toEqual([]);
});

test("a stream that is not resumed after all: every room is entered again", () => {
  const { session, rooms } = setUpJoined();
  session.goOffline({ resumable: true });
  session.goOffline();
  expect(rooms.get(ROOM)).toMatchObject({ state: "lost", occupantCount: 0 });
  session.goOnline();
  expect(joinsIn(session.takeSent())).toEqual([`${ROOM}/bot`]);
});

test("a stream that could have been resumed, and was not: all rooms are entered again", () => {
  const { session, rooms } = setUpJoined();
  session.goOffline({ resumable: true });
  session.goOnline();
  expect(joinsIn(session.takeSent())).toEqual([`${ROOM}/bot`]);
  expect(rooms.get(ROOM)).toMatchObject({ state: "joining", occupantCount: 0 });
});

test("what was wanted while the stream was interrupted is done when it goes on", () => {
  const { session, rooms } = setUpMany();
  session.goOffline({ resumable: true });
  rooms.leave(many[0] as BareJid);
  rooms.join(many[1] as BareJid, { nick: "claw" });
  rooms.join(ROOM);
  vi.advanceTimersByTime(30_000);
  session.goOnline({ resumed: true });
  const sent = session.takeSent();
  expect(sent).toContain(`<presence type="unavailable" to="${many[0]}/bot"/>`);
  expect(sent).toContain(`<presence to="${many[1]}/claw"/>`);
  expect(joinsIn(sent)).toEqual([`${ROOM}/bot`]);
  session.receive(gone("bot", codes(110)).replace(ROOM, many[0] ?? ""));
  expect(rooms.get(many[0] as BareJid)).toBeUndefined();
});

test("offline and stopped, nobody is asked, and no timer is left", async () => {
  const { session, rooms } = setUpJoined();
  session.goOffline();
  expect(vi.getTimerCount()).toBe(0);
  session.goOnline();
  rooms.stop();
  expect(vi.getTimerCount()).toBe(0);
});
