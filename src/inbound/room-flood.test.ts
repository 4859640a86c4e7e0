import { expect, it } from "vitest";
import { type RoadInOptions, body, createRoadIn, enterRoom } from "../../test/support/road-in.ts";
import { OWN_JID } from "../../test/support/fake-session.ts";
import { ROOM, item, occupantId, presence } from "../../test/support/room-xml.ts";
import { DEFAULT_LIMITS } from "../policy/limits.ts";
import { OCCUPANT_ID } from "../protocol/xep-0421-occupant-id.ts";

/** Nobody is taken up: what comes waits, and is looked at on disk. */
const BUSY: RoadInOptions = { dispatch: () => new Promise(() => {}) };

type Enter = ReturnType<typeof setUp>["enter"];

function setUp(users: readonly string[], options: RoadInOptions = {}) {
  const road = createRoadIn({
    policy: {
      groupPolicy: "allowlist",
      rooms: [ROOM],
      roomSettings: { [ROOM]: { requireMention: false, users } },
      limits: { ...DEFAULT_LIMITS, turnsPerMinute: 1_000 },
    },
    ...options,
  });
  enterRoom(road, ["urn:xmpp:sid:0", OCCUPANT_ID]);
  const enter = (nick: string, jid = "", id = "") =>
    road.session.receive(presence(nick, item(jid), "", id && occupantId(id)));
  const say = (nick: string, text: string) =>
    road.session.receive(
      `<message xmlns="jabber:client" from="${ROOM}/${nick}" to="${OWN_JID}" type="groupchat">${body(text)}</message>`,
    );
  const said = () => road.turns.map((turn) => turn.message.rawBody);
  const stored = () =>
    Number(road.database.transact((sql) => sql.get("SELECT count(*) AS n FROM events"))?.["n"]);
  return { ...road, enter, say, said, stored };
}

it("what an unlisted occupant floods does not push a listed one's message out", async () => {
  const { enter, say, said, receiver } = setUp(["alice@example"]);
  enter("alice", "alice@example/phone");
  enter("mallory", "mallory@example/a");
  for (let n = 0; n < 300; n += 1) void say("mallory", `flood ${n}`);
  void say("alice", "an order");
  await receiver.idle();
  expect(said()).toEqual(["an order"]);
});

it("nor does a crowd of them, of whom the room vouches for none", async () => {
  const { enter, say, said, receiver } = setUp(["alice@example"], {
    cfg: { channels: { defaults: { contextVisibility: "all" } } },
  });
  enter("alice", "alice@example/phone");
  for (let n = 0; n < 300; n += 1) {
    enter(`crowd${n}`);
    void say(`crowd${n}`, `flood ${n}`);
  }
  void say("alice", "an order");
  await receiver.idle();
  expect(said()).toEqual(["an order"]);
});

it.each([
  ["by real JID", (nick: string): Parameters<Enter> => [nick, `${nick}@example/a`]],
  ["by occupant id", (nick: string): Parameters<Enter> => [nick, "", nick]],
])("of one who may speak and floods, half the lane is left to the others: %s", async (_, who) => {
  const { enter, say, stored, tally } = setUp(["*"], BUSY);
  for (const nick of ["mallory", "alice", "bob"]) enter(...who(nick));
  for (let n = 0; n < 300; n += 1) await say("mallory", `flood ${n}`);
  expect(stored()).toBe(50);
  for (let n = 0; n < 100; n += 1) await say("alice", `${n}`);
  expect(stored()).toBe(75);
  await say("bob", "an order");
  expect(stored()).toBe(76);
  expect(tally.read()).toEqual({ "queue-full": 325 });
});

it("what is not taken up yet is counted, no more: who speaks a lot in a day is heard", async () => {
  const { enter, say, said, receiver, tally } = setUp(["*"]);
  enter("alice", "alice@example/phone");
  for (let n = 0; n < 300; n += 1) {
    await say("alice", `${n}`);
    if (n % 40 === 39) await receiver.idle();
  }
  await receiver.idle();
  expect(said().join("\n").split("\n")).toHaveLength(300);
  expect(tally.read()).toEqual({});
});
