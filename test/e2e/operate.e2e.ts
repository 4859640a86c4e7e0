/**
 * What an operator sees and steers, by the real command line: status, capabilities, resolve, logs, directory, agents
 * for everybody, presence, and where messages go by themselves. One Gateway on Prosody; people are slixmpp clients.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTempDir } from "../support/at-exit.ts";
import { ask, bodiesFrom } from "../support/conversation.ts";
import { isJoined, untilRoom } from "../support/gateway-rooms.ts";
import { type ConfigObject, type Gateway, mergeConfig, startGateway } from "../support/gateway.ts";
import { UNHURRIED } from "../support/limits.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import { ask as askRoom } from "../support/room-talk.ts";
import { passwordFor, secret } from "../support/secrets.ts";
import { type SlixmppClient, startSlixmppUser } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { type StubModel, startStubModel } from "../support/stub-model.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";

const PASSWORD = "password-of-the-locked-room";
const WRONG = secret("a wrong password of a room", "not-the-password-of-the-locked-room");
const SAID = "a secret that nobody but the agent may read";
const at = (name: string) => `${name}@conference.localhost`;

const temp = createTempDir("operate");
let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
/** Leads to the account that is limited. */
let line: TcpProxy;
/** On the lists. */
let alice: SlixmppClient;
/** On none of them. */
let mallory: SlixmppClient;

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  line = await startTcpProxy(prosody.ports.c2s);
  for (const user of ["main", "personal", "limited"]) {
    await prosody.register(user, passwordFor(user));
  }
  await prosody.room("den", { name: "The Den" });
  await prosody.room("locked", { password: PASSWORD });
  await prosody.room("garden", { name: "Garden" });
  [alice, mallory] = await Promise.all([
    startSlixmppUser(prosody, "alice"),
    startSlixmppUser(prosody, "mallory"),
  ]);
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    // The harness leaves the scheduler out elsewhere.
    env: { OPENCLAW_SKIP_CRON: "0" },
    config: {
      commands: { ownerAllowFrom: ["xmpp:alice@localhost"] },
      agents: { defaults: { heartbeat: { every: "12h", target: "xmpp", to: "alice@localhost" } } },
      session: { dmScope: "per-account-channel-peer" },
      channels: { xmpp: configuration() },
    },
  });
  await untilRoom(gateway, "main", at("den"), isJoined);
}, 180_000);

function configuration(): ConfigObject {
  const account = (user: string, more: ConfigObject) => ({
    jid: `${user}@localhost`,
    password: passwordFor(user),
    nick: "bot",
    server: `127.0.0.1:${prosody.ports.c2s}`,
    tls: { caFile: prosody.caFile },
    ...more,
  });
  return {
    defaultAccount: "main",
    limits: UNHURRIED,
    accounts: {
      main: account("main", {
        dmPolicy: "allowlist",
        allowFrom: ["alice@localhost"],
        defaultTo: "mallory@localhost",
        groupAllowFrom: ["alice@localhost"],
        rooms: [at("den"), { jid: at("locked"), password: WRONG }],
        presence: { available: "ask me", busy: "thinking", busyAfterSeconds: 1, minSeconds: 5 },
      }),
      personal: account("personal", {
        dmPolicy: "open",
        allowFrom: ["*"],
        dynamicAgentCreation: {
          enabled: true,
          workspaceTemplate: join(temp.path, "workspaces", "{agentId}"),
          agentDirTemplate: join(temp.path, "agents", "{userId}"),
          maxAgents: 2,
        },
      }),
      limited: account("limited", {
        server: `127.0.0.1:${line.port}`,
        dmPolicy: "allowlist",
        allowFrom: ["alice@localhost"],
        limits: { ...UNHURRIED, turnsPerMinute: 1 },
      }),
    },
  };
}

afterAll(async () => {
  await Promise.all([gateway?.stop(), alice?.stop(), mallory?.stop()]);
  await line?.stop();
  await Promise.all([prosody?.stop(), model?.stop()]);
  temp.remove();
});

/** A user's command line. @returns what it printed */
async function cli(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await gateway.openclaw(args);
  expect({ args, code, stderr: code === 0 ? "" : stderr }).toEqual({ args, code: 0, stderr: "" });
  return stdout;
}

/** As JSON; what stands around it is the host's. */
async function cliJson<T>(...args: string[]): Promise<T> {
  const text = await cli(...args, "--json");
  const from = text.search(/^[[{]/m);
  return JSON.parse(text.slice(from, Math.max(text.lastIndexOf("}"), text.lastIndexOf("]")) + 1));
}

/** Which session it is; another one after a restart of the account. */
async function connection(account: string): Promise<unknown> {
  const status = await gateway.call("xmpp.status", { account });
  const logins = gateway.log().match(new RegExp(`\\[${account}\\] \\S+ is online`, "g"))?.length;
  return { facts: (status as { connection: unknown }).connection, logins };
}

const logins = () => prosody.log().match(/Authenticated as main@localhost/g)?.length ?? 0;

describe("status", () => {
  const FACTS = {
    connection: "online",
    transport: "tcp",
    address: expect.stringMatching(/^127\.0\.0\.1:\d+$/),
    tls: expect.stringMatching(/^TLSv1\.3 TLS_/),
    mechanism: expect.stringMatching(/^SCRAM-SHA-/),
    stream: "fresh",
    archive: true,
    upload: { service: expect.stringContaining("localhost") },
    queue: { waiting: 0 },
  };

  type Status = Record<string, unknown> & { accountId: string };
  /** What the command line printed, all of it at once: each command takes its time to load. */
  let printed: { status: Status[]; text: string; capabilities: string; logs: string };
  let loginsMeanwhile: number;
  beforeAll(async () => {
    await mallory.send({ to: "main@localhost", body: SAID });
    await gateway.waitForLog(/\[main\] xmpp: drop .*mallory@localhost/);
    for (const text of ["one", "too much"]) await ask(alice, "limited@localhost", text);
    line.cut();
    const isResumed = async () => {
      const status = await gateway.call("xmpp.status", { account: "limited" });
      return (status as { connection?: { resumed: boolean } }).connection?.resumed === true;
    };
    await waitFor(isResumed, { what: "the stream to be resumed", timeoutMs: 60_000 });
    const before = logins();
    const probe = ["channels", "status", "--probe"];
    const ofMain = ["--channel", "xmpp", "--account", "main"];
    const [status, text, capabilities, logs] = await Promise.all([
      cliJson<{ channelAccounts: { xmpp: Status[] } }>(...probe),
      cli(...probe),
      cli("channels", "capabilities", ...ofMain),
      // By name the host knows an installed plugin only; this one is loaded from a path.
      cli("channels", "logs", "--channel", "all"),
    ]);
    loginsMeanwhile = logins() - before;
    printed = { status: status.channelAccounts.xmpp, text, capabilities, logs };
  }, 240_000);
  const accountOf = (id: string) => printed.status.find(({ accountId }) => accountId === id);

  test("channels status --probe --json: the live session, and no second login", async () => {
    const rooms = expect.arrayContaining([
      expect.objectContaining({ room: at("den"), state: "joined" }),
      expect.objectContaining({
        room: at("locked"),
        state: "refused",
        reason: expect.stringMatching(/password/),
      }),
    ]);
    expect(accountOf("main")).toMatchObject({ ...FACTS, rooms, refused: 1, rateLimited: 0 });
    expect(accountOf("main")).toMatchObject({
      probe: {
        ok: true,
        jid: "main@localhost/openclaw",
        latencyMs: expect.any(Number),
        ...FACTS,
        dropped: { "not-admitted": 1 },
      },
    });
    expect(loginsMeanwhile).toBe(0);
    const sessions = await prosody.shell("c2s:show()");
    expect(sessions.match(/(?<!\S)main@localhost\/\S+/g)).toEqual(["main@localhost/openclaw"]);
  });

  test("channels status: what was too much, and that a cut line was taken up again", () => {
    const counts = { refused: 0, rateLimited: 1 };
    expect(accountOf("limited")).toMatchObject({ ...FACTS, stream: "resumed", ...counts });
    expect(accountOf("limited")?.["probe"]).toMatchObject({
      ok: true,
      stream: "resumed",
      dropped: { "turns-limited": 1 },
    });
    expect(printed.text).toMatch(/limited.*SCRAM-SHA-\S+ resumed; .*limited 1.*works/);
  });

  test("channels status: a line that says how it is connected, and what is missing", () => {
    expect(printed.text).toMatch(
      /main.*mode:tcp TLSv1\.3 TLS_\S+ SCRAM-SHA-\S+ fresh; archive; upload; rooms 1\/2; queue 0; refused 1.*works/,
    );
    expect(printed.text).toMatch(/not in 1 of 2 rooms: locked@\S+ \(refused: /);
  });

  test("channels capabilities: asked of the Gateway from another process", () => {
    for (const fact of [
      /Probe: ok \(ping \d+ ms\)/,
      /Session: main@localhost\/openclaw \(fresh\)/,
      /Connection: tcp, 127\.0\.0\.1:\d+, TLSv1\.3/,
      /Archive \(XEP-0313\): yes/,
      /Upload \(XEP-0363\): \S+, up to \d+ KiB/,
      /Queue: 0 waiting/,
      /Room den@\S+: joined/,
      /Room locked@\S+: refused \(.*password/,
    ]) {
      expect(printed.capabilities).toMatch(fact);
    }
  });

  test("channels logs: ours, without what was said and without a secret", () => {
    expect(printed.logs).toContain("main@localhost/openclaw is online");
    for (const word of [SAID, WRONG, passwordFor("main")]) expect(printed.logs).not.toContain(word);
  });
});

describe("the directory", () => {
  type Entry = { id: string; name?: string; raw?: Record<string, unknown> };
  const list = (...args: string[]) => cliJson<Entry[]>("directory", ...args, "--channel", "xmpp");
  const members = () => list("groups", "members", "--group-id", at("den"));

  test("self: the account and its session", async () => {
    const self = await cliJson<Entry>("directory", "self", "--channel", "xmpp");
    expect(self).toMatchObject({ id: "main@localhost", raw: { connection: "online" } });
  });

  test("peers list: contacts and how available they are", async () => {
    await alice.presence({ to: "main@localhost", type: "subscribe" });
    await alice.presence({ show: "away", status: "at lunch" });
    const isAway = async () => {
      const peers = await gateway.call("xmpp.directory", { account: "main", list: "peers" });
      return JSON.stringify(peers).includes("at lunch");
    };
    await waitFor(isAway, { what: "alice away", timeoutMs: 60_000 });
    const [peers, nobody] = await Promise.all([
      list("peers", "list"),
      list("peers", "list", "--query", "nobody"),
    ]);
    const entry = peers.find(({ id }) => id === "alice@localhost");
    expect(entry?.raw).toMatchObject({
      presence: "away",
      status: "at lunch",
      subscription: expect.any(String),
    });
    expect(nobody).toEqual([]);
  });

  test("groups list: ours, then what the server lists; by query and limit", async () => {
    const [groups, [only, ...others]] = await Promise.all([
      list("groups", "list"),
      list("groups", "list", "--query", "GARDEN", "--limit", "1"),
    ]);
    expect(groups.map(({ id, name }) => [id, name])).toEqual(
      expect.arrayContaining([
        [at("den"), "The Den"],
        [at("locked"), expect.stringMatching(/\(refused: .*password/)],
        [at("garden"), "Garden (not entered)"],
      ]),
    );
    expect(only?.id).toBe(at("garden"));
    expect(others).toEqual([]);
  });

  test("groups members: who is there now", async () => {
    const isThere = expect.objectContaining({ name: "alice" });
    expect(await members()).not.toContainEqual(isThere);
    await alice.join(at("den"), "alice");
    expect(await members()).toContainEqual(isThere);
    await alice.leave(at("den"), "alice");
  });

  test("channels resolve: names and addresses", async () => {
    const results = await cliJson<{ input: string; id?: string; note?: string }[]>(
      ...["channels", "resolve", "--channel", "xmpp", "The Den", "alice@localhost", "no one"],
    );
    expect(results).toEqual([
      expect.objectContaining({ input: "The Den", id: at("den"), note: "room, joined" }),
      expect.objectContaining({ input: "alice@localhost", id: "alice@localhost", note: "direct" }),
      expect.objectContaining({ input: "no one", resolved: false }),
    ]);
  });
});

/** What she is shown of the account, from a position on: show, and text. */
function shownTo(person: SlixmppClient, since = 0): string[] {
  return person.stanzas
    .slice(since)
    .filter(({ event, from }) => event === "presence" && from.startsWith("main@localhost/"))
    .map(({ type, xml }) => {
      const show = /<show>(.*?)<\/show>/.exec(xml)?.[1] ?? (type || "online");
      return `${show} ${/<status>(.*?)<\/status>/.exec(xml)?.[1] ?? ""}`.trim();
    });
}

describe("presence", () => {
  test("is busy while the agent works for long, and available after that", async () => {
    const isShown = (since: number, text: string) =>
      waitFor(() => shownTo(alice, since).includes(text), {
        what: `"${text}"`,
        timeoutMs: 90_000,
        evidence: () => JSON.stringify(shownTo(alice)),
      });
    await isShown(0, "online ask me");
    const work = Promise.withResolvers<string>();
    const since = alice.stanzas.length;
    model.setReply(() => work.promise);
    try {
      await alice.send({ to: "main@localhost", body: "think hard" });
      await isShown(since, "dnd thinking");
      work.resolve("thought");
      await isShown(since, "online ask me");
    } finally {
      work.resolve("thought");
      model.setReply();
    }
    expect(shownTo(alice, since)).toEqual(["dnd thinking", "online ask me"]);
  });

  test("says nothing of short turns", async () => {
    const since = alice.stanzas.length;
    for (const text of ["one", "two", "three", "four"]) await ask(alice, "main@localhost", text);
    expect(shownTo(alice, since)).toEqual([]);
  });
});

describe("messages that nobody asked for", () => {
  const heard = async (since: number, text: string) =>
    await alice.waitFor(({ body }) => body?.includes(text) === true, { since, timeoutMs: 60_000 });

  test("a cron job tells a person, a room, and where it names nobody whom defaultTo says", async () => {
    await alice.join(at("den"), "alice");
    model.setReply(() => "the daily news");
    const since = [alice, mallory].map((person) => person.stanzas.length);
    const job = ["cron", "add", "--cron", "0 7 * * *", "--session", "isolated", "--announce"];
    const say = [...job, "--message", "Say the news", "--channel", "xmpp", "--account", "main"];
    const jobs = [
      ["--name", "news", "--to", "alice@localhost"],
      ["--name", "room", "--to", at("den")],
      ["--name", "default"],
    ];
    const added = await Promise.all(
      jobs.map(async (more) => await cliJson<{ id: string }>(...say, ...more)),
    );
    await Promise.all(added.map(async ({ id }) => await cli("cron", "run", id)));
    const told = async (person: SlixmppClient, by: string) =>
      await person.waitFor(({ body, from }) => body === "the daily news" && from === by, {
        since: since[person === alice ? 0 : 1] ?? 0,
        timeoutMs: 60_000,
      });
    expect((await told(alice, "main@localhost/openclaw")).type).toBe("chat");
    expect((await told(alice, `${at("den")}/bot`)).type).toBe("groupchat");
    expect((await told(mallory, "main@localhost/openclaw")).type).toBe("chat");
    model.setReply();
  });

  test("a heartbeat reaches whom it is for", async () => {
    model.setReply(() => "your heart beats");
    const since = alice.stanzas.length;
    await cli("system", "event", "--text", "Check on Alice", "--mode", "now");
    const { from } = await heard(since, "your heart beats");
    expect(from).toBe("main@localhost/openclaw");
    model.setReply();
  });

  test("message send, to a person and to a room; nowhere without a target", async () => {
    const since = alice.stanzas.length;
    const send = ["message", "send", "--channel", "xmpp"];
    const [, , untold] = await Promise.all([
      cli(...send, "--target", "alice@localhost", "--message", "to you"),
      cli(...send, "--target", at("den"), "--message", "to all"),
      // The host asks for a target here, whatever defaultTo says.
      gateway.openclaw([...send, "--message", "to whom?"]),
    ]);
    expect(untold).toMatchObject({ code: 1, stderr: expect.stringContaining("target") });
    await heard(since, "to you");
    expect((await heard(since, "to all")).from).toBe(`${at("den")}/bot`);
  });
});

describe("a change of the configuration", () => {
  /** What stands on the account's server under its nick (XEP-0172). */
  const nickOf = async (asker: SlixmppClient) => {
    const items = '<items node="http://jabber.org/protocol/nick"/>';
    const query = `<pubsub xmlns="http://jabber.org/protocol/pubsub">${items}</pubsub>`;
    return (await asker.iq("main@localhost", "get", query)).xml;
  };
  const queueSize = async () => {
    const queue = await gateway.call("xmpp.queue", { account: "main" });
    return (queue as { limits: { conversation: number } }).limits.conversation;
  };

  test("of people, levels, texts, limits and the profile applies on the stream that is there", async () => {
    const before = await connection("main");
    const config = gateway.readConfig();
    const edit = (main: ConfigObject) =>
      gateway.writeConfig(mergeConfig(config, { channels: { xmpp: { accounts: { main } } } }));
    const since = alice.stanzas.length;
    edit({
      allowFrom: ["alice@localhost", "mallory@localhost"],
      logLevel: "debug",
      presence: { available: "ask us" },
      profile: { publish: true, name: "Puck" },
      catchUp: { maxMessages: 7 },
      limits: { ...UNHURRIED, queueSize: 7 },
    });
    await waitFor(async () => (await nickOf(alice)).includes("Puck"), { what: "the profile" });
    await waitFor(async () => (await queueSize()) === 7, { what: "the new limit" });
    await waitFor(() => shownTo(alice, since).includes("online ask us"), { what: "the new text" });
    expect((await ask(mallory, "main@localhost", "and I?")).body).toBe("echo: and I?");
    expect(await connection("main")).toEqual(before);
    gateway.writeConfig(config);
    await waitFor(async () => (await queueSize()) !== 7, { what: "the old limit" });
    await waitFor(() => shownTo(alice, since).includes("online ask me"), {
      what: "the old text",
      timeoutMs: 90_000,
    });
    expect(await connection("main")).toEqual(before);
  });
});

describe("the log", () => {
  test("has a line for each decision, with what decided it and where it is set", async () => {
    await mallory.join(at("den"), "mallory");
    await mallory.send({ to: at("den"), type: "groupchat", body: `bot: ${SAID}` });
    const logged = await gateway.waitForLog(/\[main\] xmpp: drop sender not in groupAllowFrom.*/);
    expect(logged).toContain(`target=${at("den")}`);
    expect(logged).toMatch(/see channels\.xmpp\.groupPolicy.*docs\/access-control\.md/);
    expect(gateway.log()).toMatch(/drop sender not in allowFrom.*target=mallory@localhost/);
    expect(gateway.log()).not.toContain(SAID);
  });
});

describe("an agent for everybody (dynamicAgentCreation)", () => {
  const BOT = "personal@localhost";
  const TEXTS = ["first", "second", "third"];
  const agents = () => {
    const { entries = {} } = gateway.readConfig()["agents"] as { entries?: object };
    return Object.entries(entries as Record<string, { workspace: string }>);
  };

  test("is made with the first message, of which none is lost or doubled", async () => {
    const before = await connection("personal");
    const people = [alice, mallory];
    const since = people.map((person) => person.stanzas.length);
    await Promise.all(
      people.flatMap((person) => TEXTS.map((body) => person.send({ to: BOT, body }))),
    );
    const wanted = TEXTS.map((text) => `echo: ${text}`);
    for (const [index, person] of people.entries()) {
      await person.waitFor(({ body }) => body === "echo: third", {
        since: since[index] ?? 0,
        timeoutMs: 60_000,
      });
      expect((await ask(person, BOT, "and on")).body).toBe("echo: and on");
      expect(bodiesFrom(person, BOT, since[index])).toEqual([...wanted, "echo: and on"]);
    }
    expect(await connection("personal")).toEqual(before);
    const made = agents().filter(([id]) => id.startsWith("xmpp-"));
    expect(made.map(([id]) => id.replace(/-[0-9a-f]{20}$/, "")).toSorted()).toEqual([
      "xmpp-alice",
      "xmpp-mallory",
    ]);
    expect(new Set(made.map(([, { workspace }]) => workspace)).size).toBe(2);
    for (const [, { workspace }] of made) expect(existsSync(workspace)).toBe(true);
    const asked = model.requests.find(({ userText }) => userText.includes("and on"));
    expect(JSON.stringify(asked?.body)).toContain(join(temp.path, "workspaces", "xmpp-alice"));
  });

  test("is of nobody else: the other account answers with its own", async () => {
    expect((await ask(alice, "main@localhost", "who are you?")).body).toBe("echo: who are you?");
    const asked = model.requests.findLast(({ userText }) => userText.includes("who are you?"));
    expect(JSON.stringify(asked?.body)).not.toContain(join(temp.path, "workspaces"));
  });

  test("is refused beyond maxAgents, with a word to them and to the operator", async () => {
    const carol = await startSlixmppUser(prosody, "carol");
    try {
      expect((await ask(carol, BOT, SAID)).body).toMatch(/cannot take on anybody new/);
      await gateway.waitForLog(/\[personal\] dropped: there is no agent for carol@.*maxAgents/);
      expect(JSON.stringify(model.requests.map(({ body }) => body))).not.toContain(SAID);
    } finally {
      await carol.stop();
    }
  });

  test("stays theirs after a restart of the Gateway", async () => {
    const made = agents();
    await gateway.halt();
    await gateway.resume();
    expect((await ask(alice, BOT, "still there?")).body).toBe("echo: still there?");
    expect(agents()).toEqual(made);
    await untilRoom(gateway, "main", at("den"), isJoined);
    await alice.join(at("den"), "alice");
    expect((await askRoom(alice, at("den"), "bot: and here?")).body).toBe("echo: and here?");
  });
});

test("presence is away while the Gateway waits for its turns, before it goes", async () => {
  const work = Promise.withResolvers<string>();
  model.setReply(() => work.promise);
  const since = alice.stanzas.length;
  await alice.send({ to: "main@localhost", body: "take your time" });
  // The turn of before may have been long enough to be told as well.
  await waitFor(() => shownTo(alice).at(-1) === "dnd thinking", {
    what: "at work",
    timeoutMs: 45_000,
    evidence: () => JSON.stringify(shownTo(alice, since)) + gateway.log().slice(-2000),
  });
  const halted = gateway.halt("SIGTERM", 30_000);
  await waitFor(() => shownTo(alice, since).includes("away back soon"), {
    what: "away",
    timeoutMs: 90_000,
    evidence: () => JSON.stringify(shownTo(alice, since)) + gateway.log().slice(-2000),
  });
  work.resolve("done");
  await halted;
  model.setReply();
  expect(shownTo(alice, since).at(-1)).toMatch(/^unavailable/);
});
