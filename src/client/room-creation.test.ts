import { afterEach, beforeEach, expect, test, vi } from "vitest";
import {
  ROOM,
  codes,
  configured,
  description,
  gone,
  item,
  joinsIn,
  presence,
  setUpRooms,
} from "../../test/support/room-xml.ts";
import { XmppStanzaError } from "../errors.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

const DISCO_INFO = "http://jabber.org/protocol/disco#info";
const MUC_OWNER = "http://jabber.org/protocol/muc#owner";
const OWNED = item("", 'affiliation="owner" role="moderator"');

function setUpCreated(password?: string, answer?: string | Error) {
  const all = setUpRooms();
  all.session.onRequest(DISCO_INFO, new XmppStanzaError("cancel", "item-not-found"));
  if (answer !== undefined) all.session.onRequest(MUC_OWNER, answer);
  all.session.goOnline();
  all.rooms.join(ROOM, { password });
  all.session.takeSent();
  all.session.receive(presence("bot", OWNED + codes(110, 201)));
  return all;
}

const ok = '<iq type="result"/>';

test("a new room gets its service's default settings, and is then asked what it is", async () => {
  const { session, rooms, log } = setUpCreated(undefined, ok);
  expect(rooms.get(ROOM)?.state).toBe("joined");
  session.onRequest(DISCO_INFO, description("urn:xmpp:occupant-id:0"));
  await vi.advanceTimersByTimeAsync(0);
  const [submission, question] = session.takeSent();
  expect(submission).toMatch(/muc#owner"><x [^>]*type="submit"\/>/);
  expect(question).toContain(DISCO_INFO);
  expect(rooms.get(ROOM)?.occupantIds).toBe(true);
  expect(log.lines.join()).toContain("did not exist: created it");
});

test("with a password the new room is entered once it has it", async () => {
  const { session, rooms } = setUpCreated("open sesame", ok);
  expect(rooms.get(ROOM)?.state).toBe("joining");
  const [submission = ""] = session.takeSent();
  expect(submission).toContain('var="muc#roomconfig_passwordprotectedroom"><value>1</value>');
  expect(submission).toContain('var="muc#roomconfig_roomsecret"><value>open sesame</value>');
  // Presences of ours that come meanwhile are no permission to use it.
  session.receive(presence("bot", OWNED + codes(110)));
  session.receive(configured(104));
  expect(rooms.get(ROOM)?.state).toBe("joining");
  await vi.advanceTimersByTimeAsync(0);
  expect(rooms.get(ROOM)?.state).toBe("joined");
  expect(session.takeSent().join()).toContain(DISCO_INFO);
});

test("a new room that takes no password is destroyed and left, and tried again later", async () => {
  const refusal = new XmppStanzaError("auth", "forbidden");
  const { session, rooms, log } = setUpCreated("open sesame", refusal);
  session.takeSent();
  await vi.advanceTimersByTimeAsync(0);
  expect(rooms.get(ROOM)).toMatchObject({
    state: "lost",
    reason: "the room is new, and its service did not accept the password",
  });
  const [destruction, goodbye] = session.takeSent();
  expect(destruction).toContain("<destroy/>");
  expect(goodbye).toBe(`<presence type="unavailable" to="${ROOM}/bot"/>`);
  expect(log.lines.join()).not.toContain("sesame");
  session.receive(gone("bot", `<destroy/>${codes(110)}`));
  await vi.advanceTimersByTimeAsync(60_000);
  expect(joinsIn(session.takeSent())).toHaveLength(1);
});

test("a connection that is lost meanwhile leaves the room to the next login", async () => {
  const { session, rooms } = setUpCreated("open sesame");
  session.goOffline();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(rooms.get(ROOM)).toMatchObject({ state: "lost", reason: "not connected" });
  session.goOnline();
  session.receive(presence("bot", item() + codes(110)));
  expect(rooms.get(ROOM)?.state).toBe("joined");
});

test("wanted again meanwhile, it is not entered by another way", () => {
  const { session, rooms } = setUpCreated("open sesame");
  session.takeSent();
  rooms.join(ROOM, { password: "other" });
  expect(session.takeSent()).toEqual([]);
  expect(rooms.get(ROOM)?.state).toBe("joining");
});

test("an answer that comes after we left and came back does not destroy the room", async () => {
  const { session, rooms } = setUpRooms();
  let refuse: (error: Error) => void = () => {};
  session.request = async () => await new Promise((_, reject) => (refuse = reject));
  session.goOnline();
  rooms.join(ROOM, { password: "open sesame" });
  session.receive(presence("bot", OWNED + codes(110, 201)));
  rooms.leave(ROOM);
  rooms.join(ROOM);
  session.takeSent();
  refuse(new XmppStanzaError("auth", "forbidden"));
  await vi.advanceTimersByTimeAsync(0);
  expect(rooms.get(ROOM)?.state).toBe("joining");
  expect(session.takeSent()).toEqual([]);
});
