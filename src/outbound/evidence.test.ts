import { expect, it } from "vitest";
import { addFakeArchive, type FakeItem } from "../../test/support/fake-archive.ts";
import { createFakeLog, createFakeSession, OWN_JID } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { enterRoom } from "../../test/support/road-in.ts";
import { ROOM } from "../../test/support/room-xml.ts";
import { createRooms } from "../client/rooms.ts";
import { XmppNotSentError, XmppStanzaError } from "../errors.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { DISCO_INFO } from "../protocol/xep-0030-disco.ts";
import { ARCHIVE } from "../protocol/xep-0313-mam.ts";
import { findEvidence } from "./evidence.ts";
import type { Target } from "./target.ts";

const NOW = new Date("2026-11-21T08:00:00Z");
const room = ROOM as BareJid;
const TARGETS = {
  room: { kind: "room", room, to: room },
  occupant: { kind: "room-private", room, nick: "alice", to: `${ROOM}/alice` as FullJid },
  alice: { kind: "direct", to: "alice@example.com" as BareJid },
} satisfies Record<string, Target>;

const message = (from: string, id: string, minutes = 0): FakeItem => ({
  id: `${from}-${id}`,
  stamp: new Date(NOW.getTime() + minutes * 60_000).toISOString(),
  xml: `<message xmlns="jabber:client" from="${from}" id="${id}"><body>x</body></message>`,
});

async function evidence(
  target: Target,
  items: FakeItem[],
  { isAvailable = true, refusal }: { isAvailable?: boolean; refusal?: Error } = {},
) {
  const session = createFakeSession();
  const rooms = createRooms({ session, log: createFakeLog(), nick: "bot" });
  session.goOnline();
  enterRoom({ session, rooms });
  const feature = isAvailable ? `<feature var="${ARCHIVE}"/>` : "";
  session.onRequest(
    DISCO_INFO,
    `<iq type="result"><query xmlns="${DISCO_INFO}"><identity category="x" type="y"/>${feature}</query></iq>`,
  );
  session.onRequest(ARCHIVE, refusal ?? new XmppStanzaError("cancel", "feature-not-implemented"));
  if (!refusal) addFakeArchive(session, items, target.kind === "room" ? target.room : undefined);
  const outbox = createOutbox(session, rooms);
  const { arrived, isConclusive } = await findEvidence(
    outbox,
    target,
    (id) => id.startsWith("ours-"),
    NOW,
  );
  return [[...arrived], isConclusive];
}

it.each<[string, Target, FakeItem[], unknown]>([
  ["ours in a room", TARGETS.room, [message(`${ROOM}/bot`, "ours-1")], [["ours-1"], true]],
  ["nothing in a room", TARGETS.room, [message(`${ROOM}/alice`, "x")], [[], true]],
  [
    "somebody else's in a room under our id",
    TARGETS.room,
    [message(`${ROOM}/alice`, "ours-1")],
    [[], false],
  ],
  ["ours to a person", TARGETS.alice, [message(OWN_JID, "ours-1")], [["ours-1"], true]],
  ["another of ours to a person", TARGETS.alice, [message(OWN_JID, "other")], [[], true]],
  ["only what the person said", TARGETS.alice, [message("alice@example.com/x", "y")], [[], false]],
  ["ours to an occupant", TARGETS.occupant, [message(OWN_JID, "ours-1")], [["ours-1"], false]],
  ["another of ours to an occupant", TARGETS.occupant, [message(OWN_JID, "x")], [[], false]],
  [
    "ours to a person, by a server whose clock is two hours late",
    TARGETS.alice,
    [message(OWN_JID, "ours-1", -120)],
    [["ours-1"], true],
  ],
  [
    "ours in a room, by a server whose clock is two hours late",
    TARGETS.room,
    [message(`${ROOM}/bot`, "ours-1", -120)],
    [["ours-1"], true],
  ],
  ["what is older", TARGETS.alice, [message(OWN_JID, "ours-1", -25 * 60)], [[], false]],
  [
    "more than can be looked through",
    TARGETS.room,
    Array.from({ length: 2_200 }, (_, n) => message(`${ROOM}/alice`, `x${n}`)),
    [[], false],
  ],
  [
    "ours after more than can be looked through",
    TARGETS.room,
    [
      ...Array.from({ length: 2_200 }, (_, n) => message(`${ROOM}/alice`, `x${n}`)),
      message(`${ROOM}/bot`, "ours-1"),
    ],
    [["ours-1"], false],
  ],
])("finds %s", async (_, target, items, expected) => {
  expect(await evidence(target, items)).toEqual(expected);
});

it("knows nothing where there is no archive, or it does not answer the question", async () => {
  const items = [message(`${ROOM}/bot`, "ours-1")];
  expect(await evidence(TARGETS.room, items, { isAvailable: false })).toEqual([[], false]);
  const refusal = new XmppStanzaError("auth", "forbidden");
  expect(await evidence(TARGETS.room, items, { refusal })).toEqual([[], false]);
});

it("leaves it to the asker to ask again after a loss", async () => {
  const refusal = new XmppNotSentError("offline");
  await expect(evidence(TARGETS.room, [], { refusal })).rejects.toBe(refusal);
});
