/** What somebody gets who asks too often, through the whole road in. */
import { describe, expect, it } from "vitest";
import {
  type RoadInOptions,
  body,
  createRoadIn,
  enterRoom,
  message,
} from "../../test/support/road-in.ts";
import { ROOM, item, presence } from "../../test/support/room-xml.ts";
import { waitFor } from "../../test/support/wait.ts";
import { DEFAULT_CATCH_UP, DEFAULT_LIMITS } from "../policy/limits.ts";

const OVER = /Too many messages: this one was not read/;
const OVER_COMMANDS = "Too many commands. Please wait before sending more.";

function setUp(options: RoadInOptions = {}, limits: Partial<typeof DEFAULT_LIMITS> = {}) {
  let now = 1_000_000;
  const road = createRoadIn({
    ...options,
    policy: {
      dmPolicy: "allowlist",
      allowFrom: ["alice@example", "bob@example"],
      limits: { ...DEFAULT_LIMITS, ...limits },
      ...options.policy,
    },
    cfg: { commands: { ownerAllowFrom: ["alice@example"] } },
    context: { now: () => now, ...options.context },
  });
  const bodies = () =>
    road.session.takeSent().flatMap((xml) => /<body>(.*?)<\/body>/.exec(xml)?.[1] ?? []);
  return {
    ...road,
    bodies,
    wait: (ms: number) => void (now += ms),
    async say(text: string, from = "alice@example/phone", count = 1) {
      for (let sent = 0; sent < count; sent += 1)
        void road.session.receive(message(from, body(text)));
      await road.receiver.idle();
    },
  };
}

describe("turns", () => {
  it("are as many as the limit says; then the sender is told once, and each one counts", async () => {
    const { say, turns, bodies, tally } = setUp({}, { turnsPerMinute: 3 });
    await say("hello", undefined, 10);
    expect(turns).toHaveLength(3);
    const told = bodies();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(OVER);
    expect(tally.read()).toEqual({ "turns-limited": 7 });
  });

  it("that were put off, and come by another id each time, are counted once", async () => {
    let asked = 0;
    const { say, turns, tally } = setUp(
      {
        dispatch: async ({ replyOptions }) => {
          asked += 1;
          const { onAdopted, onDeferred } = replyOptions.turnAdoptionLifecycle;
          if (asked < 3) onDeferred();
          else await onAdopted();
        },
        context: { now: Date.now },
      },
      { turnsPerMinute: 2 },
    );
    await say("hello");
    await waitFor(() => asked === 3 || tally.read()["turns-limited"], { what: "its turn" });
    expect(tally.read()).toEqual({});
    expect(turns).toHaveLength(3);
  });

  it("of others are not touched", async () => {
    const { say, turns } = setUp({}, { turnsPerMinute: 1 });
    await say("hello", undefined, 5);
    await say("hello", "bob@example/desk");
    expect(turns.map(({ sender }) => sender.id)).toEqual(["alice@example", "bob@example"]);
  });

  it("are one account's, whatever the device", async () => {
    const { say, turns } = setUp({}, { turnsPerMinute: 2 });
    for (const device of ["a", "b", "c", "d"]) await say("hello", `alice@example/${device}`);
    expect(turns).toHaveLength(2);
  });

  it("are there again after a minute", async () => {
    const { say, wait, turns } = setUp({}, { turnsPerMinute: 1 });
    await say("one");
    wait(59_999);
    await say("two");
    wait(1);
    await say("three");
    expect(turns.map(({ message: said }) => said.rawBody)).toEqual(["one", "three"]);
  });

  it("that the host puts off are counted once", async () => {
    const { say, wait, turns } = setUp({ failures: 1 }, { turnsPerMinute: 1 });
    await say("hello");
    wait(1_000);
    await waitFor(() => turns.length > 0, { what: "the second attempt" });
    expect(turns).toHaveLength(1);
  });

  it.each([
    [
      "that had waited for us, as our server kept them, are bounded by the queue, and the pace",
      0,
      "example",
      5 + 2,
    ],
    ["that say so of themselves, long after the login, by the pace", 60_000, "example", 2],
    ["that say so in nobody's name by the pace", 0, "evil.example", 2],
  ])("of messages %s", async (_, online, by, expected) => {
    const { session, receiver, turns } = setUp(
      {
        context: { now: () => Date.now() + online },
        policy: { catchUp: { ...DEFAULT_CATCH_UP, maxMessages: 100 } },
      },
      { turnsPerMinute: 2, queueSize: 5 },
    );
    const delay = `<delay xmlns="urn:xmpp:delay" from="${by}" stamp="1970-01-01T00:00:10Z"/>`;
    for (let sent = 0; sent < 9; sent += 1) {
      void session.receive(message("alice@example/phone", body(`night ${sent}`) + delay));
      await receiver.idle();
    }
    expect(turns).toHaveLength(expected);
  });

  it("of strangers are none, and cost nobody a notice", async () => {
    const { say, turns, bodies, tally } = setUp({}, { turnsPerMinute: 1 });
    await say("hello", "mallory@example/a", 20);
    expect(turns).toEqual([]);
    expect(bodies()).toEqual([]);
    expect(tally.read()).toEqual({ "not-admitted": 20 });
  });
});

describe("commands", () => {
  it("are ten a minute; then the words of the seed are said once", async () => {
    const { say, turns, bodies, tally } = setUp();
    await say("/status", undefined, 15);
    expect(turns).toHaveLength(10);
    expect(bodies()).toEqual([OVER_COMMANDS]);
    expect(tally.read()).toEqual({ "commands-limited": 5 });
  });

  it("are no turns, and turns no commands", async () => {
    const { say, turns } = setUp({}, { turnsPerMinute: 1, commandsPerMinute: 1 });
    await say("hello");
    await say("/status");
    expect(turns).toHaveLength(2);
  });

  it.each(["/stop", "stop", "STOP!"])("like %s are never refused", async (text) => {
    const { say, turns } = setUp({}, { turnsPerMinute: 1, commandsPerMinute: 1 });
    await say("hello");
    await say("/status");
    await say(text, undefined, 30);
    expect(turns).toHaveLength(32);
  });

  it.each(["/stop", "stop"])(
    "like %s count as anything else where they stop nothing: of whom may give none",
    async (text) => {
      const { say, turns } = setUp({}, { turnsPerMinute: 3, commandsPerMinute: 3 });
      await say(text, "bob@example/desk", 30);
      expect(turns.length).toBeLessThanOrEqual(3);
    },
  );
});

describe("in rooms", () => {
  const inRoom = async (
    { session, receiver }: ReturnType<typeof setUp>,
    nick: string,
    count: number,
  ) => {
    for (let sent = 0; sent < count; sent += 1) {
      void session.receive(message(`${ROOM}/${nick}`, body("bot: hello"), "groupchat"));
      await receiver.idle();
    }
  };
  const rooms = { groupPolicy: "open", rooms: [ROOM] } as const;

  it("somebody known by JID has one limit, whatever the nick, and is told by name", async () => {
    const road = setUp({ policy: rooms as never }, { turnsPerMinute: 2 });
    enterRoom(road);
    for (const nick of ["alice", "alias"]) {
      void road.session.receive(presence(nick, item("alice@example/phone")));
      await inRoom(road, nick, 2);
    }
    expect(road.turns).toHaveLength(2);
    const told = road.bodies();
    expect(told).toHaveLength(1);
    expect(told[0]).toMatch(/^alias: Too many messages/);
  });

  it("people whom nobody vouches for share one, so that coming back gains nothing", async () => {
    const road = setUp({ policy: rooms as never }, { turnsPerMinute: 2 });
    enterRoom(road);
    for (let stay = 0; stay < 5; stay += 1) {
      void road.session.receive(presence(`mask${stay}`, item()));
      await inRoom(road, `mask${stay}`, 1);
    }
    expect(road.turns).toHaveLength(2);
    expect(road.bodies()).toHaveLength(1);
  });

  it("programs are refused in silence", async () => {
    const road = setUp(
      {
        policy: rooms as never,
        settings: { allowBots: true },
        context: { isProgram: async () => true },
      },
      { turnsPerMinute: 1 },
    );
    enterRoom(road);
    void road.session.receive(presence("robot", item("bob@example/r")));
    await inRoom(road, "robot", 4);
    expect(road.turns).toHaveLength(1);
    expect(road.bodies()).toEqual([]);
    expect(road.tally.read()).toEqual({ "turns-limited": 3 });
  });
});
