import { expect, it } from "vitest";
import { ROOM } from "../../test/support/room-xml.ts";
import type { XmppAccountPolicy } from "../policy/account-policy.ts";
import { DEFAULT_CATCH_UP, DEFAULT_LIMITS } from "../policy/limits.ts";
import { NOBODY } from "../policy/room-entry.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { createStrangers, type Place } from "./strangers.ts";
import type { InboundConfig } from "./types.ts";

const ALICE = "alice@example" as BareJid;
const stranger = (n: number) => `stranger${n}@evil.example` as BareJid;

const SETTINGS = { streaming: {} };

function configOf(policy: Partial<XmppAccountPolicy>, cfg: object = {}): InboundConfig {
  return {
    cfg,
    settings: SETTINGS,
    policy: {
      dmPolicy: "pairing",
      groupPolicy: "allowlist",
      allowFrom: [ALICE],
      groupAllowFrom: [],
      rooms: [ROOM],
      roomSettings: { [ROOM]: { users: [ALICE] } },
      roomOwnerBypass: false,
      autoJoin: "off",
      sharedSessions: "off",
      catchUp: DEFAULT_CATCH_UP,
      limits: { ...DEFAULT_LIMITS, pairingsPerMinute: 4 },
      ...policy,
    },
  };
}

type InRoom = "room" | "room-private";
const placeOf = (kind: InRoom, nick: string): Place["conversation"] => {
  const room = ROOM as BareJid;
  const place = { room, nick };
  return kind === "room"
    ? { kind, ...place }
    : { kind, ...place, occupant: `${room}/${nick}` as FullJid };
};
const direct = (peer: BareJid): Place => ({
  conversation: { kind: "direct", peer, replyTo: peer },
  sender: { id: peer, grade: "jid", jid: peer, occupant: NOBODY, label: peer },
});
const occupant = (jid: BareJid, kind: InRoom = "room"): Place => ({
  conversation: placeOf(kind, jid),
  sender: {
    id: jid,
    grade: "jid",
    jid,
    occupant: { jid, affiliation: "none", role: "participant" },
    label: jid,
  },
});
/** Of whom the room tells nothing, at their n-th stay there. */
const masked = (n: number, kind: InRoom = "room"): Place => ({
  conversation: placeOf(kind, `nick${n}`),
  sender: {
    id: `${ROOM}#stay:${n}`,
    grade: "nick",
    jid: undefined,
    occupant: NOBODY,
    label: `nick${n}`,
  },
});

function setUp(policy: Partial<XmppAccountPolicy> = {}, cfg: object = {}) {
  const clock = { ms: 1_000_000 };
  const approved: string[] = [];
  const store = { looks: 0, isReadable: true };
  const strangers = createStrangers({
    readConfig: () => configOf(policy, cfg),
    approved: async () => {
      store.looks += 1;
      if (!store.isReadable) throw new Error("locked");
      return approved;
    },
    originOf: () => undefined,
    now: () => clock.ms,
  });
  const storedOf = async (places: readonly Place[]) =>
    (await Promise.all(places.map((place) => strangers.mayBeStored(place)))).filter(Boolean).length;
  const stored = async (peers: readonly BareJid[]) => await storedOf(peers.map(direct));
  return { clock, approved, stored, storedOf, strangers, find: strangers.find, store };
}

const times = <T>(n: number, peer: (index: number) => T) =>
  Array.from({ length: n }, (_, index) => peer(index));

it("of 10,000 strangers only so many reach the disk in a minute; whoever is listed always does", async () => {
  const { clock, stored } = setUp();
  expect(await stored(times(10_000, stranger))).toBe(20);
  expect(await stored(times(1_000, () => ALICE))).toBe(1_000);
  clock.ms += 60_000;
  expect(await stored(times(10_000, stranger))).toBe(20);
});

it("one stranger does not use up what is there for all", async () => {
  const { stored } = setUp();
  expect(await stored(times(1_000, () => stranger(0)))).toBe(5);
  expect(await stored([stranger(1)])).toBe(1);
});

it("whoever was approved is none, also while others ask; the host is asked once in a while", async () => {
  const { approved, clock, stored, store } = setUp();
  await stored(times(10_000, stranger));
  expect(await stored([stranger(77)])).toBe(0);
  expect(store.looks).toBe(1);
  approved.push(stranger(77));
  clock.ms += 2_000;
  expect(await stored(times(10, () => stranger(77)))).toBe(10);
  expect(store.looks).toBe(2);
});

it("of those who wrote while we were away, strangers are told from the others", async () => {
  const { approved, find } = setUp();
  approved.push(stranger(1));
  const isStranger = await find();
  expect([ALICE, stranger(1), stranger(2)].map(isStranger)).toEqual([false, false, true]);
});

it.each([
  ["everybody may write", { dmPolicy: "open" }],
  ["a list names everybody", { allowFrom: ["*"] }],
  ["a list names the domain", { allowFrom: ["*@evil.example"] }],
] as const)("nobody is a stranger where %s", async (_, policy) => {
  const { stored } = setUp({
    ...policy,
    allowFrom: [...("allowFrom" in policy ? policy.allowFrom : [])],
  });
  expect(await stored(times(1_000, stranger))).toBe(1_000);
});

it("members of a group of the host's are none, everybody else is", async () => {
  const members = { "*": [stranger(1)], xmpp: [stranger(2)], irc: [stranger(3)] };
  const { stored, storedOf } = setUp(
    {
      allowFrom: ["accessGroup:friends", "accessGroup:gone"],
      groupAllowFrom: ["accessGroup:friends"],
    },
    { accessGroups: { friends: { type: "message.senders", members } } },
  );
  expect(await stored(times(10, () => stranger(1)))).toBe(10);
  expect(await stored(times(10, () => stranger(2)))).toBe(10);
  expect(await stored(times(10, () => stranger(3)))).toBe(5);
  expect(await storedOf(times(10, () => occupant(stranger(2))))).toBe(10);
});

it("a list that cannot be read is what it was; until it was read, nobody gets over the bound", async () => {
  const { approved, clock, stored, store } = setUp();
  approved.push(stranger(1));
  store.isReadable = false;
  expect(await stored(times(6, () => stranger(1)))).toBe(5);
  clock.ms += 2_000;
  store.isReadable = true;
  expect(await stored([stranger(1)])).toBe(1);
  clock.ms += 2_000;
  store.isReadable = false;
  expect(await stored([stranger(1)])).toBe(1);
  expect(store.looks).toBe(3);
});

it("in a room whoever may order is not counted, the others are: those without a name as one", async () => {
  const { clock, storedOf } = setUp();
  expect(await storedOf(times(10_000, (n) => masked(n)))).toBe(5);
  expect(await storedOf(times(10_000, (n) => occupant(stranger(n))))).toBe(15);
  expect(await storedOf(times(1_000, () => occupant(ALICE)))).toBe(1_000);
  // Whoever asks for a code elsewhere is not kept from it.
  expect(await storedOf([direct(stranger(1))])).toBe(1);
  clock.ms += 60_000;
  expect(await storedOf(times(10_000, (n) => occupant(stranger(n))))).toBe(20);
});

it("what is overheard in a room is not bounded by the minute", async () => {
  const { storedOf, strangers } = setUp(
    {},
    { channels: { defaults: { contextVisibility: "all" } } },
  );
  expect(await storedOf(times(1_000, (n) => masked(n)))).toBe(1_000);
  expect(strangers.isStranger(masked(1))).toBe(true);
  expect(strangers.isOverheard(masked(1))).toBe(true);
  expect(strangers.isOverheard(direct(stranger(1)))).toBe(false);
});

it("privately in a room the direct chats' rules hold", async () => {
  const { approved, storedOf } = setUp({ roomSettings: { [ROOM]: { users: ["*"] } } });
  approved.push(stranger(1));
  expect(await storedOf(times(10, () => occupant(ALICE, "room-private")))).toBe(10);
  expect(await storedOf(times(10, () => occupant(stranger(1), "room-private")))).toBe(10);
  expect(await storedOf(times(10, () => occupant(stranger(2), "room-private")))).toBe(5);
  expect(await storedOf(times(1_000, (n) => masked(n, "room-private")))).toBe(5);
});
