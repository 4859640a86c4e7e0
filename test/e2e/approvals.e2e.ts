/**
 * Approvals over XMPP: a command that the agent wants to run waits for somebody who may allow it. slixmpp is the
 * approver, somebody who may talk to the agent and approves nothing, and both of them in a room.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { parse } from "ltx";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createTempDir } from "../support/at-exit.ts";
import { bodiesFrom } from "../support/conversation.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { UNHURRIED } from "../support/limits.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { passwordFor } from "../support/secrets.ts";
import { startSlixmppUser, type SlixmppClient, type StanzaEvent } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "handy@localhost";
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
/** The approver. */
let alice: SlixmppClient;
/** May talk to the agent, and no more. */
let bob: SlixmppClient;
/** The agent's place in a room where everybody sees everybody's JID. */
let club: string;
let folder: string;

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  const password = passwordFor(BOT);
  await prosody.register("handy", password);
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
      channels: {
        xmpp: {
          jid: BOT,
          password,
          nick: "bot",
          server: `127.0.0.1:${prosody.ports.c2s}`,
          tls: { caFile: prosody.caFile },
          limits: UNHURRIED,
          ackReaction: "",
          dmPolicy: "allowlist",
          allowFrom: ["alice@localhost", "bob@localhost"],
          groupPolicy: "allowlist",
          groupAllowFrom: ["alice@localhost", "bob@localhost"],
          rooms: [club],
          mucRooms: { [club]: { requireMention: false } },
          execApprovals: { approvers: ["alice@localhost"], target: "both" },
        },
      },
    },
  });
  [alice, bob] = await Promise.all([
    startSlixmppUser(prosody, "alice", { corrections: true }),
    startSlixmppUser(prosody, "bob"),
  ]);
  await alice.join(club, "alice");
  await bob.join(club, "bob");
}, 180_000);
afterEach(() => model.setReply());
afterAll(async () => {
  await Promise.all([alice, bob].map(async (client) => await client?.stop()));
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

/** The agent wants to run it as soon as it is asked anything. */
function wantsToRun(command: string): void {
  let isAsked = false;
  model.setReply(({ tools, userText }) => {
    // What came of the last command is told to the agent in a turn of its own.
    if (isAsked || !userText.includes(`please: ${command}`)) return "noted";
    isAsked = true;
    return tools.includes("exec")
      ? { tool: "exec", arguments: { command } }
      : { tool: "tool_call", arguments: { id: "exec", args: { command } } };
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
async function request(asker: SlixmppClient, command: string) {
  wantsToRun(command);
  const since = new Map([alice, bob].map((who) => [who, who.stanzas.length]));
  await asker.send({ to: BOT, body: `please: ${command}` });
  const seenBy = async (who: SlixmppClient) =>
    await who.waitFor(
      (each) =>
        each.from.startsWith(BOT) &&
        responsesOf(each).length > 0 &&
        (each.body ?? "").includes(command),
      { since: since.get(who) ?? 0, timeoutMs: ANSWER_MS },
    );
  return { seenBy, since: (who: SlixmppClient) => since.get(who) ?? 0 };
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
    await reply(alice, BOT, prompt.stanzaId, "yes");
    expect(await answer).toMatchObject({ decision: "allow-once" });
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
      const args = { questions: [question] };
      return tools.includes("ask_user")
        ? { tool: "ask_user", arguments: args }
        : { tool: "tool_call", arguments: { id: "ask_user", args } };
    });
    const since = alice.stanzas.length;
    await alice.send({ to: BOT, body: "what do I get?" });
    const asked = await alice.waitFor((each) => responsesOf(each).length > 0, {
      since,
      timeoutMs: ANSWER_MS,
    });
    expect(responsesOf(asked)).toEqual([
      ["Tea", "Tea"],
      ["Coffee", "Coffee"],
    ]);
    expect(asked.body).toMatch(/1\. Tea\b[^]*2\. Coffee\b/);
    await alice.send({ to: BOT, body: said });
    await alice.waitFor(({ body }) => body === "chosen: true", { since, timeoutMs: ANSWER_MS });
  });
});
