/** By which signs a room message speaks to the agent, and what of it the agent then gets. */
import { describe, expect, it } from "vitest";
import { body, createRoadIn, enterRoom, message } from "../../test/support/road-in.ts";
import { ROOM, item, presence } from "../../test/support/room-xml.ts";
import type { FullJid } from "../protocol/jid.ts";

const ALICE = `${ROOM}/alice`;

function setUp(cfg: object = {}) {
  const road = createRoadIn({ policy: { groupPolicy: "open", rooms: [ROOM] }, cfg });
  enterRoom(road, ["urn:xmpp:sid:0"]);
  for (const nick of ["alice", "bot two"]) road.session.receive(presence(nick, item()));
  /** What the agent gets when alice says `inside`; undefined when it is not meant. */
  const say = async (inside: string, from = ALICE) => {
    const { length } = road.turns;
    road.session.receive(message(from, inside, "groupchat"));
    await road.receiver.idle();
    return road.turns[length]?.message.bodyForAgent;
  };
  return { ...road, say };
}

const reference = (uri: string, range = "") =>
  `<reference xmlns="urn:xmpp:reference:0" type="mention" uri="${uri}" ${range}/>`;
const reply = (id: string, to = "") =>
  `<reply xmlns="urn:xmpp:reply:0" id="${id}"${to && ` to="${to}"`}/>`;
const fallback = (start: number, end: number) =>
  `<fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:reply:0"><body start="${start}" end="${end}"/></fallback>`;

describe("the nick", () => {
  it.each<[string, string | undefined]>([
    ["bot: what is new?", "what is new?"],
    ["what is new, Bot?", "what is new?"],
    ["  @bot hi ", "hi"],
    ["who is bot?", "who is bot?"],
    ["bot", "bot"],
    ["robot: hi", undefined],
    ["bot two: hi", undefined],
    ["bot-2: hi", undefined],
    ["> bot: hi", undefined],
    ["hi all", undefined],
  ])("%j: %j", async (text, got) => {
    expect(await setUp().say(body(text))).toBe(got);
  });

  it("is the one that the agent has now", async () => {
    const { session, say } = setUp();
    const renamed = `<item affiliation="member" role="participant" nick="claw"/>`;
    const codes = `<status code="303"/><status code="110"/>`;
    session.receive(presence("bot", renamed + codes, "unavailable"));
    session.receive(presence("claw", item() + `<status code="110"/>`));
    expect(await say(body("bot: hi"))).toBeUndefined();
    expect(await say(body("claw: hi"))).toBe("hi");
  });
});

describe("a reference", () => {
  const us = `xmpp:${ROOM}/bot`;
  it.each<[string, string, string | undefined]>([
    ["our occupant", body("Claw, hi") + reference(us, 'begin="0" end="4"'), "hi"],
    ["our account", body("Claw, hi") + reference("xmpp:bot@example", 'begin="0" end="4"'), "hi"],
    ["us, without a range", body("hi there") + reference(us), "hi there"],
    ["us, beyond the text", body("hi there") + reference(us, 'begin="90" end="99"'), "hi there"],
    [
      "us, behind emoji",
      body("\u{1F44B}\u{1F3FD}\u{1F916} Claw, hi") + reference(us, 'begin="4" end="8"'),
      "\u{1F44B}\u{1F3FD}\u{1F916} Claw, hi",
    ],
    [
      "us at the end, behind emoji",
      body("\u{1F44B} hi, Claw") + reference(us, 'begin="6" end="10"'),
      "\u{1F44B} hi",
    ],
    [
      "us by an @, behind emoji",
      body("\u{1F44B} hi @Claw") + reference(us, 'begin="5" end="10"'),
      "\u{1F44B} hi",
    ],
    ["us, behind blanks", body("  \n Claw, hi") + reference(us, 'begin="4" end="8"'), "hi"],
    [
      "somebody else",
      body("alice, hi") + reference(`xmpp:${ALICE}`, 'begin="0" end="5"'),
      undefined,
    ],
    [
      "somebody of our name",
      body("Claw, hi") + reference("xmpp:bot@example.evil", 'begin="0" end="4"'),
      undefined,
    ],
    ["us in another room", body("hi") + reference("xmpp:x@chat.example/bot"), undefined],
    ["the room", body("hi") + reference(`xmpp:${ROOM}`), undefined],
    ["us, as data", body("hi") + reference(us).replace('type="mention"', 'type="data"'), undefined],
  ])("to %s", async (_, inside, got) => {
    expect(await setUp().say(inside)).toBe(got);
  });
});

describe("a reply", () => {
  /** The agent said something, which the room reflected with an id of its own. */
  function withAnswer(cfg?: object) {
    const road = setUp(cfg);
    road.outbox.sent.add("ours", ROOM as string as FullJid);
    const stanzaId = `<stanza-id xmlns="urn:xmpp:sid:0" by="${ROOM}" id="rooms-id"/>`;
    const echo = message(`${ROOM}/bot`, body("an answer") + stanzaId, "groupchat");
    road.session.receive(echo.replace("<message", '<message id="ours"'));
    return road;
  }

  it.each<[string, string, boolean]>([
    ["to our message, by the room's id", reply("rooms-id"), true],
    ["to our message, by our id", reply("ours"), true],
    ["to us, with an id that we do not know", reply("before", `${ROOM}/bot`), true],
    ["to somebody else", reply("alices-id", ALICE), false],
    ["to nobody in particular", reply("alices-id"), false],
    ["to somebody of our name elsewhere", reply("x", "other@chat.example/bot"), false],
  ])("%s", async (_, inside, isMeant) => {
    const got = await withAnswer().say(body("and then?") + inside);
    expect(got).toBe(isMeant ? "and then?" : undefined);
  });

  it("with the id of a message that we sent elsewhere is none to us", async () => {
    const { outbox, say } = setUp();
    outbox.sent.add("private", "alice@example" as FullJid);
    expect(await say(body("and then?") + reply("private"))).toBeUndefined();
  });

  it.each([
    [{ channels: { xmpp: { implicitMentions: { replyToBot: false } } } }],
    [{ channels: { defaults: { implicitMentions: { replyToBot: false } } } }],
  ])("is no address with %j", async (cfg) => {
    const { say } = withAnswer(cfg);
    expect(await say(body("and then?") + reply("rooms-id"))).toBeUndefined();
    expect(await say(body("bot: and then?") + reply("rooms-id"))).toBe("and then?");
  });

  it.each<[string, string, string]>([
    ["quoted", "> bot: old\n", "I agree"],
    ["in words", "alice wrote to bot: old\n", "I agree"],
    ["behind blanks", "  \nalice wrote to bot: old\n", "I agree"],
    ["before blanks", "alice wrote to bot: old\n", "I agree  "],
    ["behind emoji", "\u{1F44B} alice wrote to bot: old\n", "I agree"],
    ["all of it", "alice wrote to bot: old\n", ""],
  ])("repeats our nick without calling us: %s", async (_, quote, text) => {
    const { length } = Array.from(quote);
    const inside = body(quote + text) + fallback(0, length) + reply("alices-id", ALICE);
    expect(await setUp().say(inside)).toBeUndefined();
  });

  it("calls us by what stands beside the quote", async () => {
    const quote = "  \nalice wrote: old\n";
    const inside = body(`${quote}bot: and you?`) + fallback(0, quote.length) + reply("x", ALICE);
    expect(await setUp().say(inside)).toBe("and you?");
  });
});

describe("the host's patterns", () => {
  const cfg = { messages: { groupChat: { mentionPatterns: ["\\bhey agent\\b"] } } };
  it("speak to the agent, and are left in the text", async () => {
    const { say } = setUp(cfg);
    expect(await say(body("Hey agent, what is new?"))).toBe("Hey agent, what is new?");
    expect(await say(body("nothing"))).toBeUndefined();
    expect(await setUp().say(body("Hey agent, what is new?"))).toBeUndefined();
  });

  it("count only where the operator lets them", async () => {
    const where = (mentionPatterns: object) =>
      setUp({ ...cfg, channels: { xmpp: { mentionPatterns } } });
    expect(await where({ mode: "deny", allowIn: [ROOM] }).say(body("hey agent"))).toBe("hey agent");
    expect(await where({ mode: "deny" }).say(body("hey agent"))).toBeUndefined();
  });

  it("do not find themselves in what a reply repeats", async () => {
    const quote = "hey agent\n";
    const inside = body(`${quote}I agree`) + fallback(0, quote.length) + reply("x", ALICE);
    expect(await setUp(cfg).say(inside)).toBeUndefined();
  });
});

it("one of the host's broadcast agents is called by its name", async () => {
  const cfg = {
    agents: { entries: { main: { default: true }, writer: { identity: { name: "writer" } } } },
    broadcast: { [`xmpp:${ROOM}`]: ["main", "writer"] },
  };
  const { say, turns } = setUp(cfg);
  expect(await say(body("hello @nobody"))).toBeUndefined();
  expect(await say(body("hello @writer"))).toBe("hello @writer");
  expect(turns[0]?.extra["GroupThread"]).toMatchObject({ mentionedAgentIds: ["writer"] });
});

it("in a direct chat everything is for the agent, and is left as it is", async () => {
  const road = createRoadIn({ policy: { dmPolicy: "open" } });
  enterRoom(road);
  for (const from of ["alice@example/a", ALICE])
    road.session.receive(message(from, body("bot: hi")));
  await road.receiver.idle();
  const got = road.turns.map(({ message: said }) => said.bodyForAgent);
  expect(got).toEqual(["bot: hi", "bot: hi"]);
});
