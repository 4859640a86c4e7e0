/** Whose memory the agent has: every row of the table in conversation.ts. */
import { expect, it } from "vitest";
import type { SharedSessions } from "../policy/account-policy.ts";
import type { Conversation } from "../policy/admission.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { hostConversation } from "./conversation.ts";
import type { Sender } from "./sender.ts";

const ROOM = "coven@chat.example" as BareJid;
const ALICE = "alice@example" as BareJid;
const NICK = "Alice";

const PLACES = {
  direct: { kind: "direct", peer: ALICE, replyTo: ALICE },
  room: { kind: "room", room: ROOM, nick: NICK },
  private: { kind: "room-private", room: ROOM, nick: NICK, occupant: `${ROOM}/${NICK}` as FullJid },
} satisfies Record<string, Conversation>;

const KNOWN_ID = "o-known";
/** Only this room showed whose occupant id that is. */
const knownUsers = {
  byOccupantId: (room: BareJid, id: string) =>
    room === ROOM && id === KNOWN_ID ? ALICE : undefined,
};

function sender(facts: Partial<Sender["occupant"]>): Sender {
  const { jid, occupantId } = facts;
  const occupant = { affiliation: "none", role: "participant", ...facts } as const;
  const common = { label: NICK, stay: "s1", occupant, jid };
  if (jid) return { ...common, id: jid, grade: "jid" };
  return occupantId === undefined
    ? { ...common, id: `${ROOM}#stay:s1`, grade: "nick" }
    : { ...common, id: `${ROOM}#occupant:${occupantId}`, grade: "occupant-id" };
}

const BY_JID = sender({ jid: ALICE });
const EARLIER = sender({ occupantId: KNOWN_ID });
const BY_ID = sender({ occupantId: "o-other" });
const BY_STAY = sender({});

const DIRECT = { kind: "direct", id: ALICE, jid: ALICE };
const OF_ROOM = { kind: "group", id: ROOM };
const alone = (id: string) => ({ kind: "direct", id });

const BOTH: SharedSessions[] = ["off", "identified"];

it.each<[string, keyof typeof PLACES, Sender, SharedSessions[], object]>([
  ["a direct chat", "direct", BY_JID, BOTH, DIRECT],
  ["a room, by real JID", "room", BY_JID, ["off"], OF_ROOM],
  ["a room, by real JID earlier", "room", EARLIER, ["off"], OF_ROOM],
  ["a room, by real JID", "room", BY_JID, ["identified"], DIRECT],
  ["a room, by real JID earlier", "room", EARLIER, ["identified"], DIRECT],
  ["a room, by another occupant id", "room", BY_ID, BOTH, OF_ROOM],
  ["a room, by nick", "room", BY_STAY, BOTH, OF_ROOM],
  ["privately in a room, by real JID", "private", BY_JID, BOTH, DIRECT],
  ["privately, by real JID earlier", "private", EARLIER, ["off"], alone(EARLIER.id)],
  ["privately, by real JID earlier", "private", EARLIER, ["identified"], DIRECT],
  ["privately, by another occupant id", "private", BY_ID, BOTH, alone(BY_ID.id)],
  ["privately, by nick", "private", BY_STAY, BOTH, alone(BY_STAY.id)],
])("%s", (_, place, who, modes, expected) => {
  for (const sharedSessions of modes) {
    const facts = { policy: { sharedSessions }, knownUsers };
    expect(hostConversation(facts, { conversation: PLACES[place], sender: who })).toEqual(expected);
  }
});

it("an occupant id says nothing in another room", () => {
  const conversation = { ...PLACES.room, room: "other@chat.example" as BareJid };
  const facts = { policy: { sharedSessions: "identified" as const }, knownUsers };
  expect(hostConversation(facts, { conversation, sender: EARLIER })).toEqual({
    kind: "group",
    id: "other@chat.example",
  });
});
