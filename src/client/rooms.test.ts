import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import {
  ROOM,
  codes,
  configured,
  description,
  gone,
  item,
  joinError,
  joinsIn,
  presence,
  setUpJoined,
  setUpRooms as setUp,
} from "../../test/support/room-xml.ts";
import { type BareJid, bareJid } from "../protocol/jid.ts";
import { createRooms } from "./rooms.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DISCO_INFO = "http://jabber.org/protocol/disco#info";

describe("entering", () => {
  test("waits for the login, then for self-presence", () => {
    const { session, rooms } = setUp();
    rooms.join(ROOM, { password: "pw" });
    expect(rooms.get(ROOM)?.state).toBe("joining");
    expect(session.takeSent()).toEqual([]);
    session.goOnline();
    const [question, join] = session.takeSent();
    expect(question).toContain(DISCO_INFO);
    expect(join).toContain('<history maxstanzas="0"/><password>pw</password>');
    session.receive(presence("alice", item()));
    expect(rooms.get(ROOM)?.state).toBe("joining");
    session.receive(presence("bot", item() + codes(100, 110)));
    expect(rooms.get(ROOM)).toMatchObject({
      state: "joined",
      nick: "bot",
      nonAnonymous: true,
      occupantCount: 2,
    });
    expect(rooms.isReflection(ROOM, "bot")).toBe(true);
    expect(rooms.isReflection(ROOM, "alice")).toBe(false);
  });

  test("somebody else's presence under our nick is no self-presence", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM);
    session.receive(presence("bot", item()));
    expect(rooms.get(ROOM)?.state).toBe("joining");
    expect(rooms.isReflection(ROOM, "bot")).toBe(false);
  });

  test("keeps the nick that the service made of ours (210)", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM, { nick: "Bot" });
    session.receive(presence("bot", item() + codes(110, 210)));
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", nick: "bot" });
  });

  test("a taken nick gets a number, and is taken back once it is free", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM);
    session.receive(joinError("conflict"));
    session.receive(joinError("conflict", "bot-2"));
    expect(joinsIn(session.takeSent())).toEqual([`${ROOM}/bot`, `${ROOM}/bot-2`, `${ROOM}/bot-3`]);
    session.receive(presence("bot", item()));
    session.receive(presence("bot-3", item() + codes(110)));
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", nick: "bot-3" });
    session.takeSent();
    session.receive(gone("bot", item()));
    expect(session.takeSent()).toEqual([`<presence to="${ROOM}/bot"/>`]);
    session.receive(joinError("conflict"));
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", nick: "bot-3" });
    session.receive(gone("bot-3", '<item nick="bot"/>' + codes(303, 110)));
    session.receive(presence("bot", item() + codes(110)));
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", nick: "bot", occupantCount: 1 });
  });

  test("a taken nick that became free before we were in is taken back at once", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM);
    session.receive(joinError("conflict"));
    session.takeSent();
    session.receive(presence("bot-2", item() + codes(110)));
    expect(session.takeSent()).toEqual([`<presence to="${ROOM}/bot"/>`]);
  });

  test("gives up on a nick that is always taken, for a while", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM);
    for (let i = 1; i < 20; i++)
      session.receive(joinError("conflict", i === 1 ? "bot" : `bot-${i}`));
    expect(joinsIn(session.takeSent())).toHaveLength(9);
    expect(rooms.get(ROOM)).toMatchObject({ state: "lost", reason: 'the nick "bot" is taken' });
  });

  test("a room that does not answer is tried again", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM);
    vi.advanceTimersByTime(30_000);
    expect(rooms.get(ROOM)).toMatchObject({ state: "lost", reason: "the room did not answer" });
    expect(rooms.get(ROOM)?.retryAt).toBe(Date.now() + 2_000);
    vi.advanceTimersByTime(2_000);
    expect(joinsIn(session.takeSent())).toHaveLength(2);
  });

  test("what cannot be a nick is refused", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM, { nick: "" });
    expect(rooms.get(ROOM)).toMatchObject({ state: "refused", reason: '"" cannot be a nick' });
    expect(session.takeSent()).toEqual([]);
  });

  test("many rooms are entered a few at a time, in order", () => {
    const { session, rooms } = setUp();
    const all = Array.from({ length: 50 }, (_, i) => bareJid(`r${i}@chat.example`) as BareJid);
    for (const jid of all) rooms.join(jid);
    session.goOnline();
    expect(joinsIn(session.takeSent())).toHaveLength(20);
    session.receive(presence("bot", item() + codes(110)).replace(ROOM, "r3@chat.example"));
    session.receive(joinError("forbidden").replace(ROOM, "r4@chat.example"));
    expect(joinsIn(session.takeSent())).toEqual(["r20@chat.example/bot", "r21@chat.example/bot"]);
  });

  test("wanted again on the way changes nothing, with another password it starts anew", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM);
    rooms.join(ROOM);
    expect(joinsIn(session.takeSent())).toHaveLength(1);
    rooms.join(ROOM, { password: "pw" });
    expect(session.takeSent().join()).toContain("<password>pw</password>");
  });

  test("another password for a room that we are in is kept for the next time", () => {
    const { session, rooms } = setUpJoined();
    rooms.join(ROOM, { password: "pw" });
    expect(session.takeSent()).toEqual([]);
    session.goOffline();
    session.goOnline();
    expect(session.takeSent().join()).toContain("<password>pw</password>");
  });

  test.each([
    ["lost", gone("bot", codes(110, 307))],
    ["refused", gone("bot", codes(110, 301))],
  ])("wanted again, a %s room is tried at once", (state, removal) => {
    const { session, rooms } = setUpJoined();
    session.receive(removal);
    expect(rooms.get(ROOM)?.state).toBe(state);
    rooms.join(ROOM);
    expect(joinsIn(session.takeSent())).toEqual([`${ROOM}/bot`]);
  });

  test("rooms are listed by address", () => {
    const { rooms } = setUp();
    for (const name of ["b", "c", "a"]) rooms.join(bareJid(`${name}@chat.example`) as BareJid);
    expect(rooms.list().map(({ room }) => room[0])).toEqual(["a", "b", "c"]);
  });

  test("waits for what has to come first", () => {
    const session = createFakeSession();
    let ready = () => {};
    const onReady = (listener: () => void) => ((ready = listener), () => {});
    const rooms = createRooms({ session, log: createFakeLog(), nick: "bot", onReady });
    rooms.join(ROOM);
    session.goOnline();
    expect(session.takeSent()).toEqual([]);
    ready();
    expect(joinsIn(session.takeSent())).toHaveLength(1);
  });
});

describe("falling out", () => {
  test.each([
    ["kicked", codes(110, 307), "lost"],
    ["kicked, by a service that forgets 110", codes(307), "lost"],
    ["banned", codes(110, 301), "refused"],
    ["membership lost", codes(110, 321), "refused"],
    ["shutdown", codes(110, 332), "lost"],
    ["destroyed", "<destroy/>", "refused"],
    ["without any reason", "", "lost"],
  ])("%s", (_name, inner, state) => {
    const { session, rooms, views } = setUpJoined();
    session.receive(gone("bot", inner));
    expect(rooms.get(ROOM)).toMatchObject({ state, occupantCount: 0 });
    expect(rooms.get(ROOM)?.joinedAt).toBeUndefined();
    expect(views.at(-1)?.state).toBe(state);
    expect(rooms.isReflection(ROOM, "bot")).toBe(false);
  });

  test("kicked: back after a minute, later each time", () => {
    const { session, rooms } = setUpJoined();
    session.receive(gone("bot", codes(110, 307)));
    vi.advanceTimersByTime(59_000);
    expect(session.takeSent()).toEqual([]);
    vi.advanceTimersByTime(1_000);
    expect(joinsIn(session.takeSent())).toHaveLength(1);
    session.receive(presence("bot", item() + codes(110)));
    session.receive(gone("bot", codes(110, 307)));
    expect(rooms.get(ROOM)?.retryAt).toBe(Date.now() + 120_000);
  });

  test("kicked after a long stay: the wait is short again", () => {
    const { session, rooms } = setUpJoined();
    session.receive(gone("bot", codes(110, 307)));
    vi.advanceTimersByTime(60_000);
    session.receive(presence("bot", item() + codes(110)));
    vi.advanceTimersByTime(10 * 60_000);
    session.receive(gone("bot", codes(110, 307)));
    expect(rooms.get(ROOM)?.retryAt).toBe(Date.now() + 60_000);
  });

  test("a kick is not undone by reconnecting", () => {
    const { session, rooms } = setUpJoined();
    session.receive(gone("bot", codes(110, 307)));
    session.goOffline();
    session.goOnline();
    expect(joinsIn(session.takeSent())).toEqual([]);
    vi.advanceTimersByTime(60_000);
    expect(joinsIn(session.takeSent())).toHaveLength(1);
    expect(rooms.get(ROOM)?.state).toBe("joining");
  });

  test("banned: tried once at the next login", () => {
    const { session } = setUpJoined();
    session.receive(gone("bot", codes(110, 301)));
    vi.advanceTimersByTime(24 * 60 * 60_000);
    expect(session.takeSent()).toEqual([]);
    session.goOffline();
    session.goOnline();
    expect(joinsIn(session.takeSent())).toHaveLength(1);
  });

  test("a destroyed room is not created anew", () => {
    const { session, rooms } = setUpJoined();
    session.receive(gone("bot", '<destroy jid="heath@chat.example"/>'));
    expect(rooms.get(ROOM)).toMatchObject({ state: "refused", alternate: "heath@chat.example" });
    expect(rooms.list()).toHaveLength(1);
    session.goOffline();
    session.goOnline();
    expect(joinsIn(session.takeSent())).toEqual([]);
    rooms.join(ROOM);
    expect(joinsIn(session.takeSent())).toHaveLength(1);
  });

  test("the connection is lost: nobody is known any more, and every room is entered again", () => {
    const { session, rooms } = setUpJoined();
    session.goOffline();
    expect(rooms.get(ROOM)).toMatchObject({
      state: "lost",
      reason: "not connected",
      occupantCount: 0,
    });
    session.goOnline();
    expect(joinsIn(session.takeSent())).toEqual([`${ROOM}/bot`]);
  });

  test("a message bounced as not acceptable tells that we are not in the room", () => {
    const { session, rooms } = setUpJoined();
    const ns = "urn:ietf:params:xml:ns:xmpp-stanzas";
    const bounce = (from: string) =>
      `<message from="${from}" type="error"><error type="modify"><not-acceptable xmlns="${ns}"/></error></message>`;
    session.receive(bounce(`${ROOM}/mallory`));
    expect(rooms.get(ROOM)?.state).toBe("joined");
    session.receive(bounce(ROOM));
    expect(rooms.get(ROOM)?.state).toBe("lost");
  });
});

describe("hostile or confused", () => {
  test("110 in the goodbye of somebody else does not put us out", () => {
    const { session, rooms } = setUpJoined();
    session.receive(presence("alice", item()));
    session.receive(gone("alice", item() + codes(110, 301)));
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", nick: "bot", occupantCount: 1 });
  });

  test("a nick that the service gives us while we are there is ours, and only that one", () => {
    const { session, rooms } = setUpJoined();
    session.receive(presence("robot", item() + codes(110, 210)));
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", nick: "robot", occupantCount: 1 });
    expect(rooms.isReflection(ROOM, "bot")).toBe(false);
  });

  test("without 110 nobody's presence changes our nick", () => {
    const { session, rooms } = setUpJoined();
    session.receive(presence("robot", item() + codes(210, 303)));
    expect(rooms.get(ROOM)?.nick).toBe("bot");
  });

  test("two extensions of the room are none", () => {
    const { session, rooms } = setUpJoined();
    const forged = `<x xmlns="http://jabber.org/protocol/muc#user">${codes(110)}</x>`;
    session.receive(presence("mallory", item(), "", forged));
    expect(rooms.get(ROOM)).toMatchObject({ nick: "bot", occupantCount: 1 });
  });

  test.each(["lost", "refused"])("nothing that a %s room sends changes it", (state) => {
    const { session, rooms, views } = setUpJoined();
    session.receive(gone("bot", codes(110, state === "lost" ? 307 : 301)));
    const count = views.length;
    session.receive(presence("bot", item() + codes(110)));
    session.receive(gone("bot", "<destroy/>"));
    session.receive(joinError("forbidden"));
    session.receive(configured(104));
    session.receive(`<message type="groupchat" from="${ROOM}"><subject>x</subject></message>`);
    expect(rooms.get(ROOM)).toMatchObject({ state, occupantCount: 0 });
    expect(rooms.get(ROOM)?.subject).toBeUndefined();
    expect(views).toHaveLength(count);
  });
});

describe("who is there", () => {
  test("the real JID only as the room sends it", () => {
    const { session, rooms } = setUpJoined();
    session.receive(presence("alice", item("Alice@Example.org/phone")));
    session.receive(presence("ghost", item()));
    expect(rooms.occupant(ROOM, "alice")).toEqual({
      nick: "alice",
      occupantJid: `${ROOM}/alice`,
      realJid: "alice@example.org",
      affiliation: "member",
      role: "participant",
      stay: expect.any(String),
    });
    expect(rooms.occupant(ROOM, "ghost")?.realJid).toBeUndefined();
    expect(rooms.occupants(ROOM).map(({ nick }) => nick)).toEqual(["bot", "alice", "ghost"]);
  });

  test("a nick taken over inherits nothing: after leaving", () => {
    const { session, rooms } = setUpJoined();
    session.receive(
      presence("alice", item("alice@example.org/a", 'affiliation="owner" role="moderator"')),
    );
    session.receive(gone("alice", item()));
    expect(rooms.occupant(ROOM, "alice")).toBeUndefined();
    session.receive(presence("alice", item("", 'affiliation="none" role="participant"')));
    expect(rooms.occupant(ROOM, "alice")).toMatchObject({ affiliation: "none" });
    expect(rooms.occupant(ROOM, "alice")?.realJid).toBeUndefined();
  });

  test("a nick taken over inherits nothing: after a change of nick (303)", () => {
    const { session, rooms } = setUpJoined();
    session.receive(presence("alice", item("alice@example.org/a")));
    session.receive(gone("alice", '<item nick="al" jid="alice@example.org/a"/>' + codes(303)));
    expect(rooms.occupant(ROOM, "alice")).toBeUndefined();
    expect(rooms.occupant(ROOM, "al")).toBeUndefined();
    session.receive(presence("al", item("alice@example.org/a")));
    session.receive(presence("alice", item("mallory@evil.example/m")));
    expect(rooms.occupant(ROOM, "al")?.realJid).toBe("alice@example.org");
    expect(rooms.occupant(ROOM, "alice")?.realJid).toBe("mallory@evil.example");
  });

  test("a nick taken over inherits nothing: even when the leaving was never seen", () => {
    const { session, rooms } = setUpJoined();
    session.receive(presence("alice", item("alice@example.org/a")));
    session.receive(presence("alice", item()));
    expect(rooms.occupant(ROOM, "alice")?.realJid).toBeUndefined();
  });

  test("a stay lasts through changes of status and nick, and is nobody else's", () => {
    const { session, rooms } = setUpJoined();
    const stayOf = (nick: string) => rooms.occupant(ROOM, nick)?.stay;
    session.receive(presence("alice", item()));
    const stay = stayOf("alice");
    expect(stay).toBeTruthy();
    session.receive(presence("alice", item()));
    expect(stayOf("alice")).toBe(stay);
    session.receive(gone("alice", '<item nick="al"/>' + codes(303)));
    session.receive(presence("al", item()));
    expect(stayOf("al")).toBe(stay);
    session.receive(presence("alice", item()));
    expect(stayOf("alice")).not.toBe(stay);
    session.receive(gone("al", item()));
    session.receive(presence("al", item()));
    expect(stayOf("al")).not.toBe(stay);
    const second = stayOf("al");
    session.receive(gone("al", '<item nick="queen"/>' + codes(303)));
    session.receive(presence("bob", item()));
    session.receive(presence("queen", item()));
    expect(stayOf("queen")).not.toBe(second);
  });

  test("our own change of nick", () => {
    const { session, rooms } = setUpJoined();
    rooms.join(ROOM, { nick: "claw" });
    expect(session.takeSent()).toEqual([`<presence to="${ROOM}/claw"/>`]);
    session.receive(gone("bot", '<item nick="claw"/>' + codes(303, 110)));
    expect(rooms.isReflection(ROOM, "bot")).toBe(false);
    expect(rooms.isReflection(ROOM, "claw")).toBe(true);
    session.receive(presence("bot", item("mallory@evil.example/m")));
    expect(rooms.isReflection(ROOM, "bot")).toBe(false);
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", nick: "claw" });
  });

  test("rooms that we did not join, or left, have no occupants", () => {
    const { session, rooms } = setUpJoined();
    session.receive(
      presence("alice", item("alice@example.org/a")).replace(ROOM, "other@chat.example"),
    );
    expect(rooms.list()).toHaveLength(1);
    session.receive(gone("bot", codes(110, 301)));
    session.receive(presence("alice", item("alice@example.org/a")));
    expect(rooms.occupants(ROOM)).toEqual([]);
  });

  test("occupants are bounded; beyond, nobody has an identity", () => {
    const { session, rooms } = setUpJoined();
    for (let i = 0; i < 20_050; i++) session.receive(presence(`n${i}`, item(`u${i}@example.org`)));
    expect(rooms.get(ROOM)?.occupantCount).toBe(20_000);
    expect(rooms.occupant(ROOM, "n20040")).toBeUndefined();
    session.receive(gone("n1", item()));
    expect(rooms.get(ROOM)?.occupantCount).toBe(19_999);
  });
});

describe("what the room says of itself", () => {
  const subject = (from: string, inner: string) =>
    `<message type="groupchat" from="${from}">${inner}</message>`;

  test("the subject, until it is emptied", () => {
    const { session, rooms, views } = setUpJoined();
    session.receive(subject(`${ROOM}/alice`, "<subject>Fire burn</subject>"));
    session.receive(subject(`${ROOM}/alice`, "<subject>not one</subject><body>x</body>"));
    expect(rooms.get(ROOM)?.subject).toBe("Fire burn");
    expect(views.at(-1)?.subject).toBe("Fire burn");
    session.receive(subject(ROOM, "<subject/>"));
    expect(rooms.get(ROOM)?.subject).toBeUndefined();
  });

  test("name, privacy, and what it vouches for, by disco#info, before anybody speaks", () => {
    const { session, rooms } = setUp();
    session.onRequest(
      DISCO_INFO,
      description("muc_semianonymous", "muc_membersonly", "urn:xmpp:occupant-id:0"),
    );
    session.goOnline();
    rooms.join(ROOM);
    session.receive(presence("bot", item() + codes(110)));
    expect(rooms.get(ROOM)).toMatchObject({
      state: "joined",
      name: "A Dark Cave",
      nonAnonymous: false,
      membersOnly: true,
      passwordProtected: false,
      occupantIds: true,
      stanzaIds: false,
    });
  });

  test.each([104, 172, 173, 174])("is asked again when its configuration changes (%i)", (code) => {
    const { session, rooms, views } = setUpJoined();
    session.onRequest(DISCO_INFO, description("muc_nonanonymous", "urn:xmpp:sid:0"));
    session.receive(configured(code).replace(`from="${ROOM}"`, `from="${ROOM}/mallory"`));
    expect(session.takeSent()).toEqual([]);
    session.receive(configured(code));
    expect(rooms.get(ROOM)).toMatchObject({ nonAnonymous: true, stanzaIds: true });
    expect(views.at(-1)).toMatchObject({ stanzaIds: true });
  });

  test("a change of privacy counts at once, also where the room does not describe itself", () => {
    const { session, rooms } = setUpJoined();
    session.receive(configured(172));
    expect(rooms.get(ROOM)?.nonAnonymous).toBe(true);
    session.receive(configured(173));
    expect(rooms.get(ROOM)?.nonAnonymous).toBe(false);
  });

  test("only the answer to our last question, from the room itself, describes it", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM);
    const [question = ""] = session.takeSent();
    const id = /id="([^"]+)"/.exec(question)?.[1] ?? "";
    const answer = (from: string, theId: string, type = "result") =>
      description("urn:xmpp:occupant-id:0").replace(
        '<iq type="result"',
        `<iq type="${type}" from="${from}" id="${theId}"`,
      );
    session.receive(presence("bot", item() + codes(110)));
    session.receive(answer(`${ROOM}/mallory`, id));
    session.receive(answer("other@chat.example", id));
    session.receive(answer(ROOM, "guessed"));
    session.receive(answer(ROOM, id, "set"));
    expect(rooms.get(ROOM)?.occupantIds).toBe(false);
    session.receive(answer(ROOM, id));
    expect(rooms.get(ROOM)?.occupantIds).toBe(true);
    session.receive(answer(ROOM, id).replaceAll("urn:xmpp:occupant-id:0", "x"));
    expect(rooms.get(ROOM)?.occupantIds).toBe(true);
  });

  test("what a room vouched for has to be said again at the next visit", () => {
    const { session, rooms } = setUp();
    session.onRequest(DISCO_INFO, description("urn:xmpp:occupant-id:0"));
    session.goOnline();
    rooms.join(ROOM);
    session.receive(presence("bot", item() + codes(110)));
    expect(rooms.get(ROOM)?.occupantIds).toBe(true);
    session.onRequest(DISCO_INFO, new Error("no answer"));
    session.goOffline();
    session.goOnline();
    session.receive(presence("bot", item() + codes(110)));
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", occupantIds: false });
  });
});

describe("leaving", () => {
  test("says goodbye and forgets", () => {
    const { session, rooms, views } = setUpJoined();
    rooms.leave(ROOM);
    expect(session.takeSent()).toEqual([`<presence type="unavailable" to="${ROOM}/bot"/>`]);
    expect(rooms.get(ROOM)?.state).toBe("leaving");
    session.receive(gone("bot", item() + codes(110)));
    expect(rooms.get(ROOM)).toBeUndefined();
    expect(views.at(-1)?.state).toBe("leaving");
    session.goOffline();
    session.goOnline();
    expect(session.takeSent()).toEqual([]);
  });

  test("a room that does not let go is forgotten all the same", () => {
    const { rooms } = setUpJoined();
    rooms.leave(ROOM);
    vi.advanceTimersByTime(10_000);
    expect(rooms.list()).toEqual([]);
  });

  test("left and wanted again at once: the goodbye's echo does not undo the join", () => {
    const { session, rooms } = setUpJoined();
    rooms.leave(ROOM);
    rooms.join(ROOM);
    session.receive(gone("bot", item() + codes(110)));
    expect(rooms.get(ROOM)?.state).toBe("joining");
    session.receive(presence("bot", item() + codes(110)));
    expect(rooms.get(ROOM)?.state).toBe("joined");
  });

  test("stop leaves no timer and no listener", () => {
    const { session, rooms } = setUp();
    session.goOnline();
    rooms.join(ROOM);
    rooms.stop();
    expect(vi.getTimerCount()).toBe(0);
    expect(session.listenerCount()).toBe(0);
  });
});

test.each([
  "<presence/>",
  '<presence from="@"/>',
  `<presence from="${ROOM}/a"><x xmlns="http://jabber.org/protocol/muc#user"><item jid="@@"/><status code="x"/></x></presence>`,
  `<presence from="${ROOM}" type="error"/>`,
  `<presence from="${ROOM}/__proto__" type="unavailable"/>`,
  `<message type="groupchat" from="${ROOM}"><x xmlns="http://jabber.org/protocol/muc#user"/></message>`,
  '<message type="groupchat"/>',
  '<iq type="get" id="1"/>',
])("a malformed stanza changes nothing: %s", (xml) => {
  const { session, rooms } = setUpJoined();
  expect(() => session.receive(xml)).not.toThrow();
  expect(rooms.get(ROOM)).toMatchObject({ state: "joined", nick: "bot" });
});
