import { expect, it } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { createRooms } from "../client/rooms.ts";
import { XmppStanzaError } from "../errors.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { encodeBody, sendMessage, sendText, type Outbox } from "./send.ts";
import type { Target } from "./target.ts";

const ALICE = "alice@example" as BareJid;
const ROOM = "team@muc.example" as BareJid;
const DIRECT: Target = { kind: "direct", to: ALICE };
const IN_ROOM: Target = { kind: "room", room: ROOM, to: ROOM };
const TEXT = { textLimit: 100 };

/** @param onSend called with the id of each message before the server confirms it */
function setUp(onSend: (id: string, sent: Outbox["sent"]) => void = () => undefined): Outbox {
  const session = createFakeSession();
  session.goOnline();
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  const here = { get: () => ({ state: "joined" }), occupant: () => ({ nick: "alice" }) };
  const joined = { ...rooms, ...here } as unknown as Outbox["rooms"];
  const outbox = createOutbox(session, joined);
  session.send = async (stanza) => onSend(String(stanza.attrs["id"]), outbox.sent);
  return outbox;
}

const forbidden = new XmppStanzaError("auth", "forbidden");

it("fails when the message has come back by the time that it is confirmed", async () => {
  const outbox = setUp((id, sent) => void sent.refuse(id, ALICE as FullJid, forbidden));
  await expect(sendText(outbox, DIRECT, "x", TEXT)).rejects.toBe(forbidden);
});

it("waits for a room's word, which may come after the confirmation", async () => {
  const refused = setUp((id, sent) => {
    setTimeout(() => sent.refuse(id, ROOM as FullJid, forbidden), 10);
  });
  await expect(sendText(refused, IN_ROOM, "x", TEXT)).rejects.toBe(forbidden);
  let isReflected = false;
  const taken = setUp((id, sent) => {
    setTimeout(() => {
      isReflected = true;
      sent.reflect(id, ROOM, "s1");
    }, 10);
  });
  await sendText(taken, IN_ROOM, "x", TEXT);
  expect(isReflected).toBe(true);
});

it("knows the answer that grew in a room by what the room called its first state", async () => {
  const outbox = setUp((id, sent) => sent.reflect(id, ROOM, "s2"));
  outbox.sent.add("first", ROOM as FullJid, "room");
  outbox.sent.reflect("first", ROOM, "s1");
  await sendMessage(outbox, IN_ROOM, encodeBody(IN_ROOM, "last", "whole", { replaceId: "first" }));
  expect(outbox.recent.find(ROOM, "s1")?.text).toBe("whole");
  expect(outbox.recent.isOurs(ROOM, "s1")).toBe(true);
});

it("remembers to what kind of place each message went: a room may be left before it comes back", async () => {
  const kinds: string[] = [];
  const outbox = setUp();
  outbox.sent.add = (_id, to, kind) => void kinds.push(`${to} ${kind}`);
  const occupant = `${ROOM}/alice` as FullJid;
  await sendText(outbox, DIRECT, "x", TEXT);
  await sendText(
    outbox,
    { kind: "room-private", room: ROOM, nick: "alice", to: occupant },
    "x",
    TEXT,
  );
  expect(kinds).toEqual([`${ALICE} direct`, `${occupant} room-private`]);
});
