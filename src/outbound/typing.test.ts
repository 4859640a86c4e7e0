import { expect, test } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { createRooms } from "../client/rooms.ts";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import { createTyping } from "./typing.ts";

const ROOM = bareJid("coven@chat.example") as BareJid;
const COMPOSING = "http://jabber.org/protocol/chatstates";

/** We are in a room of `size` people, ourselves included. */
function setUp(size: number) {
  const session = createFakeSession();
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  session.goOnline();
  rooms.join(ROOM);
  const enter = (nick: string, code = "") =>
    session.receive(
      `<presence from="${ROOM}/${nick}"><x xmlns="http://jabber.org/protocol/muc#user"><item affiliation="none" role="participant"/>${code}</x></presence>`,
    );
  for (let i = 1; i < size; i += 1) enter(`witch${i}`);
  enter("bot", '<status code="110"/>');
  session.takeSent();
  return { session, outbox: createOutbox(session, rooms) };
}

test.each([
  [2, ["composing", "paused"]],
  [20, ["composing", "paused"]],
  [21, []],
  [300, []],
])("in a room of %i: %j", async (size, states) => {
  const { session, outbox } = setUp(size);
  const typing = createTyping(outbox, { kind: "room", room: ROOM, to: ROOM });
  await typing.start();
  await typing.stop();
  const sent = session.takeSent();
  expect(sent).toHaveLength(states.length);
  for (const [i, state] of states.entries()) {
    expect(sent[i]).toContain(`<${state} xmlns="${COMPOSING}"/>`);
    expect(sent[i]).toContain('type="groupchat"');
  }
});

test("a room that grows while the agent works still gets its end", async () => {
  const { session, outbox } = setUp(20);
  const typing = createTyping(outbox, { kind: "room", room: ROOM, to: ROOM });
  await typing.start();
  session.receive(
    `<presence from="${ROOM}/late"><x xmlns="http://jabber.org/protocol/muc#user"><item affiliation="none" role="participant"/></x></presence>`,
  );
  await typing.stop();
  expect(session.takeSent().at(-1)).toContain("<paused");
});

test("after an answer it is active, not paused", async () => {
  const { session, outbox } = setUp(2);
  const typing = createTyping(outbox, { kind: "room", room: ROOM, to: ROOM });
  await typing.start();
  outbox.sent.add("answer", ROOM);
  await typing.stop();
  expect(session.takeSent().at(-1)).toContain("<active");
});

test("privately to an occupant of a large room", async () => {
  const { session, outbox } = setUp(300);
  const to = `${ROOM}/witch1`;
  const typing = createTyping(outbox, {
    kind: "room-private",
    room: ROOM,
    nick: "witch1",
    to: to as never,
  });
  await typing.start();
  expect(session.takeSent()[0]).toContain(`to="${to}" type="chat"`);
});
