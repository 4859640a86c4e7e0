/**
 * Who gets through in which kind of room, before and after somebody else has taken over the nick in the
 * middle of a conversation. Presences are as a server sends them in each constellation.
 */
import { afterEach, describe, expect, it } from "vitest";
import {
  type RoadInOptions,
  type TurnFacts,
  body,
  createRoadIn,
  enterRoom,
  message,
  withKeys,
} from "../../test/support/road-in.ts";
import { ROOM, codes, gone, item, occupantId, presence } from "../../test/support/room-xml.ts";
import { groups } from "../host/groups.ts";
import { type LiveAccount, addLiveAccount } from "../host/live-accounts.ts";
import type { BareJid } from "../protocol/jid.ts";
import { OCCUPANT_ID } from "../protocol/xep-0421-occupant-id.ts";

const ENTRIES = [
  "alice@example.com",
  "*@example.com",
  "*",
  "occupant:alice-id",
  "affiliation:owner",
  "affiliation:admin",
  "affiliation:member",
  "role:moderator",
] as const;
type Entry = (typeof ENTRIES)[number];

type Person = { jid: string; id: string; standing: string };
const ALICE: Person = {
  jid: "alice@example.com/phone",
  id: "alice-id",
  standing: 'affiliation="admin" role="moderator"',
};
const EVE: Person = {
  jid: "eve@evil.net/x",
  id: "eve-id",
  standing: 'affiliation="none" role="participant"',
};
const NICK = "alice";
const STANDING = new Set<Entry>(["affiliation:admin", "affiliation:member", "role:moderator"]);

/** Of occupant ids: the room gives them, somebody wrote one where the room does not, or there are none. */
type Ids = "announced" | "forged" | "absent";
type Takeover = "left" | "renamed" | "unseen";
type Constellation = {
  room: "fully anonymous" | "semi-anonymous" | "non-anonymous";
  moderates: boolean;
  ids: Ids;
};

const showsJids = ({ room, moderates }: Constellation) =>
  room === "non-anonymous" || (room === "semi-anonymous" && moderates);

function presenceOf(person: Person, nick: string, where: Constellation): string {
  const { jid, id, standing } = person;
  // Where the room does not set it, everybody writes what they like.
  const written = { announced: id, forged: ALICE.id, absent: "" }[where.ids];
  const beside = written && occupantId(written);
  return presence(nick, item(showsJids(where) ? jid : "", standing), "", beside);
}

const RENAMED = "<item nick='alice-away' affiliation='none' role='none'/>";
const TAKEOVERS: Record<Takeover, (where: Constellation) => string[]> = {
  left: (where) => [gone(NICK, ""), presenceOf(EVE, NICK, where)],
  renamed: (where) => [
    gone(NICK, RENAMED + codes(303)),
    presenceOf(ALICE, "alice-away", where),
    presenceOf(EVE, NICK, where),
  ],
  unseen: (where) => [presenceOf(EVE, NICK, where)],
};

/** Nothing at all tells the one from the other, as far as the room says. */
const isIndistinguishable = (where: Constellation, takeover: Takeover) =>
  takeover === "unseen" && !showsJids(where) && where.ids !== "announced";

function expectedOf(person: Person, where: Constellation): Entry[] {
  const jid = showsJids(where);
  const isNamed = (entry: Entry): boolean => {
    if (entry === "*") return jid || where.ids === "announced";
    if (person === EVE) return false;
    if (entry === "occupant:alice-id") return where.ids === "announced";
    return entry.includes("@") ? jid : STANDING.has(entry);
  };
  return ENTRIES.filter(isNamed);
}

function expectedIdentity({ jid, id }: Person, where: Constellation) {
  const bare = jid.split("/", 1)[0];
  if (showsJids(where)) return { grade: "jid", id: bare };
  return where.ids === "announced"
    ? { grade: "occupant-id", id: `${ROOM}#occupant:${id}` }
    : { grade: "nick", id: `${ROOM}#stay:` };
}

let removeLive: (() => void) | undefined;
afterEach(() => removeLive?.());

function setUp(where: Constellation, context: RoadInOptions["context"] = {}) {
  const options: RoadInOptions = { context };
  const road = createRoadIn(options);
  const features = where.ids === "announced" ? [OCCUPANT_ID] : [];
  const role = where.moderates ? "moderator" : "participant";
  const isNonAnonymous = where.room === "non-anonymous";
  enterRoom(road, features, {
    item: item("", `affiliation="member" role="${role}"`),
    codes: isNonAnonymous ? [100] : [],
  });
  const { isBelieved = () => true } = context;
  removeLive = addLiveAccount({
    ...road.outbox,
    account: { accountId: "default" },
    isBelieved,
    membership: { originOf: () => undefined },
  } as unknown as LiveAccount);

  /** Whose id a message carries: alice's, forged, unless the room stamps it. */
  let stamp = ALICE.id;
  const receive = (...stanzas: string[]) => {
    for (const stanza of stanzas) {
      if (where.ids === "announced" && stanza.includes(EVE.id)) stamp = EVE.id;
      road.session.receive(stanza);
    }
  };
  /** What whoever has the nick says under these keys. */
  const post = (text: string, keys: object, type = "groupchat") => {
    options.keys = { groupPolicy: "open", rooms: [ROOM], ...keys };
    receive(message(`${ROOM}/${NICK}`, body(text) + occupantId(stamp), type));
  };
  const say = async (keys: object, type?: string): Promise<TurnFacts | undefined> => {
    const { length } = road.turns;
    post("bot: hi", keys, type);
    await road.receiver.idle();
    return road.turns[length];
  };

  const LISTS: Record<string, (entry: Entry) => object> = {
    groupAllowFrom: (entry) => ({ groupAllowFrom: [entry] }),
    users: (entry) => ({ mucRooms: { [ROOM]: { users: [entry] } } }),
    allowFrom: (entry) => ({ groups: { [ROOM]: { allowFrom: [entry] } } }),
  };

  return {
    ...road,
    receive,
    say,
    /** By which entries of each list who has the nick gets through. */
    async admitted(): Promise<Record<string, Entry[]>> {
      const { length } = road.turns;
      for (const [list, keys] of Object.entries(LISTS)) {
        for (const entry of ENTRIES) {
          post(`bot: ${list} ${entry}`, keys(entry));
          await road.receiver.idle();
        }
      }
      const got = new Set(road.turns.slice(length).map((turn) => turn.message.bodyForAgent));
      return Object.fromEntries(
        Object.keys(LISTS).map((list) => [
          list,
          ENTRIES.filter((entry) => got.has(`${list} ${entry}`)),
        ]),
      );
    },
    /** The entries of `toolsBySender` that match the sender that the host was told of. */
    toolsOf(senderId: string | undefined): Entry[] {
      return ENTRIES.filter((entry) => {
        const settings = {
          tools: { deny: ["all"] },
          toolsBySender: { [entry]: { allow: ["it"] } },
        };
        const cfg = withKeys({ mucRooms: { [ROOM]: settings } });
        const facts = { cfg, accountId: "default", groupId: ROOM, senderId, senderName: NICK };
        const tools = groups.resolveToolPolicy?.(facts as never);
        return JSON.stringify(tools) === '{"allow":["it"]}';
      });
    },
  };
}

/** "*" in `toolsBySender` is for everybody. */
const withStar = (entries: readonly Entry[]) =>
  ENTRIES.filter((entry) => entry === "*" || entries.includes(entry));

const sharing = { sharedSessions: "identified" };
const TOOLS = { "alice@example.com": { allow: ["hers"] }, "*": { deny: ["any"] } };

const all = (["fully anonymous", "semi-anonymous", "non-anonymous"] as const).flatMap((room) =>
  [false, true].flatMap((moderates) =>
    (["announced", "forged", "absent"] as const).map((ids): Constellation => ({
      room,
      moderates,
      ids,
    })),
  ),
);

describe.each(all)("a $room room, the agent moderator: $moderates, occupant ids $ids", (where) => {
  describe.each(Object.keys(TAKEOVERS) as Takeover[])("the nick is taken over: %s", (takeover) => {
    it("lets in, and grades, each as the room vouches for them", async () => {
      const { admitted, receive, say } = setUp(where);
      const check = async (person: Person) => {
        const entries = expectedOf(person, where);
        expect(await admitted()).toEqual({
          groupAllowFrom: entries,
          users: entries,
          allowFrom: entries,
        });
        const turn = await say({});
        const speaker = turn?.supplemental.channelStructuredContext?.[0]?.payload["speaker"];
        const { grade, id } = expectedIdentity(person, where);
        expect(turn?.sender.name).toBe(NICK);
        expect(turn?.sender.id.replace(/(?<=#stay:).*/, "")).toBe(id);
        expect(speaker).toMatchObject({ identity: grade });
        expect(JSON.stringify(speaker).includes(person.jid.split("/", 1)[0] ?? "")).toBe(
          showsJids(where),
        );
      };
      receive(presenceOf(ALICE, NICK, where));
      await check(ALICE);
      receive(...TAKEOVERS[takeover](where));
      await check(EVE);
    });

    it("gives each their own tools", async () => {
      const { receive, say, toolsOf } = setUp(where);
      receive(presenceOf(ALICE, NICK, where));
      const former = await say({});
      expect(toolsOf(former?.sender.id)).toEqual(withStar(expectedOf(ALICE, where)));
      receive(...TAKEOVERS[takeover](where));
      const newcomer = await say({});
      expect(toolsOf(newcomer?.sender.id)).toEqual(withStar([]));
      // What alice asked for before goes on: of somebody who is gone, only the JID counts.
      const still = showsJids(where) ? ENTRIES.filter((entry) => entry.includes("@")) : [];
      const expected = takeover === "renamed" ? expectedOf(ALICE, where) : still;
      expect(toolsOf(former?.sender.id)).toEqual(withStar(expected));
    });

    it("gives each their own session", async () => {
      const { receive, say } = setUp(where);
      const keys = { ...sharing, mucRooms: { [ROOM]: { toolsBySender: TOOLS } } };
      const check = async (jid: string, tools: object) => {
        const turn = await say(keys);
        const shared = { kind: "direct", id: jid };
        expect(turn?.conversation).toMatchObject(
          showsJids(where) ? shared : { kind: "group", id: ROOM },
        );
        expect(turn?.access.toolPolicy).toEqual(showsJids(where) ? tools : undefined);
        expect(turn?.reply.to).toBe(showsJids(where) ? jid : `room:${ROOM}`);
      };
      receive(presenceOf(ALICE, NICK, where));
      await check("alice@example.com", TOOLS["alice@example.com"]);
      receive(...TAKEOVERS[takeover](where));
      await check("eve@evil.net", TOOLS["*"]);
    });

    it("keeps the newcomer out of a turn of the former that still runs", async () => {
      const places: string[] = [];
      const enterAtOnce = (_: string, place: string) => {
        places.push(place);
        return {
          speak: nothing,
          listen: nothing,
          answer: nothing,
          sealOthers: nothing,
          end: nothing,
        };
      };
      const nothing = () => undefined;
      const enter = async (key: string, place: string) => enterAtOnce(key, place);
      const sessionTurns = { enterAtOnce, enter, putOff: nothing };
      const { receive, say } = setUp(where, { sessionTurns });
      receive(presenceOf(ALICE, NICK, where));
      await say({ dmPolicy: "open" }, "chat");
      receive(...TAKEOVERS[takeover](where));
      await say({ dmPolicy: "open" }, "chat");
      expect(new Set(places).size).toBe(isIndistinguishable(where, takeover) ? 1 : 2);
    });

    it("keeps what is said privately apart, and an answer that is under way from the newcomer", async () => {
      const { dispatches, receive, say, session } = setUp(where);
      const open = { dmPolicy: "open" };
      receive(presenceOf(ALICE, NICK, where));
      const former = await say(open, "chat");
      const first = dispatches.at(-1);
      const deliver = async () => await first?.delivery.deliver({ text: "a secret" }, {});
      await deliver();
      expect(session.takeSent().join()).toContain("a secret");
      receive(...TAKEOVERS[takeover](where));
      const newcomer = await say(open, "chat");
      const isSame = isIndistinguishable(where, takeover);
      expect(newcomer?.conversation.id === former?.conversation.id).toBe(isSame);
      expect(newcomer?.reply.to === former?.reply.to).toBe(isSame);
      const outcome = await deliver().then(() => "delivered", String);
      expect(outcome).toMatch(isSame ? /^delivered$/ : /is not, or not provably, who wrote/);
      expect(session.takeSent().join().includes("a secret")).toBe(isSame);
    });
  });
});

describe("an occupant id", () => {
  const where: Constellation = { room: "semi-anonymous", moderates: false, ids: "announced" };

  it("that stands there twice, one of them forged, is none", async () => {
    const { admitted, receive } = setUp(where);
    const forged = occupantId(ALICE.id) + occupantId(EVE.id);
    receive(presence(NICK, item("", EVE.standing), "", forged));
    expect((await admitted())["users"]).toEqual([]);
  });

  it.each<[Ids, string, string]>([
    ["announced", "direct", "alice@example.com"],
    ["forged", "group", ROOM],
  ])("continues somebody's memory where it is %s: %s", async (ids, kind, id) => {
    const byOccupantId = (_: BareJid, occupant: string) =>
      occupant === ALICE.id ? ("alice@example.com" as BareJid) : undefined;
    const { receive, say } = setUp(
      { ...where, ids },
      {
        knownUsers: {
          know: () => undefined,
          learn: () => undefined,
          byOccupantId,
          nickOf: () => "Alice",
        } as unknown as NonNullable<RoadInOptions["context"]>["knownUsers"] & object,
      },
    );
    receive(presenceOf(ALICE, NICK, { ...where, ids }));
    const turn = await say(sharing);
    expect(turn?.conversation).toMatchObject({ kind, id });
    // It is memory, and no right: nobody is let in by it.
    expect(await say({ ...sharing, groupAllowFrom: ["alice@example.com"] })).toBeUndefined();
    receive(...TAKEOVERS.left({ ...where, ids }));
    const next = await say(sharing);
    expect(next?.conversation).toMatchObject({ kind: "group", id: ROOM });
  });
});

describe("a room whose service nobody chose", () => {
  const where: Constellation = { room: "non-anonymous", moderates: true, ids: "announced" };
  const OWNER = { ...ALICE, standing: 'affiliation="owner" role="moderator"' };
  const strange = () => {
    const road = setUp(where, { isBelieved: () => false });
    road.receive(presenceOf(OWNER, NICK, where));
    return road;
  };

  it("vouches for nobody", async () => {
    const { admitted, say, toolsOf } = strange();
    expect(await admitted()).toEqual({ groupAllowFrom: [], users: [], allowFrom: [] });
    const turn = await say(sharing);
    expect(turn?.sender.id).toMatch(/#stay:/);
    expect(turn?.sender.roles).toEqual(["affiliation:none", "role:none"]);
    expect(turn?.conversation).toMatchObject({ kind: "group", id: ROOM });
    expect(toolsOf(turn?.sender.id)).toEqual(["*"]);
    expect(await say({ groupPolicy: "disabled", roomOwnerBypass: true })).toBeUndefined();
  });

  it("makes nobody write a direct message", async () => {
    const { challenged, say } = strange();
    expect(await say({ dmPolicy: "pairing" }, "chat")).toBeUndefined();
    expect(
      await say({ dmPolicy: "allowlist", allowFrom: ["alice@example.com"] }, "chat"),
    ).toBeUndefined();
    expect(challenged).toEqual([]);
    const turn = await say({ dmPolicy: "open" }, "chat");
    expect(turn?.conversation.id).toMatch(/#stay:/);
  });

  it("gives no tools by an id that was learnt elsewhere", () => {
    const { toolsOf } = strange();
    expect(toolsOf(`${ROOM}#occupant:alice-id`)).toEqual(["*"]);
    expect(toolsOf("alice@example.com")).toEqual(["alice@example.com", "*@example.com", "*"]);
  });
});

it("an id of another room, or a nick, selects no tools", () => {
  const where: Constellation = { room: "non-anonymous", moderates: true, ids: "announced" };
  const { receive, toolsOf } = setUp(where);
  receive(presenceOf(ALICE, NICK, where));
  for (const id of [
    "other@chat.example#occupant:alice-id",
    `${ROOM}/${NICK}`,
    `${ROOM}/alice@example.com`,
    "alice@example.com/phone",
    "example.com",
    NICK,
    "",
    undefined,
  ]) {
    expect(toolsOf(id)).toEqual(["*"]);
  }
});

it.each<[Ids, Entry[]]>([
  ["announced", ["*", "occupant:alice-id", ...STANDING]],
  // It was announced when the id was given, and anybody may write it now.
  ["forged", ["*"]],
])("an id that was given selects as much as it said then: %s", (ids, entries) => {
  const where: Constellation = { room: "non-anonymous", moderates: true, ids };
  const { receive, toolsOf } = setUp(where);
  receive(presenceOf(ALICE, NICK, where));
  expect(toolsOf(`${ROOM}#occupant:alice-id`)).toEqual(entries);
});
