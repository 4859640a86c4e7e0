/** What a person's client learns of its message: that it arrived, and that the agent has read it. */
import { describe, expect, it } from "vitest";
import {
  body,
  createRoadIn,
  enterRoom,
  message,
  type RoadInOptions,
} from "../../test/support/road-in.ts";
import { item, presence, ROOM } from "../../test/support/room-xml.ts";
import { STANZA_IDS } from "../protocol/xep-0359-ids.ts";
import { createAcknowledging } from "./acknowledging.ts";

const REQUEST = '<request xmlns="urn:xmpp:receipts"/>';
const MARKABLE = '<markable xmlns="urn:xmpp:chat-markers:0"/>';
const NO_STORE = '<no-store xmlns="urn:xmpp:hints"/>';
const ALICE = "alice@example/phone";

const withId = (xml: string, id: string) => xml.replace("<message ", `<message id="${id}" `);
const adopt: RoadInOptions["dispatch"] = async ({ replyOptions }) =>
  await replyOptions.turnAdoptionLifecycle.onAdopted();

function setUp(options: RoadInOptions = {}) {
  const road = createRoadIn({
    ...options,
    keys: { dmPolicy: "allowlist", allowFrom: ["alice@example"], ...options.keys },
  });
  const say = async (inside: string, { from = ALICE, type = "chat", id = "m1" } = {}) => {
    await road.session.receive(withId(message(from, inside, type), id));
    await road.receiver.idle();
    const sent = road.session.takeSent();
    return {
      receipts: sent.filter((xml) => xml.includes("<received")),
      displayed: sent.filter((xml) => xml.includes("<displayed")),
    };
  };
  return { ...road, say };
}

describe("a receipt (XEP-0184)", () => {
  it("goes to the device that asked, for its id", async () => {
    const { receipts } = await setUp().say(body("hi") + REQUEST);
    expect(receipts).toEqual([
      `<message to="${ALICE}" type="chat"><received xmlns="urn:xmpp:receipts" id="m1"/><store xmlns="urn:xmpp:hints"/></message>`,
    ]);
  });

  it.each([
    ["nobody asks", body("hi"), {}],
    ["policy says no", body("hi") + REQUEST, { from: "eve@example/x" }],
    ["it is in a room", body("hi bot") + REQUEST, { from: `${ROOM}/alice`, type: "groupchat" }],
    ["it is private in a room", body("hi") + REQUEST, { from: `${ROOM}/alice` }],
    ["there is nothing but the request", REQUEST, {}],
    ["it is an error", body("hi") + REQUEST, { type: "error" }],
  ])("is not sent where %s", async (_, inside, options) => {
    const road = setUp({ keys: { groupPolicy: "open", rooms: [ROOM] } });
    enterRoom(road);
    await road.session.receive(presence("alice", item("alice@example/x")));
    expect((await road.say(inside, options)).receipts).toEqual([]);
  });

  it("is sent once, however often the message comes", async () => {
    const { say } = setUp();
    expect((await say(body("hi") + REQUEST)).receipts).toHaveLength(1);
    expect((await say(body("hi") + REQUEST)).receipts).toEqual([]);
    expect((await say(body("hi again") + REQUEST, { id: "m2" })).receipts).toHaveLength(1);
  });

  it("is sent once where the host takes the message at its second try", async () => {
    const { say, turns } = setUp({ failures: 1 });
    const { receipts } = await say(body("hi") + REQUEST);
    await expect.poll(() => turns).toHaveLength(1);
    expect(receipts).toHaveLength(1);
  });

  it("is for each message of a turn that was made of several", async () => {
    const { session, receiver } = setUp({ cfg: { messages: { inbound: { debounceMs: 30 } } } });
    await session.receive(withId(message(ALICE, body("one") + REQUEST), "m1"));
    await session.receive(withId(message(ALICE, body("two") + REQUEST), "m2"));
    await receiver.idle();
    const receipts = () => session.takeSent().filter((xml) => xml.includes("<received"));
    let all: string[] = [];
    await expect
      .poll(() => (all = [...all, ...receipts()]).map((xml) => /id="(m\d)"/.exec(xml)?.[1]))
      .toEqual(["m1", "m2"]);
  });
});

describe("a read marker (XEP-0333)", () => {
  it("says that the agent has taken the message up, to all devices of the person", async () => {
    const { displayed } = await setUp({ dispatch: adopt }).say(body("hi") + MARKABLE);
    expect(displayed).toEqual([
      `<message to="alice@example" type="chat"><displayed xmlns="urn:xmpp:chat-markers:0" id="m1"/><store xmlns="urn:xmpp:hints"/></message>`,
    ]);
  });

  it("is kept by nobody where the message is to be kept by nobody", async () => {
    const { displayed } = await setUp({ dispatch: adopt }).say(body("hi") + MARKABLE + NO_STORE);
    expect(displayed[0]).toContain("<no-store");
  });

  it.each<[string, RoadInOptions, string, object]>([
    ["the agent has not taken it", {}, body("hi") + MARKABLE, {}],
    ["nobody asks", { dispatch: adopt }, body("hi"), {}],
    ["policy says no", { dispatch: adopt }, body("hi") + MARKABLE, { from: "eve@example/x" }],
    [
      "the operator does not want it",
      { dispatch: adopt, context: { acknowledging: createAcknowledging(() => false) } },
      body("hi") + MARKABLE,
      {},
    ],
  ])("is not sent where %s", async (_, options, inside, how) => {
    expect((await setUp(options).say(inside, how)).displayed).toEqual([]);
  });

  it.each([
    ["members only, with real JIDs", ["muc_membersonly", "muc_nonanonymous"], ["r1"]],
    ["open to everybody", ["muc_open", "muc_nonanonymous"], []],
    ["that hides who people are", ["muc_membersonly", "muc_semianonymous"], []],
  ])("in a room %s", async (_, features, expected) => {
    const road = setUp({ dispatch: adopt, keys: { groupPolicy: "open", rooms: [ROOM] } });
    enterRoom(road, [STANZA_IDS, ...features]);
    await road.session.receive(presence("alice", item("alice@example/x")));
    const inside = `${body("bot: hi")}${MARKABLE}<stanza-id xmlns="${STANZA_IDS}" by="${ROOM}" id="r1"/>`;
    const { displayed } = await road.say(inside, { from: `${ROOM}/alice`, type: "groupchat" });
    expect(displayed.map((xml) => / id="(r\d)"/.exec(xml)?.[1])).toEqual(expected);
  });
});
