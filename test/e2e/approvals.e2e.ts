/**
 * Approvals over XMPP: a command that the agent wants to run waits for somebody who may allow it. slixmpp is the
 * approver, somebody who may talk to the agent and approves nothing, and both of them in a room.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parse } from "ltx";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createTempDir } from "../support/at-exit.ts";
import { view } from "../support/chat-view.ts";
import { ask, bodiesFrom } from "../support/conversation.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { UNHURRIED } from "../support/limits.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { passwordFor } from "../support/secrets.ts";
import { createSpeaker } from "../support/speaker.ts";
import { startSlixmppUser, type SlixmppClient, type StanzaEvent } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { startStubModel, type ModelToolCall, type StubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "handy@localhost";
/** Asks bob, in his own chat. */
const SECOND = "second@localhost";
/** Asks where the request comes from; alice approves. */
const THIRD = "third@localhost";
const DEVICE = `${BOT}/openclaw`;
const MENU_ITEM = "openclaw/approvals";
const ANSWER_MS = 40_000;
const QUICK_RESPONSE = "urn:xmpp:tmp:quick-response";
const REPLACE = "urn:xmpp:message-correct:0";
const SID = "urn:xmpp:sid:0";
const REFUSED = "You may not answer this request: only its approvers can.";

let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
/** The approver of the first and the third. */
let alice: SlixmppClient;
/** May talk to the agent, and no more; the approver of the second. */
let bob: SlixmppClient;
/** Another approver, whose client shows how answers grow. */
let carol: SlixmppClient;
/** The agent's place in a room where everybody sees everybody's JID. */
let club: string;
let folder: string;

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  for (const user of ["handy", "second", "third"]) await prosody.register(user, passwordFor(user));
  folder = createTempDir("approvals").path;
  club = await prosody.room("club", {
    publicJids: true,
    affiliations: { "alice@localhost": "member", "bob@localhost": "member", [BOT]: "member" },
  });
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      session: { dmScope: "per-account-channel-peer" },
      tools: { exec: { host: "gateway", mode: "ask" } },
      approvals: {
        exec: {
          enabled: true,
          mode: "targets",
          sessionFilter: ["forwarded"],
          targets: [{ channel: "xmpp", to: club }],
        },
      },
      channels: {
        xmpp: {
          nick: "bot",
          server: `127.0.0.1:${prosody.ports.c2s}`,
          tls: { caFile: prosody.caFile },
          limits: UNHURRIED,
          ackReaction: "",
          dmPolicy: "allowlist",
          allowFrom: ["alice@localhost", "bob@localhost", "carol@localhost"],
          groupPolicy: "allowlist",
          groupAllowFrom: ["alice@localhost", "bob@localhost"],
          accounts: {
            default: {
              ...account("handy", ["alice@localhost", "carol@localhost"], "both"),
              mucRooms: { [club]: { requireMention: false } },
            },
            second: account("second", ["bob@localhost"], "dm"),
            third: account("third", ["alice@localhost"], "channel"),
          },
        },
      },
    },
  });
  [alice, bob, carol] = await Promise.all([
    startSlixmppUser(prosody, "alice", { corrections: true }),
    startSlixmppUser(prosody, "bob"),
    startSlixmppUser(prosody, "carol", { corrections: true }),
  ]);
  await alice.join(club, "alice");
  await bob.join(club, "bob");
  await carol.raw(`<presence to="${BOT}" type="subscribe"/>`);
  await carol.waitFor(({ event, type }) => event === "presence" && type === "subscribe");
  // The agent hears of the presence before what is said after it.
  await carol.ping();
  await ask(carol, BOT, "hello");
}, 180_000);
const account = (user: string, approvers: string[], target: string) => ({
  jid: `${user}@localhost`,
  password: passwordFor(user),
  execApprovals: { approvers, target },
});
afterEach(() => model.setReply());
afterAll(async () => {
  await Promise.all([alice, bob, carol].map(async (client) => await client?.stop()));
  await gateway?.stop();
  await model?.stop();
  await prosody?.stop();
});

let count = 0;
/** A command that leaves a file behind. */
function createCommand(): { command: string; hasRun: () => boolean } {
  const file = join(folder, `ran-${++count}`);
  return { command: `touch ${file}`, hasRun: () => existsSync(file) };
}

/** By name, or by the host's own tool for the others. */
const callOf = (tools: readonly string[], id: string, args: object): ModelToolCall =>
  tools.includes(id)
    ? { tool: id, arguments: { ...args } }
    : { tool: "tool_call", arguments: { id, args } };

/** The agent wants to run it as soon as it is asked anything. */
function wantsToRun(command: string): void {
  let isAsked = false;
  model.setReply(({ tools, userText }) => {
    // What came of the last command is told to the agent in a turn of its own.
    if (isAsked || !userText.includes(`please: ${command}`)) return "noted";
    isAsked = true;
    return callOf(tools, "exec", { command });
  });
}

const nameInRoom = ({ xml }: StanzaEvent): string =>
  String(
    parse(xml)
      .getChildren("stanza-id", SID)
      .find((each) => each.attrs["by"] === club)?.attrs["id"],
  );
const isCorrection = ({ xml }: StanzaEvent) =>
  parse(xml).getChild("replace", REPLACE) !== undefined;
const responsesOf = ({ xml }: StanzaEvent) =>
  parse(xml)
    .getChildren("response", QUICK_RESPONSE)
    .map(({ attrs }) => [attrs["label"], attrs["value"]]);

/** Somebody asks the agent for it in a direct chat. @returns the requests that the approver and the asker see */
async function request(asker: SlixmppClient, command: string, bot = BOT) {
  wantsToRun(command);
  const since = new Map([alice, bob].map((who) => [who, who.stanzas.length]));
  await asker.send({ to: bot, body: `please: ${command}` });
  const isAsked = (each: StanzaEvent) =>
    each.from.startsWith(bot) &&
    responsesOf(each).length > 0 &&
    (each.body ?? "").includes(command);
  const seenBy = async (who: SlixmppClient) =>
    await who.waitFor(isAsked, { since: since.get(who) ?? 0, timeoutMs: ANSWER_MS });
  const hasSeen = (who: SlixmppClient) => who.stanzas.slice(since.get(who)).some(isAsked);
  return { seenBy, hasSeen };
}

/** What the request has become, as the correction of it says. */
async function outcomeOf(who: SlixmppClient, prompt: StanzaEvent): Promise<string> {
  const { body = "" } = await who.waitFor(
    (each) =>
      isCorrection(each) &&
      parse(each.xml).getChild("replace", REPLACE)?.attrs["id"] === prompt.stanzaId,
    { timeoutMs: ANSWER_MS },
  );
  return body;
}

const react = async (who: SlixmppClient, to: string, id: string, sign: string, type = "chat") =>
  await who.raw(
    `<message to="${to}" type="${type}" id="r-${++count}"><reactions xmlns="urn:xmpp:reactions:0" id="${id}"><reaction>${sign}</reaction></reactions><store xmlns="urn:xmpp:hints"/></message>`,
  );
const reply = async (who: SlixmppClient, to: string, id: string, text: string, type = "chat") =>
  await who.send({
    to,
    body: text,
    type: type as "chat",
    extra: `<reply xmlns="urn:xmpp:reply:0" to="${to}" id="${id}"/>`,
  });
const approvalId = (prompt: StanzaEvent): string =>
  /\/approve (\S+) allow-once/.exec(String(responsesOf(prompt)[0]?.[1]))?.[1] ?? "";

describe("the approver, in a direct chat", () => {
  it("allows by a reaction; who asked sees what came of it and could not allow it", async () => {
    const { command, hasRun } = createCommand();
    const { seenBy } = await request(bob, command);
    const [prompt, bobs] = [await seenBy(alice), await seenBy(bob)];
    const id = approvalId(prompt);
    expect(responsesOf(prompt)[0]).toEqual(["Allow once", `/approve ${id} allow-once`]);

    const since = bob.stanzas.length;
    await react(bob, BOT, bobs.stanzaId, "👍");
    await reply(bob, BOT, bobs.stanzaId, "yes");
    await bob.waitFor(({ body }) => body === REFUSED, { since, timeoutMs: ANSWER_MS });
    await bob.send({ to: BOT, body: `/approve ${id} allow-once` });
    await waitFor(
      () => bodiesFrom(bob, BOT, since).filter((text) => text === REFUSED).length === 2,
      {
        what: "the second refusal",
      },
    );
    expect(hasRun()).toBe(false);

    await react(alice, BOT, prompt.stanzaId, "👍");
    await waitFor(hasRun, { what: "the command to run", timeoutMs: ANSWER_MS });
    expect(await outcomeOf(alice, prompt)).toContain("allowed once by alice@localhost");
    expect(await outcomeOf(bob, bobs)).toContain("allowed once by alice@localhost");

    const late = alice.stanzas.length;
    await reply(alice, BOT, prompt.stanzaId, "no");
    const told = await alice.waitForBody(BOT, { since: late, timeoutMs: ANSWER_MS });
    expect(told.body).toBe("Too late: it was allowed once by alice@localhost.");
  });

  it("denies by a reply", async () => {
    const { command, hasRun } = createCommand();
    const { seenBy } = await request(alice, command);
    const prompt = await seenBy(alice);
    await reply(alice, BOT, prompt.stanzaId, "deny");
    expect(await outcomeOf(alice, prompt)).toContain("denied by alice@localhost");
    expect(hasRun()).toBe(false);
  });

  it("allows by a button", async () => {
    const { command, hasRun } = createCommand();
    const { seenBy } = await request(alice, command);
    const prompt = await seenBy(alice);
    const [[, value = ""] = []] = responsesOf(prompt);
    await alice.send({ to: BOT, body: String(value) });
    await waitFor(hasRun, { what: "the command to run", timeoutMs: ANSWER_MS });
    expect(await outcomeOf(alice, prompt)).toContain("allowed once by alice@localhost");
  });

  it("allows by a form of the menu, which nobody else has", async () => {
    const { command, hasRun } = createCommand();
    const { seenBy } = await request(bob, command);
    const prompt = await seenBy(alice);
    const form = { request: approvalId(prompt), decision: "allow-once" };
    const nodes = async (who: SlixmppClient, at: string) =>
      (await who.commands(at)).map(({ node }) => node);
    expect(await nodes(alice, DEVICE)).toContain(MENU_ITEM);
    expect(await nodes(bob, DEVICE)).not.toContain(MENU_ITEM);
    expect(await nodes(alice, `${club}/bot`)).toEqual([]);
    expect((await bob.command(DEVICE, MENU_ITEM, form)).refused).toBe("item-not-found");
    expect((await alice.command(`${club}/bot`, MENU_ITEM, form)).refused).toBe("forbidden");
    expect(hasRun()).toBe(false);

    const done = await alice.command(DEVICE, MENU_ITEM, form);
    expect(done.offered?.["request"]).toEqual([form.request]);
    expect(done.offered?.["decision"]?.[0]).toBe("deny");
    expect(done.offered?.["decision"]).toContain("allow-once");
    expect(done.notes).toEqual([["info", "Recorded: it was allowed once by alice@localhost."]]);
    await waitFor(hasRun, { what: "the command to run", timeoutMs: ANSWER_MS });
    expect(await outcomeOf(alice, prompt)).toContain("allowed once by alice@localhost");
    const { notes } = await alice.command(DEVICE, MENU_ITEM, form);
    expect(notes).toEqual([["info", "Nothing waits for you."]]);
  });
});

it("in a room only the approver allows, by what the room calls the request", async () => {
  const { command, hasRun } = createCommand();
  wantsToRun(command);
  const since = alice.stanzas.length;
  await bob.send({ to: club, type: "groupchat", body: `please: ${command}` });
  const prompt = await alice.waitFor(
    (each) => each.from === `${club}/bot` && responsesOf(each).length > 0,
    { since, timeoutMs: ANSWER_MS },
  );
  const mark = bob.stanzas.length;
  await react(bob, club, nameInRoom(prompt), "👍", "groupchat");
  await reply(bob, club, nameInRoom(prompt), "yes", "groupchat");
  await bob.waitFor(({ body }) => body === `bob: ${REFUSED}`, {
    since: mark,
    timeoutMs: ANSWER_MS,
  });
  expect(hasRun()).toBe(false);
  await react(alice, club, nameInRoom(prompt), "👍", "groupchat");
  await waitFor(hasRun, { what: "the command to run", timeoutMs: ANSWER_MS });
  await bob.waitFor(
    (each) => isCorrection(each) && (each.body ?? "").includes("allowed once by alice@localhost"),
    { since: mark, timeoutMs: ANSWER_MS },
  );
});

describe("each account", () => {
  it("asks its own approvers: who approves for another one cannot answer, by either", async () => {
    const { command, hasRun } = createCommand();
    const { seenBy, hasSeen } = await request(alice, command, SECOND);
    const prompt = await seenBy(bob);
    const id = approvalId(prompt);
    const since = alice.stanzas.length;
    await alice.send({ to: SECOND, body: `/approve ${id} allow-once` });
    const refused = await alice.waitFor(
      ({ body, from }) => from.startsWith(SECOND) && body === REFUSED,
      { since, timeoutMs: ANSWER_MS },
    );
    expect(refused.body).toBe(REFUSED);
    await alice.send({ to: BOT, body: `/approve ${id} allow-once` });
    const { body } = await alice.waitForBody(BOT, { since, timeoutMs: ANSWER_MS });
    expect(body).toContain("❌");
    const { notes } = await alice.command(DEVICE, MENU_ITEM, { request: id, decision: "deny" });
    expect(notes).toEqual([["info", "Nothing waits for you."]]);
    // "dm": who asked is not shown it.
    expect(hasSeen(alice)).toBe(false);
    expect(hasRun()).toBe(false);
    await react(bob, SECOND, prompt.stanzaId, "👍");
    await waitFor(hasRun, { what: "the command to run", timeoutMs: ANSWER_MS });
    expect(await outcomeOf(bob, prompt)).toContain("allowed once by bob@localhost");
  });

  it('asks where the request comes from, and nowhere else, with "channel"', async () => {
    const { command, hasRun } = createCommand();
    const { seenBy, hasSeen } = await request(bob, command, THIRD);
    const prompt = await seenBy(bob);
    const since = { alice: alice.stanzas.length, bob: bob.stanzas.length };
    await reply(bob, THIRD, prompt.stanzaId, "yes");
    await bob.waitFor(({ body }) => body === REFUSED, { since: since.bob, timeoutMs: ANSWER_MS });
    expect(hasRun()).toBe(false);
    await alice.send({ to: THIRD, body: `/approve ${approvalId(prompt)} allow-once` });
    const told = await alice.waitForBody(THIRD, { since: since.alice, timeoutMs: ANSWER_MS });
    expect(told.body).toBe("Recorded: it was allowed once by alice@localhost.");
    await waitFor(hasRun, { what: "the command to run", timeoutMs: ANSWER_MS });
    expect(await outcomeOf(bob, prompt)).toContain("allowed once by alice@localhost");
    expect(hasSeen(alice)).toBe(false);
  });
});

it("within an answer that grows the request, its answer and the rest come once, in order", async () => {
  const { command, hasRun } = createCommand();
  const [before, after] = [createSpeaker(), createSpeaker()];
  let calls = 0;
  model.setReply(({ tools, userText }) => {
    if (!userText.includes("look after it")) return "noted";
    calls += 1;
    if (calls === 1) return saysThenCalls(before.speech(), callOf(tools, "exec", { command }));
    return calls === 2 ? after.speech() : "noted";
  });
  const since = carol.stanzas.length;
  const seen = async (holds: (body: string) => boolean) =>
    await carol.waitFor(
      ({ body, from }) => from.startsWith(BOT) && body !== undefined && holds(body),
      { since, timeoutMs: ANSWER_MS },
    );
  await carol.send({ to: BOT, body: "look after it" });
  before.say("Let me see");
  await seen((body) => body === "Let me see …");
  before.end();
  const prompt = await carol.waitFor((each) => responsesOf(each).length > 0, {
    since,
    timeoutMs: ANSWER_MS,
  });
  await reply(carol, BOT, prompt.stanzaId, "yes");
  await waitFor(hasRun, { what: "the command to run", timeoutMs: ANSWER_MS });
  expect(await outcomeOf(carol, prompt)).toContain("allowed once by carol@localhost");
  after.say("It is done");
  await seen((body) => body === "It is done …");
  after.say(", all of it.");
  after.end();
  await seen((body) => body === "It is done, all of it.");

  const shown = view(carol.stanzas.slice(since), BOT, { corrects: true });
  const texts = shown.map(({ text }) => text);
  expect(texts.filter((text) => text.includes("It is done, all of it."))).toHaveLength(1);
  expect(texts.filter((text) => text.includes(command))).toHaveLength(1);
  const order = bodiesFrom(carol, BOT, since);
  const at = [
    order.indexOf("Let me see …"),
    order.indexOf(prompt.body ?? ""),
    order.findIndex((body) => body.includes("allowed once by carol@localhost")),
    order.indexOf("It is done …"),
    order.indexOf("It is done, all of it."),
  ];
  expect({ order, at }).toEqual({ order, at: at.toSorted((one, other) => one - other) });
  expect(at).not.toContain(-1);
});

async function* saysThenCalls(speech: AsyncIterable<string>, call: ModelToolCall) {
  yield* speech;
  yield call;
}

describe("what comes from elsewhere", () => {
  const isAsked = (title: string) => (each: StanzaEvent) =>
    responsesOf(each).length > 0 && (each.body ?? "").includes(title);

  it("of a plugin is asked of the approver, and answered by them", async () => {
    const since = alice.stanzas.length;
    const answer = gateway.call(
      "plugin.approval.request",
      { title: "Send the report", description: "To everybody.", timeoutMs: 60_000 },
      90_000,
    );
    const prompt = await alice.waitFor(isAsked("Send the report"), { since, timeoutMs: ANSWER_MS });
    // Of the accounts that she approves for the default one asks.
    expect(prompt.from).toBe(DEVICE);
    await reply(alice, BOT, prompt.stanzaId, "yes");
    expect(await answer).toMatchObject({ decision: "allow-once" });
  });

  it("and is forwarded by the host itself is answered as what we ask is, by approvers alone", async () => {
    const since = { alice: alice.stanzas.length, bob: bob.stanzas.length };
    const answer = gateway.call(
      "exec.approval.request",
      {
        command: "id -u",
        host: "gateway",
        sessionKey: "agent:main:forwarded",
        timeoutMs: 60_000,
        turnSourceChannel: "webchat",
      },
      90_000,
    );
    const prompt = await alice.waitFor(
      ({ body, from }) => from === `${club}/bot` && (body ?? "").includes("id -u"),
      { since: since.alice, timeoutMs: ANSWER_MS },
    );
    await react(bob, club, nameInRoom(prompt), "👍", "groupchat");
    await reply(bob, club, nameInRoom(prompt), "yes", "groupchat");
    await bob.waitFor(({ body }) => body === `bob: ${REFUSED}`, {
      since: since.bob,
      timeoutMs: ANSWER_MS,
    });
    await react(alice, club, nameInRoom(prompt), "👍", "groupchat");
    expect(await answer).toMatchObject({ decision: "allow-once" });
    await bob.waitFor(
      ({ body, from }) => from === `${club}/bot` && /approval allowed once/i.test(body ?? ""),
      { since: since.bob, timeoutMs: ANSWER_MS },
    );
  });

  it("expires, which the request says; an answer is too late", async () => {
    const since = alice.stanzas.length;
    const answer = gateway.call(
      "exec.approval.request",
      { command: "uname -a", host: "gateway", timeoutMs: 6_000 },
      60_000,
    );
    const prompt = await alice.waitFor(isAsked("uname -a"), { since, timeoutMs: ANSWER_MS });
    await answer;
    expect(await outcomeOf(alice, prompt)).toContain("expired");
    const late = alice.stanzas.length;
    await reply(alice, BOT, prompt.stanzaId, "yes");
    const told = await alice.waitForBody(BOT, { since: late, timeoutMs: ANSWER_MS });
    expect(told.body).toBe("Too late: it has expired.");
  });
});

describe("questions", () => {
  it.each([
    ["by a tap", "Coffee"],
    ["by its number", "2"],
  ])("with choices are answered %s", async (_, said) => {
    const question = {
      id: "drink",
      header: "Drink",
      question: "Tea or coffee?",
      options: [{ label: "Tea" }, { label: "Coffee" }],
    };
    let isAsked = false;
    model.setReply(({ messages, tools, userText }) => {
      const result = messages.findLast(({ role }) => role === "tool")?.text ?? "";
      if (!userText.includes("what do I get?")) return "noted";
      if (isAsked) return `chosen: ${/Coffee/.test(result)}`;
      isAsked = true;
      return callOf(tools, "ask_user", { questions: [question] });
    });
    const since = carol.stanzas.length;
    await carol.send({ to: BOT, body: "what do I get?" });
    const asked = await carol.waitFor((each) => responsesOf(each).length > 0, {
      since,
      timeoutMs: ANSWER_MS,
    });
    expect(responsesOf(asked)).toEqual([
      ["Tea", "Tea"],
      ["Coffee", "Coffee"],
    ]);
    expect(asked.body).toMatch(/1\. Tea\b[^]*2\. Coffee\b/);
    await carol.send({ to: BOT, body: said });
    await carol.waitFor(({ body }) => body === "chosen: true", { since, timeoutMs: ANSWER_MS });
    expect(await outcomeOf(carol, asked)).toBe(`${asked.body}\n\nAnswered: Coffee`);
  });
});
