import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import {
  ROOM,
  codes,
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
