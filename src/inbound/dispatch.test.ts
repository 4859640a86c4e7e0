/** A turn as it is handed to the host, and its answer as it leaves. */
import { parse } from "ltx";
import { describe, expect, it, vi } from "vitest";
import { OWN_JID } from "../../test/support/fake-session.ts";
import {
  type RoadInOptions,
  body,
  createOpenRoadIn,
  createRoadIn,
  enterRoom,
  message,
} from "../../test/support/road-in.ts";
import { ROOM, gone, item, presence } from "../../test/support/room-xml.ts";
import { waitFor } from "../../test/support/wait.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { readReplyFacts } from "../outbound/reply-facts.ts";
import { STANZA_IDS } from "../protocol/xep-0359-ids.ts";
import { createSessionTurns } from "./session-turns.ts";

const STANZA_ID = `<stanza-id xmlns="${STANZA_IDS}" by="${ROOM}" id="rooms-id"/>`;

type Options = RoadInOptions & { features?: string[] };

function setUp({ features = [STANZA_IDS], ...options }: Options = {}) {
  const road = createRoadIn({
    ...options,
    keys: { groupPolicy: "open", rooms: [ROOM], ...options.keys },
  });
  const { session, receiver, dispatches } = road;
  enterRoom(road, features);
  session.receive(presence("alice", item("alice@example/x")));
  const { send } = session;
  session.send = async (stanza) => {
    await send(stanza);
    const { id, type } = stanza.attrs as Record<string, string>;
    if (type !== "groupchat") return;
    session.receive(
      `<message xmlns="jabber:client" from="${ROOM}/bot" to="${OWN_JID}" type="groupchat" id="${id}"><body>echo</body></message>`,
    );
  };
  let sayings = 0;
  const nextStanzaId = () =>
    sayings++ === 0 ? STANZA_ID : STANZA_ID.replace("rooms-id", `rooms-id-${sayings}`);
  const say = async (text: string, { inside = nextStanzaId(), type = "groupchat" } = {}) => {
    const { length } = dispatches;
    session.receive(message(`${ROOM}/alice`, body(text) + inside, type));
    await receiver.idle();
    return dispatches[length];
  };
  /** What one payload of the answer becomes: the texts that are sent, each with what it refers to. */
  const answer = async (
    dispatch: Awaited<ReturnType<typeof say>>,
    payload: { text: string; replyToId?: string },
    participant?: { name: string },
  ) => {
    session.takeSent();
    await dispatch?.delivery.deliver(payload, participant ? { participant } : {});
    return session.takeSent().map((xml) => {
      const stanza = parse(xml);
      const reply = stanza.getChild("reply");
      return {
        to: stanza.attrs["to"] as string,
        text: stanza.getChildText("body"),
        ...(reply ? { reply: `${reply.attrs["id"]} ${reply.attrs["to"]}` } : {}),
      };
    });
  };
  return { ...road, say, answer };
}

const isProgram = async () => true;

describe("an answer in a room", () => {
  const LONG = "one two three four five\n\nsix seven eight nine ten";
  const PARTS = ["one two three four five", "six seven eight nine ten"];
  const short = { textChunkLimit: 30 };

  it("refers to what it answers with its first message only", async () => {
    const { say, answer } = setUp({ keys: short });
    const dispatch = await say("bot: hi", { inside: STANZA_ID });
    const sent = await answer(dispatch, { text: LONG, replyToId: "rooms-id" });
    expect(sent).toEqual([
      { to: ROOM, text: PARTS[0], reply: `rooms-id ${ROOM}/alice` },
      { to: ROOM, text: PARTS[1] },
    ]);
  });

  it.each<[string, Options, string, string | undefined]>([
    ["the host refers to nothing", {}, STANZA_ID, undefined],
    ["the host refers to something else", {}, STANZA_ID, "another-id"],
    [
      "the room announces no ids, and anybody can write one",
      { features: [] },
      STANZA_ID,
      "rooms-id",
    ],
    ["somebody else gave the id", {}, STANZA_ID.replace(ROOM, "muc.evil"), "rooms-id"],
    ["there is no id", {}, "", "rooms-id"],
  ])("refers to nothing where %s", async (_, options, inside, replyToId) => {
    const { say, answer } = setUp(options);
    const dispatch = await say("bot: hi", { inside });
    const sent = await answer(dispatch, { text: "hello", ...(replyToId ? { replyToId } : {}) });
    expect(sent).toEqual([{ to: ROOM, text: "hello" }]);
  });

  it("repeats what it answers only where something was said in between", async () => {
    const { say, answer } = setUp();
    const dispatch = await say("bot: hi", { inside: STANZA_ID });
    const said = async () =>
      (await answer(dispatch, { text: "hello", replyToId: "rooms-id" }))[0]?.text;
    expect([await said(), await said()]).toEqual(["hello", "hello"]);
    await say("not for the agent", { inside: STANZA_ID.replace("rooms-id", "another-id") });
    expect(await said()).toBe("> alice wrote:\n> bot: hi\nhello");
  });

  it.each([
    [{ replyToMode: "all" }, "> alice wrote:\n> bot: hi\nhello"],
    [{ replyToModeByChatType: { group: "first" } }, "> alice wrote:\n> bot: hi\nhello"],
    [{ replyToModeByChatType: { direct: "all" } }, "hello"],
  ])("repeats it always with %j: %j", async (keys, text) => {
    const { say, answer } = setUp({ keys });
    const dispatch = await say("bot: hi", { inside: STANZA_ID });
    const [sent] = await answer(dispatch, { text: "hello", replyToId: "rooms-id" });
    expect(sent).toEqual({ to: ROOM, text, reply: `rooms-id ${ROOM}/alice` });
  });

  it("refers to an earlier message that the agent means", async () => {
    const { say, answer } = setUp();
    await answer(await say("bot: first"), { text: "yes" });
    const dispatch = await say("bot: second");
    const sent = await answer(dispatch, { text: "as I said", replyToId: "rooms-id" });
    expect(sent).toMatchObject([
      { text: "> alice wrote:\n> bot: first\nas I said", reply: `rooms-id ${ROOM}/alice` },
    ]);
  });

  it("names the asker where the room wants it, once", async () => {
    const mucRooms = { [ROOM]: { replyWithNick: true } };
    const { say, answer } = setUp({ keys: { mucRooms, ...short } });
    const dispatch = await say("bot: hi");
    const textsOf = async (text: string) =>
      (await answer(dispatch, { text })).map((sent) => sent.text);
    expect(await textsOf("one two three\n\nsix seven eight nine ten")).toEqual([
      "alice: one two three",
      PARTS[1],
    ]);
    expect(await textsOf("more")).toEqual(["more"]);
    expect(await answer(await say("bot: again"), { text: "hello" })).toMatchObject([
      { text: "alice: hello" },
    ]);
  });

  it("says which of several agents speaks, in each payload", async () => {
    const mucRooms = { [ROOM]: { replyWithNick: true } };
    const { say, answer } = setUp({ keys: { mucRooms } });
    const dispatch = await say("bot: hi");
    const said = async (name: string) =>
      (await answer(dispatch, { text: "yes" }, { name }))[0]?.text;
    expect(await said("Writer")).toBe("alice: [Writer] yes");
    expect(await said("Critic")).toBe("[Critic] yes");
  });

  it("given privately is for the occupant alone, and names nobody", async () => {
    const mucRooms = { [ROOM]: { replyWithNick: true } };
    const { say, answer } = setUp({ keys: { dmPolicy: "open", mucRooms } });
    const dispatch = await say("hi", { type: "chat" });
    const sent = await answer(dispatch, { text: "hello", replyToId: "rooms-id" });
    expect(sent).toEqual([{ to: `${ROOM}/alice`, text: "hello" }]);
  });

  it("to somebody whose direct chat goes on in the room is still said in the room", async () => {
    const { say, answer } = setUp({ keys: { sharedSessions: "identified" } });
    const dispatch = await say("bot: hi");
    expect(dispatch?.ctxPayload.conversation.kind).toBe("direct");
    expect(await answer(dispatch, { text: "hello", replyToId: "rooms-id" })).toEqual([
      { to: ROOM, text: "hello", reply: `rooms-id ${ROOM}/alice` },
    ]);
  });
});

describe("the host is told", () => {
  const always = { mucRooms: { [ROOM]: { requireMention: false } } };
  const roomEvents = { messages: { groupChat: { unmentionedInbound: "room_event" } } };
  const onlyTool = { sourceReplyDeliveryMode: "message_tool_only", suppressTyping: true };

  it.each<[string, string, RoadInOptions["cfg"] & object, boolean]>([
    ["that what nobody asked for is an event", "hi all", roomEvents, true],
    ["that a question is none", "bot: hi", roomEvents, false],
    ["that nothing is, where the operator wants it so", "hi all", {}, false],
    ["that a word to stop is none", "stop", roomEvents, false],
  ])("%s", async (_, text, cfg, isEvent) => {
    const dispatch = await setUp({ keys: always, cfg }).say(text);
    const kind = isEvent ? "room_event" : "user_request";
    expect(dispatch?.ctxPayload.message.inboundEventKind).toBe(kind);
    const { sourceReplyDeliveryMode, suppressTyping } = dispatch?.replyOptions ?? {};
    expect({ sourceReplyDeliveryMode, suppressTyping }).toEqual(isEvent ? onlyTool : {});
  });

  it.each<[string, object, number]>([
    ["a question", {}, 1],
    ["what nobody asked for", roomEvents, 0],
  ])("and an answer is owed to %s %j", async (_, cfg, owed) => {
    const note = vi.fn();
    const dispatch: RoadInOptions["dispatch"] = async ({ replyOptions }) =>
      await replyOptions.turnAdoptionLifecycle.onAdopted();
    const context = { owed: { note, settle: () => undefined } };
    await setUp({ keys: always, cfg, context, dispatch }).say("hi all");
    expect(note).toHaveBeenCalledTimes(owed);
  });

  it("that a reply to the agent is a question, unless the operator says otherwise", async () => {
    const inside = `<reply xmlns="urn:xmpp:reply:0" id="x" to="${ROOM}/bot"/>`;
    const kindOf = async (keys: object) =>
      (await setUp({ keys: { ...always, ...keys }, cfg: roomEvents }).say("hi", { inside }))
        ?.ctxPayload.message.inboundEventKind;
    expect(await kindOf({})).toBe("user_request");
    expect(await kindOf({ implicitMentions: { replyToBot: false } })).toBe("room_event");
  });

  it.each([
    [{ skills: ["web-search"] }, {}, { skillFilter: ["web-search"] }],
    [{}, { streaming: { block: { enabled: true } } }, { disableBlockStreaming: false }],
    [{}, { streaming: { block: { enabled: false } } }, { disableBlockStreaming: true }],
  ])("of the room's %j and the account's %j", async (room, keys, options) => {
    const dispatch = await setUp({ keys: { ...keys, mucRooms: { [ROOM]: room } } }).say("bot: hi");
    expect(dispatch?.replyOptions).toMatchObject(options);
  });

  it("what a loop is made of, of programs only", async () => {
    const keys = { allowBots: true, botLoopProtection: { maxEventsPerWindow: 3 } };
    const cfg = { channels: { defaults: { botLoopProtection: { windowSeconds: 9 } } } };
    const program = await setUp({ keys, cfg, context: { isProgram } }).say("bot: hi");
    expect(program?.ctxPayload.sender.isBot).toBe(true);
    expect(program?.botLoopProtection).toEqual({
      scopeId: "default",
      conversationId: ROOM,
      senderId: "alice@example",
      receiverId: OWN_JID,
      eventId: "rooms-id",
      config: { maxEventsPerWindow: 3 },
      defaultsConfig: { windowSeconds: 9 },
      defaultEnabled: true,
    });
    const person = await setUp({ keys, cfg }).say("bot: hi");
    expect(person?.ctxPayload.sender.isBot).toBe(false);
    expect(person?.botLoopProtection).toBeUndefined();
  });
});

describe("a program", () => {
  const REPLY_TO_US = `<reply xmlns="urn:xmpp:reply:0" id="x" to="${ROOM}/bot"/>`;
  it.each<[boolean | "mentions" | undefined, string, string, boolean]>([
    [undefined, "bot: hi", "", false],
    [false, "bot: hi", "", false],
    ["mentions", "bot: hi", "", true],
    ["mentions", "hi", "", false],
    ["mentions", "hi", REPLY_TO_US, false],
    [true, "bot: hi", "", true],
    [true, "hi", REPLY_TO_US, true],
    [true, "hi", "", true],
  ])("with allowBots: %s says %j%s: answered %s", async (allowBots, text, inside, isAnswered) => {
    const { say } = setUp({
      keys: {
        mucRooms: { [ROOM]: { requireMention: false } },
        ...(allowBots === undefined ? {} : { allowBots }),
      },
      context: { isProgram },
    });
    expect((await say(text, { inside })) !== undefined).toBe(isAnswered);
  });

  it("needs to be let in like a person", async () => {
    const mucRooms = { [ROOM]: { users: ["bob@example"] } };
    const { say } = setUp({ keys: { allowBots: true, mucRooms }, context: { isProgram } });
    expect(await say("bot: hi")).toBeUndefined();
  });

  it("is known by what it announced as it spoke, though it is gone", async () => {
    const { session, receiver, dispatches } = setUp({
      context: { isProgram: async ({ caps }) => caps === "http://feed#v" },
    });
    const caps = `<c xmlns="http://jabber.org/protocol/caps" hash="sha-1" node="http://feed" ver="v"/>`;
    const hear = (text: string) =>
      session.receive(message(`${ROOM}/alice`, body(text), "groupchat"));
    session.receive(presence("alice", item("feed@example/x"), "", caps));
    hear("bot: from a program");
    session.receive(gone("alice", ""));
    session.receive(presence("alice", item("alice@example/x")));
    hear("bot: from a person");
    await receiver.idle();
    const said = dispatches.map(({ ctxPayload }) => ctxPayload.message.bodyForAgent);
    expect(said).toEqual(["from a person"]);
  });
});

it("what was said since is given back where the host drops the turn", async () => {
  const options: Options = { admission: { kind: "drop", reason: "bot-loop-protection" } };
  const { say, turns, log } = setUp(options);
  await say("one");
  await say("bot: hi");
  expect(log.lines.join("\n")).toContain("not answered: bot-loop-protection");
  await say("bot: again");
  const history = turns.map(({ message: { inboundHistory = [] } }) =>
    inboundHistory.map((entry) => entry.body),
  );
  expect(history).toEqual([["one"], ["one"]]);
});

describe("the host's word for a turn that has not begun", () => {
  const RESTARTING = "⚠️ Gateway is restarting. Please wait a few seconds and try again.";
  const MISSING = "⚠️ OpenClaw couldn't produce or deliver a reply. Please try again.";
  type Host = NonNullable<RoadInOptions["dispatch"]>;
  /** What is left of `text` where the host says it after `before`, and how often it is asked for the turn. */
  const hear = async (text: string, before: (dispatch: Parameters<Host>[0]) => unknown) => {
    const heard: unknown[] = [];
    const { session, queue } = setUp({
      keys: { dmPolicy: "open" },
      dispatch: async (dispatch) => {
        await before(dispatch);
        heard.push(await dispatch.delivery.preparePayload({ text }, { kind: "final" }));
      },
    });
    await session.receive(message("alice@example/x", body("hi"), "chat"));
    await waitFor(() => heard.length > 0, { what: "the turn" });
    return { heard, queue };
  };

  it("is not said as it shuts down, and the message waits for the next start", async () => {
    const { heard, queue } = await hear(RESTARTING, () => undefined);
    const pending = async () => (await queue.listPending()).at(0);
    const one = await waitFor(pending, { what: "the message to be back" });
    expect(one.lastError).toBe("turn-abandoned");
    expect(heard).toEqual([null]);
  });

  it("is not said of a turn that comes after another one", async () => {
    const { heard } = await hear(MISSING, ({ replyOptions }) =>
      replyOptions.turnAdoptionLifecycle.onDeferred(),
    );
    expect(heard).toEqual([null]);
  });

  const adopt: Host = async ({ replyOptions }) => replyOptions.turnAdoptionLifecycle.onAdopted();

  it("is not said where it adopted the turn as it shut down: it is asked again, a few times", async () => {
    const read: unknown[] = [];
    const { heard, queue } = await hear(RESTARTING, async (dispatch) => {
      read.push(dispatch.ctxPayload.message.bodyForAgent);
      await adopt(dispatch);
    });
    await waitFor(() => heard.at(-1) !== null, { what: "the host's word in the end" });
    expect(read[0]).toBe("hi");
    expect(read[1]).toMatch(/^\[The Gateway restarted .* it was said once\.\]\nhi$/u);
    expect(heard).toMatchObject([...Array.from({ length: 5 }, () => null), { text: RESTARTING }]);
    expect(await queue.listPending()).toEqual([]);
  });

  it("is said where the turn may have had effects", async () => {
    const { heard } = await hear(RESTARTING, async (dispatch) => {
      await adopt(dispatch);
      dispatch.replyOptions.onToolStart({ name: "read" });
    });
    expect(heard).toMatchObject([{ text: RESTARTING }]);
  });

  it("is said once the host has begun, where it is no restart", async () => {
    const { heard } = await hear(MISSING, adopt);
    expect(heard).toMatchObject([{ text: MISSING }]);
  });

  it("is said where there was no turn at all", async () => {
    const { heard } = await hear(MISSING, () => undefined);
    expect(heard).toMatchObject([{ text: MISSING }]);
  });
});

describe("an answer that is owed", () => {
  type Dispatched = Parameters<NonNullable<RoadInOptions["dispatch"]>>[0];
  /** What is noted and settled, and what the host does, in order. */
  const follow = async (options: RoadInOptions, run: (dispatch: Dispatched) => unknown) => {
    const seen: unknown[] = [];
    const road = setUp({
      keys: { dmPolicy: "open" },
      ...options,
      context: {
        owed: {
          async note({ agentId, sessionKey, to }) {
            seen.push(["owed", { agentId, sessionKey, to }]);
          },
          settle: () => void seen.push("settled"),
        },
        ...options.context,
      },
      dispatch: async (dispatch) => {
        await run(dispatch);
        seen.push("ended");
      },
    });
    await road.session.receive(message("alice@example/x", body("hi"), "chat"));
    await waitFor(() => seen.includes("settled"), { what: "the end of the turn" });
    return seen;
  };
  const adopt = async ({ replyOptions }: Dispatched) =>
    await replyOptions.turnAdoptionLifecycle.onAdopted();
  const OWED = [
    "owed",
    {
      agentId: "main",
      sessionKey: "agent:main:xmpp:direct:alice@example",
      to: "alice@example",
    },
  ];

  it("is noted when the host takes the message over, until the turn has ended", async () => {
    expect(await follow({}, adopt)).toEqual([OWED, "ended", "settled"]);
  });

  it("is noted until it is in the host's queue, not only planned for it", async () => {
    const seen = await follow({}, async (dispatch) => {
      await adopt(dispatch);
      const queued = dispatch.delivery.durable({ text: "hello" }, { kind: "final" });
      await Promise.resolve();
      if (queued) readReplyFacts(queued.deps)?.onQueued?.();
    });
    expect(seen).toEqual([OWED, "settled", "ended", "settled"]);
  });

  it.each<[string, number]>([
    ["block", 2],
    ["final", 2],
    ["tool", 1],
  ])("is settled before part of it leaves without the queue: %s", async (kind, times) => {
    const seen = await follow({}, async (dispatch) => {
      await adopt(dispatch);
      await dispatch.delivery.deliver({ text: "hello" }, { kind });
    });
    expect(seen.filter((one) => one === "settled")).toHaveLength(times);
  });

  it("is not noted where the message was taken back before", async () => {
    const seen = await follow({}, async (dispatch) => {
      const { abortSignal, onAdopted, onDeferred } = dispatch.replyOptions.turnAdoptionLifecycle;
      onDeferred();
      abortSignal.addEventListener(
        "abort",
        () => void Promise.resolve(onAdopted()).catch(() => {}),
      );
    });
    expect(seen).toEqual(["ended", "settled"]);
  });

  it("is not noted where the host does not take the message over", async () => {
    expect(await follow({}, () => undefined)).toEqual(["ended", "settled"]);
  });

  it("is none where the agent answers by its tool alone", async () => {
    const cfg = { messages: { visibleReplies: "message_tool" } };
    expect(await follow({ cfg }, adopt)).toEqual(["ended", "settled"]);
  });

  it("does not keep the turn from being taken over where it cannot be noted", async () => {
    const taken: string[] = [];
    const owed = {
      async note() {
        throw new Error("the account has stopped");
      },
      settle: () => void taken.push("settled"),
    };
    const road = setUp({ keys: { dmPolicy: "open" }, context: { owed }, dispatch: adopt });
    await road.session.receive(message("alice@example/x", body("hi"), "chat"));
    await waitFor(() => taken.length > 0, { what: "the end of the turn" });
    expect(await road.queue.listPending()).toEqual([]);
    expect(road.log.lines.join("\n")).toContain("could lose an answer: the account has stopped");
  });

  it("is noted before its turn begins, however long the disk is full", async () => {
    const room = Promise.withResolvers<void>();
    let state = "asked";
    const owed = { note: async () => await room.promise, settle: () => undefined };
    const road = setUp({
      keys: { dmPolicy: "open" },
      context: { owed },
      dispatch: async (dispatch) => {
        state = "taking over";
        await adopt(dispatch);
        state = "taken over";
      },
    });
    const received = road.session.receive(message("alice@example/x", body("hi"), "chat"));
    await waitFor(() => state === "taking over", { what: "the turn" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(state).toBe("taking over");
    room.resolve();
    await received;
    await waitFor(() => state === "taken over", { what: "the host" });
  });
});

describe("what the host kept as the message waited for a run of its own", () => {
  const say = async (text: string) => {
    const seen: string[] = [];
    const road = setUp({
      keys: { dmPolicy: "open", allowFrom: ["alice@example"] },
      dispatch: async ({ replyOptions }) => {
        keptSends.keep("default alice@example", "of that run");
        seen.push("taking over");
        await replyOptions.turnAdoptionLifecycle.onAdopted();
        seen.push("taken over");
      },
    });
    const received = road.session.receive(message("alice@example/x", body(text), "chat"));
    await waitFor(() => seen.length > 0, { what: "the turn" });
    await new Promise((resolve) => setTimeout(resolve, 50));
    const before = [...seen];
    keptSends.settle("of that run");
    await received;
    await waitFor(() => seen.includes("taken over"), { what: "the host" });
    return before;
  };

  it("goes before its turn", async () => {
    expect(await say("hi")).toEqual(["taking over"]);
  });

  it("does not keep a command waiting", async () => {
    expect(await say("/status")).toEqual(["taking over", "taken over"]);
  });
});

describe("a message that the host puts off behind a turn that runs", () => {
  type Host = NonNullable<RoadInOptions["dispatch"]>;
  type Asked = Parameters<Host>[0];
  const texts = (asked: Asked[]) => asked.map(({ ctxPayload }) => ctxPayload.message.rawBody);

  /** A first turn whose agent is at work for long; the host puts off what comes meanwhile. */
  const busy = async (sessionTurns = createSessionTurns({ undisturbedMs: 0 })) => {
    const asked: Asked[] = [];
    const first = Promise.withResolvers<void>();
    const road = setUp({
      keys: { dmPolicy: "open" },
      context: { sessionTurns },
      dispatch: async (dispatch) => {
        asked.push(dispatch);
        const { turnAdoptionLifecycle, onAssistantMessageStart } = dispatch.replyOptions;
        if (asked.length === 1) {
          await turnAdoptionLifecycle.onAdopted();
          onAssistantMessageStart();
          await first.promise;
        } else if (asked.length === 2) turnAdoptionLifecycle.onDeferred();
      },
    });
    for (const text of ["one", "two", "three"]) {
      await road.session.receive(message("alice@example/x", body(text), "chat"));
    }
    await waitFor(() => asked.length === 2, { what: "the second to be put off" });
    return { ...road, asked, first };
  };

  it("is taken back, and comes again after the end of that turn, in order", async () => {
    const { asked, first } = await busy();
    const { abortSignal } = asked[1]!.replyOptions.turnAdoptionLifecycle;
    await waitFor(() => abortSignal.aborted, { what: "it to be taken back" });
    first.resolve();
    await waitFor(() => asked.length === 4, { what: "the others" });
    expect(texts(asked)).toEqual(["one", "two", "two", "three"]);
  });

  it("closes the running turn to others", async () => {
    let sealed = 0;
    const sessionTurns = createSessionTurns({ undisturbedMs: 0 });
    const { asked, first } = await busy({
      ...sessionTurns,
      async enter(sessionKey, place) {
        const turn = await sessionTurns.enter(sessionKey, place);
        const sealOthers = () => {
          sealed++;
          turn.sealOthers();
        };
        return { ...turn, sealOthers };
      },
    });
    await waitFor(() => sealed === 1, { what: "it to be closed" });
    first.resolve();
    await waitFor(() => asked.length === 4, { what: "the others" });
    expect(sealed).toBe(1);
  });

  it("cannot be taken over by the host any more then", async () => {
    const { asked, first, queue } = await busy();
    const { abortSignal, onAdopted, onAbandoned } = asked[1]!.replyOptions.turnAdoptionLifecycle;
    await waitFor(() => abortSignal.aborted, { what: "it to be taken back" });
    await expect(Promise.resolve(onAdopted())).rejects.toThrow("taken back");
    await onAbandoned();
    const waiting = await Promise.all([queue.listPending(), queue.listClaims()]);
    expect(waiting.flat()).toHaveLength(2);
    first.resolve();
    await waitFor(() => asked.length === 4, { what: "the others" });
  });
});

describe("an answer in a direct chat", () => {
  const ID = `<origin-id xmlns="${STANZA_IDS}" id="theirs"/>`;

  it("refers to what it answers by the sender's id, where the host says so", async () => {
    const road = createRoadIn({ keys: { dmPolicy: "open", allowFrom: ["*"], replyToMode: "all" } });
    await road.session.receive(message("alice@example/x", body("hi") + ID));
    await road.receiver.idle();
    road.session.takeSent();
    const [dispatch] = road.dispatches;
    const replyToId = dispatch?.ctxPayload.messageId ?? "";
    await dispatch?.delivery.deliver({ text: "hello", replyToId }, {});
    const [answer] = road.session.takeSent().map((xml) => parse(xml));
    expect(answer?.getChildText("body")).toBe("> alice@example wrote:\n> hi\nhello");
    expect(answer?.getChild("reply")?.attrs).toMatchObject({ id: "theirs", to: "alice@example" });
    expect(answer?.getChild("fallback")?.getChild("body")?.attrs).toEqual({
      start: "0",
      end: "28",
    });
  });

  it("asks whether it arrived and was read, and is kept", async () => {
    const road = createRoadIn({ keys: { dmPolicy: "open", allowFrom: ["*"] } });
    await road.session.receive(message("alice@example/x", body("hi") + ID));
    await road.receiver.idle();
    road.session.takeSent();
    await road.dispatches[0]?.delivery.deliver({ text: "hello" }, {});
    const [answer] = road.session.takeSent().map((xml) => parse(xml));
    expect(answer?.getChild("request", "urn:xmpp:receipts")).toBeDefined();
    expect(answer?.getChild("markable", "urn:xmpp:chat-markers:0")).toBeDefined();
    expect(answer?.getChild("store", "urn:xmpp:hints")).toBeDefined();
    expect(answer?.getChild("reply")).toBeUndefined();
  });

  it("in a room asks nobody", async () => {
    const { say, session } = setUp();
    const dispatch = await say("bot: hi");
    session.takeSent();
    await dispatch?.delivery.deliver({ text: "hello" }, {});
    const [answer = ""] = session.takeSent();
    expect(answer).not.toMatch(/<request|<markable/);
  });
});

describe("the reaction that says that the agent works on it", () => {
  const adopt: RoadInOptions["dispatch"] = async ({ replyOptions }) =>
    await replyOptions.turnAdoptionLifecycle.onAdopted();
  const reactionsIn = (xml: readonly string[]) =>
    xml
      .filter((stanza) => stanza.includes("<reactions"))
      .map((stanza) => [
        /<reactions[^>]* id="([^"]+)"/.exec(stanza)?.[1],
        /<reaction>([^<]+)/.exec(stanza)?.[1],
      ]);

  it.each<[string, object, object, [string, string][]]>([
    ["a mention, by default", {}, {}, [["rooms-id", "👀"]]],
    ["another emoji", { ackReaction: "🐙" }, {}, [["rooms-id", "🐙"]]],
    ["the host's emoji", {}, { messages: { ackReaction: "🦉" } }, [["rooms-id", "🦉"]]],
    ["none", { ackReaction: "" }, {}, []],
    ["switched off", { ackReactionScope: "off" }, {}, []],
    ["direct chats only", {}, { messages: { ackReactionScope: "direct" } }, []],
  ])("in a room: %s", async (_, keys, cfg, expected) => {
    const { say, session } = setUp({ keys, cfg, dispatch: adopt });
    session.takeSent();
    await say("bot: hi", { inside: STANZA_ID });
    const all: unknown[] = [];
    await expect.poll(() => (all.push(...reactionsIn(session.takeSent())), all)).toEqual(expected);
  });

  it("is not on what nobody could tell by its id", async () => {
    const { say, session } = setUp({ dispatch: adopt, features: [] });
    session.takeSent();
    await say("bot: hi");
    expect(reactionsIn(session.takeSent())).toEqual([]);
  });

  it("goes when the turn is over, where the operator wants that", async () => {
    const { say, session } = setUp({
      dispatch: adopt,
      keys: { removeAckAfterReply: true },
    });
    session.takeSent();
    await say("bot: hi", { inside: STANZA_ID });
    const all: unknown[] = [];
    await expect
      .poll(() => (all.push(...reactionsIn(session.takeSent())), all))
      .toEqual([
        ["rooms-id", "👀"],
        ["rooms-id", undefined],
      ]);
  });
});

describe("answers to an approval", () => {
  const action = { type: "approval", approvalId: "1a", approvalKind: "exec", decision: "deny" };
  const payload = {
    text: "May I?",
    channelData: { execApproval: { approvalId: "1a", approvalSlug: "1a" } },
    presentation: { blocks: [{ type: "buttons", buttons: [{ label: "Deny", action }] }] },
  };
  it.each([
    ["by what a tool of the host shows", "tool", 1],
    ["by no words of the agent", "block", 0],
  ] as const)("are offered %s", async (_, kind, expected) => {
    const { session, dispatches, receiver } = createOpenRoadIn({});
    await session.receive(message("alice@example/x", body("go on")));
    await receiver.idle();
    session.takeSent();
    await dispatches.at(-1)?.delivery.deliver(payload, { kind });
    const said = session
      .takeSent()
      .map((xml) => parse(xml))
      .find((stanza) => stanza.getChildText("body"));
    expect(said?.getChildText("body")).toContain("May I?");
    expect(said?.getChildren("response")).toHaveLength(expected);
  });
});
