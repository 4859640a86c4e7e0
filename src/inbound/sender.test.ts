import { expect, it } from "vitest";
import type { Rooms } from "../client/rooms.ts";
import { parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { resolveSender } from "./sender.ts";

const ROOM = "coven@chat.example" as BareJid;
const ALICE = "alice@example.com" as BareJid;

function rooms(realJid: BareJid | undefined): Rooms {
  const occupant = { nick: "Alice", realJid, stay: "stay-1" };
  return { occupant: () => occupant } as unknown as Rooms;
}

it("is the JID in a direct chat", () => {
  const conversation = { kind: "direct", peer: ALICE, replyTo: ALICE } as const;
  expect(resolveSender(conversation, rooms(undefined))).toMatchObject({ id: ALICE, jid: ALICE });
});

it("is the real JID where the room shows it, and nobody in particular where it does not", () => {
  const conversation = { kind: "room", room: ROOM, nick: "Alice" } as const;
  expect(resolveSender(conversation, rooms(ALICE))).toMatchObject({
    id: ALICE,
    jid: ALICE,
    label: "Alice",
  });
  const hidden = resolveSender(conversation, rooms(undefined));
  expect(hidden).toMatchObject({ id: `${ROOM}/Alice`, jid: undefined });
  expect(parseJid(hidden.peer)?.bare).not.toBe(ALICE);
});

it("does not become a JID by a nick that looks like one", () => {
  const nick = "alice@example.com";
  const occupant = `${ROOM}/${nick}` as FullJid;
  const conversation = { kind: "room-private", room: ROOM, nick, occupant } as const;
  expect(resolveSender(conversation, rooms(undefined)).jid).toBeUndefined();
});
