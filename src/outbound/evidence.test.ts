import { describe, expect, it } from "vitest";
import { addFakeArchive, type FakeItem } from "../../test/support/fake-archive.ts";
import { createFakeLog, createFakeSession, OWN_JID } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { enterRoom } from "../../test/support/road-in.ts";
import { ROOM } from "../../test/support/room-xml.ts";
import { createRooms } from "../client/rooms.ts";
import { XmppNotSentError, XmppStanzaError } from "../errors.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { DISCO_INFO } from "../protocol/xep-0030-disco.ts";
import { CHAT_STATES } from "../protocol/xep-0085-chat-states.ts";
import { ARCHIVE } from "../protocol/xep-0313-mam.ts";
import { FALLBACK } from "../protocol/xep-0428-fallback.ts";
import { REPLY } from "../protocol/xep-0461-reply.ts";
import { findEvidence, hasSaid } from "./evidence.ts";
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

type ArchiveOptions = { isAvailable?: boolean; refusal?: Error };

function withArchive(
  target: Target,
  items: FakeItem[],
  { isAvailable = true, refusal }: ArchiveOptions = {},
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
  return createOutbox(session, rooms);
}

async function evidence(target: Target, items: FakeItem[], options?: ArchiveOptions) {
  const { arrived, isConclusive } = await findEvidence(
    withArchive(target, items, options),
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

it.each([
  ["after a loss", new XmppNotSentError("offline")],
  ["of an archive that cannot tell now", new XmppStanzaError("wait", "internal-server-error")],
])("leaves it to the asker to ask again %s", async (_, refusal) => {
  await expect(evidence(TARGETS.room, [], { refusal })).rejects.toBe(refusal);
  const outbox = withArchive(TARGETS.alice, [], { refusal });
  await expect(hasSaid(outbox, TARGETS.alice, "asked", "x")).rejects.toBe(refusal);
});

it("leaves it to the asker to ask again what the account archives", async () => {
  const refusal = new XmppStanzaError("wait", "internal-server-error");
  const outbox = withArchive(TARGETS.alice, []);
  const { request } = outbox.session;
  outbox.session.request = async (iq, options) => {
    if (iq.getChild("prefs")) throw refusal;
    return await request(iq, options);
  };
  await expect(findEvidence(outbox, TARGETS.alice, () => false, NOW)).rejects.toBe(refusal);
});

describe("what was said after a message", () => {
  const TEXT = "**Hello**, I have done it.\n\nAnd more.";
  const saying = (id: string, from: string, text: string): FakeItem => ({
    id,
    stamp: NOW.toISOString(),
    xml: `<message xmlns="jabber:client" from="${from}" id="m-${id}"><body>${text}</body></message>`,
  });
  const adding = (item: FakeItem, payload: string): FakeItem => ({
    ...item,
    xml: item.xml.replace("</message>", `${payload}</message>`),
  });
  const growing = (...said: Parameters<typeof saying>) =>
    adding(
      saying(...said),
      `<replace xmlns="urn:xmpp:message-correct:0" id="m-0"/><composing xmlns="${CHAT_STATES}"/>`,
    );
  const quoting = (id: string, from: string, quote: string, text: string) =>
    adding(
      saying(id, from, quote + text),
      `<fallback xmlns="${FALLBACK}" for="${REPLY}"><body start="0" end="${quote.length}"/></fallback>`,
    );
  const ME = OWN_JID;
  const asked = saying("asked", "alice@example.com/x", "do it");

  it.each<[string, Target, FakeItem[], boolean]>([
    [
      "all of it",
      TARGETS.alice,
      [asked, saying("1", ME, "*Hello*, I have done it.\n\nAnd more.")],
      true,
    ],
    [
      "the first of several messages",
      TARGETS.alice,
      [asked, saying("1", ME, "*Hello*, I have done it.")],
      true,
    ],
    [
      "with a nick in front, in a room",
      TARGETS.room,
      [
        saying("asked", `${ROOM}/alice`, "do it"),
        saying("1", `${ROOM}/bot`, "alice: *Hello*, I have done it. And more."),
      ],
      true,
    ],
    [
      "as it was seen growing, where a server archives that all the same",
      TARGETS.alice,
      [asked, growing("1", ME, "*Hello*, I have …")],
      false,
    ],
    [
      "the first of several messages, under a quote",
      TARGETS.alice,
      [asked, quoting("1", ME, "> do it\n", "*Hello*, I have done it.")],
      true,
    ],
    ["something else", TARGETS.alice, [asked, saying("1", ME, "Working on it")], false],
    ["nothing but a sign", TARGETS.alice, [asked, saying("1", ME, "👍")], false],
    [
      "the same by somebody else",
      TARGETS.alice,
      [asked, saying("1", "alice@example.com/x", "*Hello*, I have done it.")],
      false,
    ],
    ["the same before", TARGETS.alice, [saying("1", ME, "*Hello*, I have done it."), asked], false],
    ["anything, of which the archive does not know the question", TARGETS.alice, [], false],
  ])("%s", async (_, target, items, isSaid) => {
    expect(await hasSaid(withArchive(target, items), target, "asked", TEXT)).toBe(isSaid);
  });

  it("is not known without an archive", async () => {
    const items = [asked, saying("1", ME, TEXT)];
    const outbox = withArchive(TARGETS.alice, items, { isAvailable: false });
    expect(await hasSaid(outbox, TARGETS.alice, "asked", TEXT)).toBe(false);
  });

  it.each<[string, string[], number, boolean]>([
    ["once", ["Done."], 1, false],
    ["twice", ["Done."], 2, true],
    ["once, besides something else", ["No."], 1, true],
    ["once, as the beginning of another answer", ["Do"], 1, false],
    ["once, besides a smile", ["👍"], 1, true],
  ])("that others have said as well: %s", async (_, others, times, isSaid) => {
    const items = Array.from({ length: times }, (__, index) => saying(`${index}`, ME, "Done."));
    const outbox = withArchive(TARGETS.alice, [asked, ...items]);
    expect(await hasSaid(outbox, TARGETS.alice, "asked", "Done.", others)).toBe(isSaid);
  });
});
