import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  ROOM,
  codes,
  configured,
  gone,
  item,
  joinError,
  joinsIn,
  presence,
  setUpJoined,
} from "../../test/support/room-xml.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

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
