/**
 * `openclaw xmpp …`: every command against the Gateway's live session, with what people and the server saw of it. The
 * tests follow one another in the life of one Gateway. Each start of the command line costs seconds: what a command does
 * a second time is asked of the Gateway as the command asks it.
 */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { request } from "node:https";
import { join } from "node:path";
import { parse } from "ltx";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { askMarker, bodiesFrom, think } from "../support/conversation.ts";
import {
  createOpenClawHome,
  startGateway,
  type Gateway,
  type OpenClawHome,
} from "../support/gateway.ts";
import { isJoined, untilForgotten, untilRoom } from "../support/gateway-rooms.ts";
import type { CommandResult } from "../support/process.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { untilSeen } from "../support/room-talk.ts";
import { passwordFor } from "../support/secrets.ts";
import { startSlixmpp, startSlixmppUser, type SlixmppClient } from "../support/slixmpp.ts";
import { PACKAGE, pairingCode } from "../support/stage.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "bot@localhost";
const PASSWORD = passwordFor("bot");
const CONFERENCE = "conference.localhost";
const at = (name: string) => `${name}@${CONFERENCE}`;
const TEXT = "a file of the agent";

let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
/** Admitted by the configuration. */
let anna: SlixmppClient;
/** Another client of the agent's account. */
let other: SlixmppClient;
let workspace: string;

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  await Promise.all([
    prosody.register("bot", PASSWORD),
    prosody.register("second", passwordFor("second")),
    prosody.room("team", { name: "The Team" }),
    prosody.room("salon", { affiliations: { "anna@localhost": "owner" } }),
    prosody.room("vault", { password: "sesame of the vault" }),
  ]);
  const server = { server: `127.0.0.1:${prosody.ports.c2s}`, tls: { caFile: prosody.caFile } };
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      session: { dmScope: "per-account-channel-peer" },
      // Else the first approval restarts the channel.
      commands: { ownerAllowFrom: ["xmpp:anna@localhost"] },
      channels: {
        xmpp: {
          ...server,
          accounts: {
            default: {
              jid: BOT,
              password: PASSWORD,
              dmPolicy: "pairing",
              allowFrom: ["anna@localhost"],
              groupPolicy: "open",
              rooms: [at("team")],
            },
            second: {
              jid: "second@localhost",
              password: passwordFor("second"),
              dmPolicy: "disabled",
            },
          },
        },
      },
    },
  });
  anna = await startSlixmppUser(prosody, "anna");
  other = await startSlixmpp({
    jid: BOT,
    password: PASSWORD,
    port: prosody.ports.c2s,
    caFile: prosody.caFile,
  });
  workspace = join(gateway.directory, "workspace");
  mkdirSync(workspace, { recursive: true });
  writeFileSync(join(workspace, "notes.txt"), TEXT);
});
beforeEach(() => model.setReply());
afterAll(async () => {
  await Promise.all([anna?.stop(), other?.stop()]);
  await gateway?.stop();
  await Promise.all([prosody?.stop(), model?.stop()]);
});

/** Two at a time: more is not faster on few cores. */
async function xmpp(...commands: readonly (readonly string[])[]): Promise<CommandResult[]> {
  const results: CommandResult[] = [];
  for (let from = 0; from < commands.length; from += 2) {
    const pair = commands.slice(from, from + 2);
    const run = async (args: readonly string[]) => await gateway.openclaw(["xmpp", ...args]);
    results.push(...(await Promise.all(pair.map(run))));
  }
  return results;
}

/** What succeeded printed, without the last line end. */
async function printed(...args: readonly string[]): Promise<string> {
  const { code, stdout, stderr } = (await xmpp(args))[0] ?? {};
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return (stdout ?? "").trimEnd();
}

const json = async (...args: readonly string[]): Promise<Record<string, unknown>> =>
  JSON.parse(await printed(...args, "--json")) as Record<string, unknown>;

/** The Gateway's method behind a command, as the command calls it. */
const call = async (name: string, params: object = {}): Promise<Record<string, unknown>> =>
  (await gateway.call(`xmpp.${name}`, params)) as Record<string, unknown>;

/** Exit code 1, nothing on stdout, the reason on stderr. */
function expectRefused(result: CommandResult | undefined, why: RegExp): void {
  expect(result).toMatchObject({ code: 1, stdout: "" });
  expect(result?.stderr).toMatch(why);
}

describe("looking", () => {
  it("status, rooms, queue of an account with nothing to tell", async () => {
    const [status, wrong, rooms, queue] = await xmpp(
      ["status", "--account", "second"],
      ["status", "--account", "wrok"],
      ["rooms"],
      ["queue"],
    );
    expect(status?.stdout).toMatch(/^account: +second$/m);
    expect(status?.stdout).toMatch(/^state: +online$/m);
    expectRefused(wrong, /wrok.*no such account.*"default"/);
    expect(rooms?.stdout).toMatch(
      /^rooms: 1\n {2}room +state +nick +people +name\n {2}team@\S+ +joined +bot +1 +The Team$/m,
    );
    expect(queue?.stdout).toMatch(/^waiting: 0 of 2000, up to 100 a conversation, for up to 1 d$/m);
    expect(await call("poll", { account: "second" })).toEqual({ total: 0, messages: [] });
  });

  it("ping, disco, vcard", async () => {
    await anna.iq(
      "anna@localhost",
      "set",
      '<vCard xmlns="vcard-temp"><FN>Anna</FN><DESC>of \u009b31mus</DESC></vCard>',
    );
    const [home, service, card, none] = await xmpp(
      ["ping", "--json"],
      ["disco", CONFERENCE],
      ["vcard", "anna@localhost"],
      ["disco", "not a jid"],
    );
    expect(JSON.parse(home?.stdout ?? "")).toEqual({
      jid: "localhost",
      latencyMs: expect.any(Number),
    });
    await expect(call("ping", { jid: "nobody@localhost/x" })).rejects.toThrow(
      /service-unavailable/,
    );
    expect(service?.stdout).toContain("conference/text");
    expect(service?.stdout).toContain("http://jabber.org/protocol/muc\n");
    expect(service?.stdout).toMatch(/team@conference\.localhost +The Team/);
    expect(card?.stdout).toMatch(/^fullName: +Anna$/m);
    // What others wrote does not steer the terminal.
    expect(card?.stdout).not.toContain("\u009b");
    expectRefused(none, /jid: "not a jid" is not a JID/);
  });

  it("--help of all, and of one", async () => {
    const [all, one] = await xmpp(["--help"], ["join", "--help"]);
    for (const verb of "status msg roster nick join leave rooms invite poll queue clear known forget pairing ping disco upload vcard".split(
      " ",
    )) {
      expect(all?.stdout).toMatch(new RegExp(`^ {2}${verb}\\b`, "m"));
    }
    expect(one?.stdout).toMatch(/join \[options\] <room> \[nick\]/);
    expect(one?.stdout).toMatch(/--account <id>[\s\S]*--json/);
  });
});

describe("msg", () => {
  it("sends, and tells the id that the other sees", async () => {
    const [sent, refused] = await xmpp(
      ["msg", "anna@localhost", "two", "words"],
      ["msg", at("nowhere"), "x"],
    );
    const { stanzaId } = await anna.waitFor(({ body }) => body === "two words");
    expect(sent).toMatchObject({ code: 0, stdout: `sent: ${stanzaId}\n` });
    expectRefused(refused, /nowhere/);
  });
});

describe("nick, join, invite, leave", () => {
  it("a name is on the server, and a room is entered, where the agent listens", async () => {
    const [named, joined] = await xmpp(
      ["nick", "anna@localhost", "Anna", "the", "first"],
      ["join", at("salon"), "Claw", "--json"],
    );
    expect(named).toMatchObject({ code: 0, stdout: expect.stringContaining("Anna the first") });
    expect(JSON.parse(joined?.stdout ?? "")).toEqual({
      room: at("salon"),
      state: "joined",
      nick: "Claw",
    });
    const { xml } = await other.iq(BOT, "get", '<query xmlns="jabber:iq:roster"/>');
    const items = parse(xml).getChild("query")?.getChildren("item") ?? [];
    expect(items.find(({ attrs }) => attrs["jid"] === "anna@localhost")?.attrs).toMatchObject({
      name: "Anna the first",
    });
    await anna.join(at("salon"), "Anna");
    await anna.waitFor(({ from }) => from === `${at("salon")}/Claw`);
    // It listens there as in a room of the configuration.
    await anna.send({ to: at("salon"), type: "groupchat", body: "Claw: are you there?" });
    await anna.waitFor(
      ({ from, body }) => from === `${at("salon")}/Claw` && /are you there/.test(body ?? ""),
      { timeoutMs: 90_000 },
    );
  });

  it("both outlive the Gateway", async () => {
    await gateway.halt();
    await gateway.resume();
    expect(await untilRoom(gateway, "default", at("salon"), isJoined)).toMatchObject({
      nick: "Claw",
    });
    expect(await printed("roster")).toMatch(/^ {2}anna@localhost +Anna the first /m);
    expect(await call("nick", { jid: "anna@localhost", name: "" })).toMatchObject({ added: false });
    await waitFor(async () => !JSON.stringify(await call("roster")).includes("Anna the first"), {
      what: "the contact without a name",
    });
  });

  it("an invitation reaches whom it is for; where we are not, none does", async () => {
    expect(await printed("invite", at("salon"), "anna@localhost", "--reason", "come in")).toBe(
      `invited anna@localhost to ${at("salon")}`,
    );
    const { from } = await anna.waitFor(
      ({ xml }) => xml.includes("<invite") && xml.includes("come in"),
    );
    expect(from).toBe(at("salon"));
    const outside = { room: at("vault"), jid: "anna@localhost" };
    await expect(call("invite", outside)).rejects.toThrow(/not in room vault@/);
  });

  it("what cannot be entered is not kept", async () => {
    const secret = join(gateway.directory, "room-password");
    writeFileSync(secret, "sesame of the vault\n", { mode: 0o600 });
    expectRefused((await xmpp(["join", at("vault")]))[0], /vault@\S+ refused: .*password/);
    const person = { room: "anna@localhost" };
    await expect(call("join", person)).rejects.toThrow(/anna@localhost is no room/);
    const configured = { room: at("team"), nick: "Other" };
    await expect(call("join", configured)).rejects.toThrow(/team@\S+ is in the configuration/);
    await untilForgotten(gateway, "default", at("vault"));
    expect(await printed("join", at("vault"), "--password-file", secret)).toBe(
      `joined ${at("vault")} as bot`,
    );
  });

  it("leave takes it out for good, unless the configuration names it", async () => {
    const leave = async () => expect(await printed("leave", at("salon"))).toMatch(/^left salon@/);
    await untilSeen(anna, `${at("salon")}/Claw`, "gone", leave);
    await expect(call("leave", { room: at("team") })).rejects.toThrow(/in the configuration/);
    const kept = JSON.parse(
      readFileSync(join(gateway.stateDir, "xmpp", "default", "invited-rooms.json"), "utf8"),
    ) as object;
    expect(JSON.stringify(kept)).not.toContain(at("salon"));
  });
});

describe("poll, queue, clear", () => {
  /** The agent is at the first, and two more wait; not for longer than a minute. */
  async function twoWait() {
    const thinking = think(model);
    const since = anna.stanzas.length;
    await anna.send({ to: BOT, body: "first" });
    await thinking.asked();
    for (const body of ["second", "third"]) await anna.send({ to: BOT, body });
    await waitFor(async () => (await call("poll"))["total"] === 2, { what: "two that wait" });
    const goOn = async (last: string) => {
      thinking.answer(({ userText }) => `echo: ${userText}`);
      await anna.waitFor(({ body }) => body === `echo: ${last}`, { since, timeoutMs: 60_000 });
      model.setReply();
      const marker = await askMarker(anna, BOT);
      return bodiesFrom(anna, BOT, since).filter((body) => body !== `echo: ${marker}`);
    };
    return goOn;
  }

  it("what waits is shown with its age, and all of it is answered", async () => {
    const goOn = await twoWait();
    const [poll, queue] = await xmpp(["poll"], ["queue", "--json"]);
    expect(poll?.stdout).toMatch(
      /^waiting: 2\n {2}age +conversation +state +text\n {2}\d+ s +anna@localhost +held +second\n {2}\d+ s +anna@localhost +(?:held|queued) +third$/m,
    );
    expect(JSON.parse(queue?.stdout ?? "")).toEqual({
      waiting: 2,
      limits: { conversation: 100, account: 2_000, maxAgeMinutes: 1_440 },
      conversations: [{ conversation: "anna@localhost", waiting: 2, oldestMs: expect.any(Number) }],
    });
    expect(await goOn("third")).toEqual(["echo: first", "echo: second", "echo: third"]);
  });

  it("what is cleared is not answered, and all else is", async () => {
    model.clear();
    const goOn = await twoWait();
    const nobodys = await call("clear", { conversation: "bert@localhost" });
    expect(nobodys).toEqual({ cleared: 0, kept: 0 });
    expect(await printed("clear")).toBe("cleared: 2");
    expect(await call("poll")).toEqual({ total: 0, messages: [] });
    expect(await goOn("first")).toEqual(["echo: first"]);
    const { dropped } = await call("status");
    expect(dropped).toMatchObject({ cleared: 2 });
    expect(dropped).not.toHaveProperty("revised");
    expect(gateway.log()).toMatch(/the operator cleared 2 message\(s\).*anna@localhost/);
    expect(gateway.log()).not.toContain("third");
  });

  it("known, forget", async () => {
    expect(await printed("known")).toMatch(/^known: 1\n {2}jid +last seen.*\n {2}anna@localhost /);
    expect(await json("forget", "anna@localhost")).toEqual({ forgotten: "anna@localhost" });
    await expect(call("forget", { jid: "anna@localhost" })).rejects.toThrow(/is not known/);
  });
});

describe("pairing", () => {
  it("a denied code cannot be approved; who asked hears of it only with --notify", async () => {
    const eve = await startSlixmppUser(prosody, "eve");
    await eve.send({ to: BOT, body: "let me in" });
    const code = pairingCode((await eve.waitForBody(BOT)).body);
    const since = eve.stanzas.length;
    expect(await printed("pairing", "list")).toMatch(
      new RegExp(`^ {2}${code} +eve@localhost +\\d+ s ago +in \\d+ min$`, "m"),
    );
    expect(await call("pairing.approved")).toEqual({ approved: [] });
    expect(await printed("pairing", "deny", code.toLowerCase())).toBe(
      "denied: eve@localhost (was not told)",
    );
    const approve = await gateway.openclaw(["pairing", "approve", "xmpp", code]);
    expect(approve.code).not.toBe(0);
    await expect(call("pairing.deny", { code })).rejects.toThrow(/no pairing request/);
    const gus = await startSlixmppUser(prosody, "gus");
    await gus.send({ to: BOT, body: "let me in" });
    await gus.waitForBody(BOT);
    expect(await json("pairing", "deny", "gus@localhost", "--notify")).toEqual({
      denied: "gus@localhost",
      notified: true,
    });
    await gus.waitFor(({ body }) => /was denied/.test(body ?? ""));
    await eve.ping();
    expect(bodiesFrom(eve, BOT, since)).toEqual([]);
    await gus.stop();
    await eve.stop();
  });

  it("list --approved shows whom the host let in", async () => {
    const finn = await startSlixmppUser(prosody, "finn");
    await finn.send({ to: BOT, body: "let me in" });
    const code = pairingCode((await finn.waitForBody(BOT)).body);
    expect(await gateway.openclaw(["pairing", "approve", "xmpp", code])).toMatchObject({ code: 0 });
    expect(await printed("pairing", "list", "--approved")).toBe("approved: 1\n  finn@localhost");
    await finn.stop();
  });
});

describe("upload", () => {
  it("prints the URL of a file that the agent may send, and of no other", async () => {
    const outside = join(gateway.directory, "openclaw.json");
    const [url, refused] = await xmpp(
      ["upload", join(workspace, "notes.txt")],
      ["upload", outside],
    );
    expect(url).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^https:\S+notes\.txt\n$/),
    });
    expect(await fetched((url?.stdout ?? "").trim())).toBe(TEXT);
    expect(refused).toMatchObject({ code: 1, stdout: "" });
    expect(refused?.stderr).not.toContain("jid");
  });
});

async function fetched(url: string): Promise<string> {
  return await new Promise((resolve, reject) => {
    const asked = request(url, { ca: readFileSync(prosody.caFile) }, (response) => {
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => (text += part));
      response.on("end", () => resolve(text));
    });
    asked.on("error", reject).end();
  });
}

describe("without a Gateway", () => {
  let home: OpenClawHome;
  beforeAll(async () => {
    home = await createOpenClawHome({
      plugins: [{ kind: "path", path: PACKAGE }],
      config: { channels: { xmpp: { jid: BOT, password: "bot" } } },
    });
  });
  afterAll(() => home.remove());

  it("every kind of command fails, and says what to start", async () => {
    // One after the other: the first command of an installation writes its registry of plugins.
    for (const args of [["status", "--json"], ["msg", "anna@localhost", "hello"], ["clear"]]) {
      const result = await home.openclaw(["xmpp", ...args]);
      expectRefused(result, /Gateway not reachable[\s\S]*openclaw gateway run/);
    }
  });
});
