import { expect, it } from "vitest";
import type { Conversation } from "../policy/admission.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { formatTarget, replyTarget } from "./reply-target.ts";
import { parseTarget } from "./target.ts";

const ALICE = "alice@example.com" as BareJid;
const ROOM = "coven@chat.example" as BareJid;
const NICK = "Zoë / the ?join #1 %41";

const conversations: Conversation[] = [
  { kind: "direct", peer: ALICE, replyTo: ALICE },
  { kind: "room", room: ROOM, nick: NICK },
  { kind: "room-private", room: ROOM, nick: NICK, occupant: `${ROOM}/${NICK}` as FullJid },
];

const stays = [undefined, "0b1e-2"];
const cases = conversations.flatMap((conversation) =>
  stays.map((stay) => ({ ...conversation, conversation, stay })),
);

it.each(cases)(
  "an answer in a conversation of kind $kind finds back ($stay)",
  ({ conversation, stay }) => {
    const target = replyTarget(conversation, stay);
    // Whether or not anybody knows which JIDs are rooms.
    for (const isRoom of [() => false, (jid: BareJid) => jid === ROOM]) {
      expect(parseTarget(formatTarget(target), isRoom)).toEqual(
        JSON.parse(JSON.stringify(target)) as unknown,
      );
    }
  },
);

it("goes to the person's account, not to the device that asked", () => {
  const target = replyTarget({ kind: "direct", peer: ALICE, replyTo: ALICE }, undefined);
  expect(target).toEqual({ kind: "direct", to: ALICE });
});
