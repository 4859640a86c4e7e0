/**
 * Commands in chats and in a client's menu (XEP-0050), against the real Gateway and Prosody; the people are slixmpp, which
 * finds the menu and reads its forms by its own plugins.
 */
import { join } from "node:path";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { ask, askMarker, hasReachedModel, think } from "../support/conversation.ts";
import { REPOSITORY, type Gateway } from "../support/gateway.ts";
import { roomsOf, untilForgotten } from "../support/gateway-rooms.ts";
import { UNHURRIED } from "../support/limits.ts";
import { startOwnStage, type OwnStage } from "../support/own-stage.ts";
import { ask as askRoom } from "../support/room-talk.ts";
import type { SlixmppClient } from "../support/slixmpp.ts";
import { pairingCode } from "../support/stage.ts";
import type { StubModel } from "../support/stub-model.ts";

const BOT = "steward@localhost";
const DEVICE = `${BOT}/openclaw`;
const COMMANDS_A_MINUTE = 40;
const REFUSAL = /^Only the owner of this account may use \/xmpp \([^\n]*\)\.$/;
const COMMANDS = "http://jabber.org/protocol/commands";
const OWN = ["status", "rooms", "join", "leave", "invite"].map((name) => `openclaw/xmpp/${name}`);

let stage: OwnStage;
let model: StubModel;
let gateway: Gateway;
/** The owner, by the host's list. */
let alice: SlixmppClient;
/** Paired. */
let bob: SlixmppClient;
/** Named as `adminJid`. */
let boss: SlixmppClient;
let chief: SlixmppClient;
let eve: SlixmppClient;
/** In the configuration; real JIDs are shown. */
let club: string;
/** Not in it. */
let den: string;

beforeAll(async () => {
  stage = await startOwnStage(BOT, async (prosody) => {
    club = await prosody.room("club", { publicJids: true });
    den = await prosody.room("den", { publicJids: true, affiliations: { [BOT]: "admin" } });
    return {
      plugins: [join(REPOSITORY, "test/fixtures/plugins/greeter")],
      config: { commands: { ownerAllowFrom: ["xmpp:alice@localhost"] } },
      channel: {
        limits: { ...UNHURRIED, commandsPerMinute: COMMANDS_A_MINUTE },
        ackReaction: "",
        dmPolicy: "pairing",
        allowFrom: ["alice@localhost"],
        adminJid: ["boss@localhost", "chief@localhost"],
        groupPolicy: "open",
        rooms: [club],
      },
    };
  });
  ({ gateway, model } = stage);
  [alice, bob, boss, chief, eve] = await Promise.all([
    stage.person("alice"),
    stage.person("bob"),
    stage.person("boss"),
    stage.person("chief"),
    stage.person("eve"),
  ]);
  await alice.join(club, "alice");
  await eve.join(club, "eve");
  const challenge = await ask(bob, BOT, "let me in");
  const code = pairingCode(challenge.body);
  const approval = await gateway.openclaw(["pairing", "approve", "xmpp", code]);
  if (approval.code !== 0) throw new Error(`not paired: ${approval.stderr}`);
}, 150_000);
afterEach(() => model.setReply());
afterAll(async () => await stage?.stop());

const stateOf = async (room: string) =>
  (await roomsOf(gateway, "default")).find((facts) => facts.room === room)?.state;
const invitedTo = async (who: SlixmppClient, room: string, since: number) =>
  await who.waitFor(({ from, xml }) => from === room && xml.includes("<invite"), { since });

describe("/xmpp, said by the owner", () => {
  const say = async (text: string) => (await ask(alice, BOT, text)).body ?? "";

  it("tells the state, and the rooms", async () => {
    expect(await say("/xmpp status")).toMatch(
      /^Account: default\nJID: steward@localhost\/openclaw\nState: online\n.*TLS/s,
    );
    expect(await say("/xmpp rooms")).toMatch(new RegExp(`^${club} – joined – as bot, 3 present$`));
    expect(await say("/xmpp")).toContain("/xmpp join <room> [nick] – ");
  });

  it("enters a room, invites to it, and leaves it", async () => {
    expect(await say(`/xmpp join ${den} The Steward`)).toBe(`In room ${den} as The Steward.`);
    const since = eve.stanzas.length;
    expect(await say(`/xmpp invite ${den} eve@localhost come in`)).toBe(
      `Invited eve@localhost to room ${den}.`,
    );
    expect((await invitedTo(eve, den, since)).xml).toContain("come in");
    expect(await say(`/xmpp leave ${den}`)).toBe(`Left room ${den}.`);
    await untilForgotten(gateway, "default", den);
  });

  it("fails in words", async () => {
    expect(await say(`/xmpp leave ${club}`)).toMatch(/^Failed: .* is in the configuration/);
    expect(await say("/xmpp join nowhere")).toMatch(/^Failed: .* is not a bare JID/);
    expect(await say("/xmpp join eve@localhost")).toMatch(/^Failed: eve@localhost is no room/);
    expect(await say("/xmpp join")).toBe("Usage: /xmpp join <room> [nick]");
  });

  it("is answered in a room, too", async () => {
    const answer = await askRoom(alice, club, "bot: /xmpp status");
    expect(answer.body).toContain("State: online");
  });

  it("does not wait for a turn of the agent", async () => {
    const thinking = think(model);
    await alice.send({ to: BOT, body: "think about it" });
    await thinking.asked();
    expect(await say("/xmpp status")).toContain("State: online");
    const since = alice.stanzas.length;
    thinking.answer(() => "thought about it");
    await alice.waitFor(({ body }) => body === "thought about it", { since, timeoutMs: 90_000 });
  });

  it("works for whom adminJid names", async () => {
    expect((await ask(boss, BOT, "/xmpp rooms")).body).toContain(club);
  });
});

describe("/xmpp, said by anybody else", () => {
  it("is refused in one sentence to somebody paired, and does nothing", async () => {
    for (const text of ["/xmpp", "/xmpp status", `/xmpp join ${den}`, `/XMPP rooms`]) {
      expect((await ask(bob, BOT, text)).body).toMatch(REFUSAL);
    }
    expect(await stateOf(den)).toBeUndefined();
  });

  it("is refused to a stranger in a room", async () => {
    const answer = await askRoom(eve, club, `bot: /xmpp join ${den}`);
    expect(answer.body?.replace(/^eve: /, "")).toMatch(REFUSAL);
    expect(await stateOf(den)).toBeUndefined();
  });

  it("gets a stranger no more than a pairing code", async () => {
    const { body } = await ask(eve, BOT, "/xmpp status");
    expect(pairingCode(body)).not.toBe("");
    expect(body).not.toContain("online");
  });
});

describe("the menu of the owner", () => {
  const run = async (name: string, values?: Record<string, string>) =>
    await alice.command(DEVICE, `openclaw/xmpp/${name}`, values);

  it("lists what may be run there, of the account, of plugins and of the host", async () => {
    const items = await alice.commands(DEVICE);
    const nodes = items.map(({ node }) => node);
    const others = ["greet", "grumble", "shrug", "whoami", "new"];
    expect(nodes).toEqual(
      expect.arrayContaining([...OWN, ...others.map((name) => `openclaw/command/${name}`)]),
    );
    expect(items.every(({ jid, name }) => jid === DEVICE && name.length > 0)).toBe(true);
    expect(nodes).not.toContain("openclaw/command/xmpp");
  });

  it("is announced", async () => {
    const info = async (node: string) =>
      await alice.iq(
        DEVICE,
        "get",
        `<query xmlns="http://jabber.org/protocol/disco#info" node="${node}"/>`,
      );
    const { xml } = await alice.iq(
      DEVICE,
      "get",
      `<query xmlns="http://jabber.org/protocol/disco#info"/>`,
    );
    expect(xml).toContain(COMMANDS);
    expect((await info(COMMANDS)).xml).toContain('type="command-list"');
    expect((await info("openclaw/xmpp/join")).xml).toContain('type="command-node"');
  });

  it("tells the state, and the rooms", async () => {
    const status = await run("status");
    expect(status).toMatchObject({ status: "completed", values: { state: "online", jid: DEVICE } });
    const { items } = await run("rooms");
    expect(items).toEqual([{ room: club, state: "joined", details: "as bot, 3 present" }]);
  });

  it("enters a room, invites to it, and leaves it, by forms", async () => {
    const joined = await run("join", { room: den, nick: "claw" });
    expect(joined.offered).toEqual({ room: [], nick: [] });
    expect(joined.notes).toEqual([["info", `In room ${den} as claw.`]]);
    const since = eve.stanzas.length;
    const invited = await run("invite", { room: den, jid: "eve@localhost", reason: "please" });
    expect(invited.offered).toMatchObject({ room: [club, den].toSorted() });
    expect(invited.notes).toEqual([["info", `Invited eve@localhost to room ${den}.`]]);
    expect((await invitedTo(eve, den, since)).xml).toContain("please");
    const left = await run("leave", { room: den });
    expect(left.offered).toEqual({ room: [den] });
    expect(left.notes).toEqual([["info", `Left room ${den}.`]]);
    await untilForgotten(gateway, "default", den);
  });

  it("says what is wrong", async () => {
    expect(await run("join", {})).toMatchObject({
      refused: "bad-request",
      text: "Room is missing",
    });
    const failed = await run("join", { room: "eve@localhost" });
    expect(failed).toMatchObject({
      status: "completed",
      notes: [["error", "eve@localhost is no room"]],
    });
    expect(await alice.command(DEVICE, "openclaw/command/nothing")).toMatchObject({
      refused: "item-not-found",
    });
  });

  it("has commands of plugins, run as in a chat; of what fails nothing is told", async () => {
    const greeted = await alice.command(DEVICE, "openclaw/command/greet", { args: "Bob" });
    expect(greeted.offered).toEqual({ args: [] });
    expect(greeted.notes).toEqual([["info", "Hello Bob, says alice@localhost"]]);
    const failed = await alice.command(DEVICE, "openclaw/command/grumble");
    expect(failed.notes?.[0]?.[1]).toContain("Command failed");
    expect(JSON.stringify(failed)).not.toContain("secret reason");
  });

  it("has the host's own, answered by a message", async () => {
    const since = alice.stanzas.length;
    const { notes } = await alice.command(DEVICE, "openclaw/command/whoami");
    expect(notes).toEqual([["info", "The answer comes as a message."]]);
    const answer = await alice.waitForBody(BOT, { since, timeoutMs: 90_000 });
    expect(answer.body).toContain("alice@localhost");
  });
});

describe("the menu of anybody else", () => {
  const nodesOf = async (who: SlixmppClient, at = DEVICE) =>
    (await who.commands(at)).map(({ node }) => node);
  const expectNothing = async (who: SlixmppClient, at = DEVICE) => {
    for (const node of [...OWN, "openclaw/command/greet", "openclaw/command/nothing"]) {
      const { refused } = await who.command(at, node, { room: den });
      expect(["forbidden", "item-not-found"]).toContain(refused);
    }
    expect(await stateOf(den)).toBeUndefined();
  };

  it("has nothing of the account for somebody paired", async () => {
    const nodes = await nodesOf(bob);
    expect(nodes).toContain("openclaw/command/shrug");
    expect(nodes.filter((node) => /xmpp|greet|grumble|whoami|new/.test(node))).toEqual([]);
    await expectNothing(bob);
    expect((await bob.command(DEVICE, "openclaw/command/shrug")).notes).toEqual([
      ["info", "Shrug."],
    ]);
  });

  it("has nothing at all for a stranger", async () => {
    expect(await nodesOf(eve)).toEqual([]);
    await expectNothing(eve);
    expect(await eve.command(DEVICE, OWN[0] ?? "")).toEqual(
      expect.objectContaining({ refused: "forbidden" }),
    );
  });

  it("has nothing for an occupant of a room, the owner's among them", async () => {
    expect(await nodesOf(alice, `${club}/bot`)).toEqual([]);
    await expectNothing(alice, `${club}/bot`);
    expect(await nodesOf(eve, `${club}/bot`)).toEqual([]);
  });

  it("cannot be reached by what is forwarded", async () => {
    const command = `<iq xmlns="jabber:client" type="set" id="f" from="${alice.jid}" to="${DEVICE}"><command xmlns="${COMMANDS}" node="openclaw/xmpp/leave"/></iq>`;
    for (const extra of [
      `<forwarded xmlns="urn:xmpp:forward:0">${command}</forwarded>`,
      `<received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0">${command}</forwarded></received>`,
    ]) {
      const since = alice.stanzas.length;
      await bob.send({ to: DEVICE, extra });
      await askMarker(bob, BOT);
      await alice.ping();
      const got = alice.stanzas.slice(since).filter(({ from }) => from.startsWith(BOT));
      expect(got).toEqual([]);
      const { refused } = { refused: (await bob.iq(DEVICE, "set", command)).type };
      expect(refused).toBe("error");
    }
    expect(await stateOf(club)).toBe("joined");
  });
});

it("takes so many commands a minute of one person, by menu and by text together", async () => {
  for (let i = 0; i < COMMANDS_A_MINUTE; i++) {
    expect((await chief.command(DEVICE, "openclaw/xmpp/rooms")).status).toBe("completed");
  }
  const told = "Too many commands. Please wait before sending more.";
  expect((await ask(chief, BOT, "/xmpp status")).body).toBe(told);
  // slixmpp knows no such condition.
  const { xml } = await chief.iq(
    DEVICE,
    "set",
    `<command xmlns="${COMMANDS}" node="openclaw/xmpp/rooms"/>`,
  );
  expect(xml).toContain("<policy-violation");
  expect(xml).toContain(told);
  expect((await alice.command(DEVICE, "openclaw/xmpp/status")).status).toBe("completed");
});

it("none of that has reached the model, in a prompt or in what it remembers", async () => {
  await askMarker(alice, BOT);
  await askMarker(bob, BOT);
  expect(hasReachedModel(model, "/xmpp")).toBe(false);
});
