import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  ROOM,
  codes,
  configured,
  description,
  item,
  presence,
  setUpJoined,
  setUpRooms as setUp,
} from "../../test/support/room-xml.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DISCO_INFO = "http://jabber.org/protocol/disco#info";

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
    session.goOnline();
    rooms.join(ROOM);
    const id = /id="([^"]+)"/.exec(session.takeSent()[0] ?? "")?.[1] ?? "";
    session.receive(
      description("urn:xmpp:occupant-id:0").replace("<iq", `<iq from="${ROOM}" id="${id}"`),
    );
    session.receive(presence("bot", item() + codes(110)));
    expect(rooms.get(ROOM)?.occupantIds).toBe(true);
    session.goOffline();
    session.goOnline();
    session.receive(presence("bot", item() + codes(110)));
    expect(rooms.get(ROOM)).toMatchObject({ state: "joined", occupantIds: false });
  });

  test("a room that refuses to describe itself vouches for nothing", () => {
    const { session, rooms } = setUpJoined();
    session.onRequest(DISCO_INFO, description("urn:xmpp:occupant-id:0"));
    session.receive(configured(104));
    expect(rooms.get(ROOM)?.occupantIds).toBe(true);
    session.onRequest(DISCO_INFO, new Error("service-unavailable"));
    session.receive(configured(104));
    expect(rooms.get(ROOM)).toMatchObject({ occupantIds: false, membersOnly: undefined });
  });
});
