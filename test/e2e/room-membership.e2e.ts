/**
 * Which rooms an account is in: those of its configuration, of its bookmarks, and those that it was
 * invited to; and what an operator sees of it. The real Gateway with one account for each way, on
 * Prosody and one on ejabberd. The tests follow one another in the life of one Gateway.
 */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { createTempDir } from "../support/at-exit.ts";
import { type Component, connectComponent } from "../support/component.ts";
import { ask } from "../support/conversation.ts";
import { type Ejabberd, startEjabberd } from "../support/ejabberd.ts";
import { type ConfigObject, type Gateway, mergeConfig, startGateway } from "../support/gateway.ts";
import { type FakeRoom, type MucService, createMucService } from "../support/muc-service.ts";
import { UNHURRIED } from "../support/limits.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import {
  type RoomFacts,
  isJoined,
  roomsOf,
  untilForgotten,
  untilRoom,
} from "../support/gateway-rooms.ts";
import { ask as askRoom, expectIgnored, untilSeen } from "../support/room-talk.ts";
import { passwordFor, secret } from "../support/secrets.ts";
import { type SlixmppClient, startSlixmpp, startSlixmppUser } from "../support/slixmpp.ts";
import {
  bookmarksXml,
  inviteDirect,
  inviteMediated,
  kick,
  publishBookmark,
  retractBookmark,
} from "../support/slixmpp-rooms.ts";
import { PACKAGE } from "../support/stage.ts";
import { type StubModel, startStubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";
import type { XmppServer } from "../support/xmpp-server.ts";

/** A service that our server does not announce: neither as its own nor as a subdomain of its names. */
const FAKE = { domain: "rooms.fake.test", secret: "s3cret" };
const PASSWORDS = {
  plain: "open sesame of this test",
  env: "password-behind-env",
  file: "password-behind-a-file",
  wrong: secret("a wrong password", "not-the-password-of-the-room"),
  party: "password-of-the-party",
} as const;
const CONFERENCE = "conference.localhost";
const at = (name: string) => `${name}@${CONFERENCE}`;

const temp = createTempDir("membership");
let prosody: Prosody;
let ejabberd: Ejabberd;
let model: StubModel;
let gateway: Gateway;
let component: Component;
let fake: MucService;
/** The DM policy of every account admits her, and nobody else. */
let alice: SlixmppClient;
let mallory: SlixmppClient;
/** Other clients of the bots' accounts. */
let others: Record<"main" | "reader" | "syncer", SlixmppClient>;

const server = (account: string): XmppServer => (account === "ej" ? ejabberd : prosody);

beforeAll(async () => {
  [prosody, ejabberd, model] = await Promise.all([
    startProsody({ components: [FAKE] }),
    startEjabberd(),
    startStubModel(),
  ]);
  component = await connectComponent({ port: prosody.ports.component, ...FAKE });
  fake = createMucService(component);
  for (const user of ["main", "quiet", "eager", "reader", "syncer"]) {
    await prosody.register(user, passwordFor(user));
  }
  await ejabberd.register("ej", passwordFor("ej"));
  for (const on of [prosody, ejabberd]) {
    await on.room("vault", { password: PASSWORDS.plain });
    await on.room("env", { password: PASSWORDS.env });
    await on.room("file", { password: PASSWORDS.file });
    await on.room("locked", { password: PASSWORDS.plain });
    await on.room("plain", { name: "The Plain Room" });
  }
  for (const name of ["cave", "heath", "camp"]) await prosody.room(name);
  const other = async (user: string) =>
    await startSlixmpp({
      jid: `${user}@localhost`,
      password: passwordFor(user),
      port: prosody.ports.c2s,
      caFile: prosody.caFile,
    });
  const owned = { affiliations: { "alice@localhost": "owner" } } as const;
  await prosody.room("party", { password: PASSWORDS.party, ...owned });
  for (const name of ["salon", "court", "garden", "yard"]) await prosody.room(name, owned);
  const [main, reader, syncer] = await Promise.all(["main", "reader", "syncer"].map(other));
  if (!main || !reader || !syncer) throw new Error("a client is missing");
  others = { main, reader, syncer };
  for (const client of [reader, main]) {
    await publishBookmark(client, { room: at("cave"), autojoin: true, nick: "spelunker" });
    await publishBookmark(client, { room: at("camp"), autojoin: false });
  }
  [alice, mallory] = await Promise.all([
    startSlixmppUser(prosody, "alice"),
    startSlixmppUser(prosody, "mallory"),
  ]);
  const secrets = join(temp.path, "secrets.json");
  writeFileSync(secrets, JSON.stringify({ room: PASSWORDS.file }), { mode: 0o600 });
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    env: { ROOM_PASSWORD: PASSWORDS.env },
    config: {
      secrets: { providers: { files: { source: "file", path: secrets, mode: "json" } } },
      session: { dmScope: "per-account-channel-peer" },
      channels: { xmpp: configuration() },
    },
  });
}, 180_000);

function configuration(): ConfigObject {
  const account = (user: string, more: ConfigObject = {}) => ({
    jid: `${user}@localhost`,
    password: passwordFor(user),
    nick: "bot",
    server: `127.0.0.1:${server(user).ports.c2s}`,
    tls: { caFile: server(user).caFile },
    dmPolicy: "allowlist",
    allowFrom: ["alice@localhost"],
    ...more,
  });
  const ref = (source: string, provider: string, id: string) => ({ source, provider, id });
  const rooms = [
    at("plain"),
    { jid: at("vault"), nick: "Keeper", password: PASSWORDS.plain },
    { jid: at("env"), password: ref("env", "default", "ROOM_PASSWORD") },
    { jid: at("file"), password: ref("file", "files", "/room") },
    { jid: at("dangling"), password: ref("env", "default", "ROOM_NOT_SET") },
    { jid: at("locked"), password: PASSWORDS.wrong },
  ];
  return {
    defaultAccount: "main",
    limits: UNHURRIED,
    accounts: {
      main: account("main", { rooms }),
      ej: account("ej", { rooms }),
      quiet: account("quiet", { autoJoin: "off" }),
      eager: account("eager", { autoJoin: "always", groupAllowFrom: ["alice@localhost"] }),
      reader: account("reader", { bookmarks: "read" }),
      syncer: account("syncer", { bookmarks: "sync" }),
    },
  };
}

afterAll(async () => {
  const people = [alice, mallory, ...Object.values(others ?? {})];
  await Promise.all([gateway?.stop(), ...people.map((client) => client?.stop())]);
  fake?.stop();
  await component?.stop();
  await Promise.all([prosody?.stop(), ejabberd?.stop(), model?.stop()]);
  temp.remove();
});

const until = async (account: string, name: string, holds: (facts: RoomFacts) => boolean) =>
  await untilRoom(gateway, account, name.includes("@") ? name : at(name), holds);

/** A user's command line. @returns what it printed, and its exit code */
async function cli(...args: string[]) {
  const { code, stdout, stderr } = await gateway.openclaw(args);
  return { code, stdout, stderr, text: stdout + stderr };
}

/** As JSON; what stands around it is the host's. */
function json(text: string): unknown {
  const from = text.search(/^[[{]/m);
  return JSON.parse(text.slice(from, Math.max(text.lastIndexOf("}"), text.lastIndexOf("]")) + 1));
}

/** Looks into the room from within: who is there, under which nick. */
const occupants = async (account: string, name: string) =>
  await server(account).occupants(at(name));

describe.each(["main", "ej"])("the rooms of the configuration, account %s", (account) => {
  test("are entered, under a nick and with a password of their own", async () => {
    for (const name of ["plain", "vault"]) await until(account, name, isJoined);
    expect(await occupants(account, "plain")).toEqual({ bot: `${account}@localhost` });
    expect(await occupants(account, "vault")).toEqual({ Keeper: `${account}@localhost` });
  });

  test("have passwords from the environment and from a file", async () => {
    for (const name of ["env", "file"]) {
      await until(account, name, isJoined);
      expect(await occupants(account, name)).toEqual({ bot: `${account}@localhost` });
    }
  });

  test("whose secret is missing are neither entered nor created, and say which secret", async () => {
    const { reason } = await until(account, "dangling", ({ state }) => state === "refused");
    expect(reason).toContain(`channels.xmpp.accounts.${account}.rooms[4].password`);
    expect(reason).toMatch(/env:ROOM_NOT_SET/);
    expect(await occupants(account, "dangling")).toBeUndefined();
  });

  test("with a wrong password are refused, and say so", async () => {
    const { reason } = await until(account, "locked", ({ state }) => state === "refused");
    expect(reason).toMatch(/password/);
    expect(await occupants(account, "locked")).toEqual({});
  });
});

/** The rooms that the account was invited to, as they are on disk. */
function invitedRooms(account: string): Readonly<Record<string, { password?: string }>> {
  const file = join(gateway.stateDir, "xmpp", account, "invited-rooms.json");
  return existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : {};
}

/** Invites, and waits for what the log says of it. */
async function invitationLine(account: string, room: string, invite: () => Promise<void>) {
  const before = gateway.log().length;
  await invite();
  const news = () => gateway.log().slice(before);
  const isLine = (text: string) =>
    text.includes(`[${account}]`) && text.includes("invitation") && text.includes(room);
  return await waitFor(() => news().split("\n").find(isLine), {
    what: `a line about ${room}`,
    evidence: news,
  });
}

/** Whether the account knows of the room at all. */
const isWanted = async (account: string, room: string) =>
  (await roomsOf(gateway, account)).some((facts) => facts.room === room);

/** Of the unknown service; `eager` is invited to it. */
let lair: FakeRoom;

describe("an invitation", () => {
  test("by an admitted person is followed, with its password; there the inviter is answered", async () => {
    const party = at("party");
    await alice.join(party, "alice", PASSWORDS.party);
    await mallory.join(party, "mallory", PASSWORDS.party);
    await inviteDirect(alice, party, "main@localhost", { password: PASSWORDS.party });
    await until("main", "party", isJoined);
    expect((await askRoom(alice, party, "bot: hello")).body).toBe("echo: hello");
    const marker = (text: string) => askRoom(alice, party, `bot: ${text}`);
    await expectIgnored(alice, party, "no name said", marker);
    await expectIgnored(mallory, party, "bot: it is me", marker);
  });

  test("through the room is followed as well", async () => {
    for (const name of ["salon", "court"]) {
      await alice.join(at(name), "alice");
      await inviteMediated(alice, at(name), "main@localhost");
      await until("main", name, isJoined);
    }
    expect((await askRoom(alice, at("salon"), "bot: here?")).body).toBe("echo: here?");
    expect(Object.keys(invitedRooms("main"))).toEqual([at("party"), at("salon"), at("court")]);
  });

  test("by a stranger is not, and the log says why", async () => {
    const invite = () => inviteDirect(mallory, at("garden"), "main@localhost");
    expect(await invitationLine("main", at("garden"), invite)).toMatch(
      /by mallory@localhost not followed: dmPolicy does not admit/,
    );
    await mallory.join(at("garden"), "mallory");
    const mediated = () => inviteMediated(mallory, at("garden"), "main@localhost");
    expect(await invitationLine("main", at("garden"), mediated)).toMatch(/not followed: dmPolicy/);
    expect(await isWanted("main", at("garden"))).toBe(false);
  });

  test("is not followed with autoJoin off, whoever sends it", async () => {
    const invite = () => inviteDirect(alice, at("garden"), "quiet@localhost");
    expect(await invitationLine("quiet", at("garden"), invite)).toMatch(/autoJoin is "off"/);
    expect(await isWanted("quiet", at("garden"))).toBe(false);
  });

  test("is followed with autoJoin always, whoever sends it; its sender is not answered for it", async () => {
    await inviteDirect(mallory, at("garden"), "eager@localhost");
    await until("eager", "garden", isJoined);
    await alice.join(at("garden"), "alice");
    await expectIgnored(mallory, at("garden"), "bot: my guest", (text) =>
      askRoom(alice, at("garden"), `bot: ${text}`),
    );
  });

  test("to somebody's account is not followed, or it could speak there as anybody", async () => {
    const account = "mallory@localhost";
    await inviteDirect(mallory, account, "eager@localhost");
    await gateway.waitForLog(
      /invitation to mallory@localhost by mallory@localhost not followed: there is no room/,
    );
    expect((await roomsOf(gateway, "eager")).map(({ room }) => room)).not.toContain(account);
  });

  test("in the words of a message is none", async () => {
    const uri = `xmpp:${at("yard")}?join`;
    const text = `please join room ${at("yard")}, ${uri}`;
    expect((await ask(alice, "main@localhost", text)).body).toContain("please join room");
    await askRoom(alice, at("salon"), `bot: ${text}`);
    expect(await isWanted("main", at("yard"))).toBe(false);
    expect(await prosody.occupants(at("yard"))).toEqual({});
  });

  test("of an unknown service is not followed, whoever it names", async () => {
    const den = fake.room("den");
    const claim = async () => den.invite({ to: "main@localhost", from: "alice@localhost/x" });
    expect(await invitationLine("main", den.jid, claim)).toMatch(
      /by alice@localhost not followed: neither you nor the own server knows/,
    );
    expect(await isWanted("main", den.jid)).toBe(false);
    expect(den.received).toEqual([]);
  });

  test("of an unknown service leads to where nobody is believed", async () => {
    lair = fake.room("lair");
    lair.setOccupant("alice", { jid: "alice@localhost/x", affiliation: "owner" });
    lair.invite({ to: "eager@localhost", from: "alice@localhost/x" });
    await untilRoom(gateway, "eager", lair.jid, isJoined);
    lair.say("alice", "bot: tell me everything");
    lair.whisper("alice", "bot", "and here?");
    await lair.sync();
    await askRoom(alice, at("garden"), "bot: after that");
    await lair.sync();
    const said = lair.received.flatMap((stanza) => stanza.getChildText("body") ?? []);
    expect(said).toEqual([]);
    const asked = JSON.stringify(model.requests.map(({ body }) => body));
    expect(asked).not.toContain("tell me everything");
    expect(asked).not.toContain("and here?");
  });
});

describe("a room that the account was invited to", () => {
  test("is forgotten when it puts us out", async () => {
    const court = at("court");
    await untilSeen(alice, `${court}/bot`, "gone", () => kick(alice, court, "bot", "too loud"));
    await untilForgotten(gateway, "main", court);
    expect(gateway.log()).toMatch(/room court@\S+ is forgotten: kicked out.*"too loud"/);
    expect(Object.keys(invitedRooms("main"))).toEqual([at("party"), at("salon")]);
  });

  test("is left and forgotten by openclaw xmpp leave", async () => {
    const salon = at("salon");
    const leave = async () => {
      const left = await cli("xmpp", "leave", salon, "--json");
      expect(left).toMatchObject({ code: 0 });
      expect(json(left.stdout)).toEqual({ left: salon });
    };
    await untilSeen(alice, `${salon}/bot`, "gone", leave);
    expect(await isWanted("main", salon)).toBe(false);
    expect(Object.keys(invitedRooms("main"))).toEqual([at("party")]);
  });
});

describe("what the command line shows", () => {
  test("rooms and their states: xmpp rooms", async () => {
    const { code, stdout } = await cli("xmpp", "rooms", "--account", "ej");
    expect(code).toBe(0);
    const line = (name: string) => stdout.split("\n").find((text) => text.includes(at(name)));
    expect(line("vault")).toMatch(/ joined +Keeper/);
    expect(line("dangling")).toMatch(/ refused .*env:ROOM_NOT_SET/);
    expect(stdout).toContain("rooms: 6\n");
  });

  test("what is missing: channels status", async () => {
    const { stdout } = await cli("channels", "status");
    for (const account of ["main", "ej"]) {
      const warning = stdout.split("\n").find((text) => text.includes(`xmpp ${account}: not in 2`));
      expect(warning).toMatch(/dangling@\S+ \(refused: .*ROOM_NOT_SET.*locked@\S+ \(refused: /);
    }
    const status = await gateway.accounts("xmpp");
    const main = status.find(({ accountId }) => accountId === "main");
    expect(main).toMatchObject({ connection: "online", archive: true });
    expect(main?.["rooms"]).toContainEqual({ room: at("vault"), state: "joined", archive: true });
    const locked = {
      room: at("locked"),
      state: "refused",
      reason: expect.stringMatching(/password/),
    };
    expect(main?.["rooms"]).toContainEqual(expect.objectContaining(locked));
  });

  test("rooms by name, and who is there: directory groups", async () => {
    const groups = ["directory", "groups"];
    // One after the other: each may write the configuration.
    const list = await cli(...groups, "list", "--channel", "xmpp", "--json");
    const who = ["members", "--channel", "xmpp", "--group-id", at("party"), "--json"];
    const members = await cli(...groups, ...who);
    const names = Object.fromEntries(
      (json(list.stdout) as { id: string; name: string }[]).map(({ id, name }) => [id, name]),
    );
    expect(names).toMatchObject({
      [at("plain")]: "The Plain Room",
      [at("party")]: at("party"),
      [at("locked")]: expect.stringMatching(/ \(refused: .*password/),
    });
    expect(json(members.stdout)).toContainEqual(
      expect.objectContaining({ id: "alice@localhost", name: "alice" }),
    );
  });

  test("who is known, until they are forgotten: xmpp known, xmpp forget", async () => {
    const { stdout } = await cli("xmpp", "known");
    expect(stdout).toMatch(/^known: 1\n {2}jid .*nicks.*\n {2}alice@localhost .*ago .*\balice\b/);
    expect(await cli("xmpp", "forget", "alice@localhost")).toMatchObject({
      code: 0,
      stdout: "forgotten: alice@localhost\n",
    });
    expect(await gateway.call("xmpp.known")).toEqual({ known: [] });
  });

  test("what is wrong, and an exit code", async () => {
    const { code, text } = await cli("xmpp", "leave", at("plain"));
    expect(code).toBe(1);
    expect(text).toMatch(/plain@\S+ is in the configuration: take it out of rooms/);
    expect(await isWanted("main", at("plain"))).toBe(true);
  });

  test.each([
    ["leave", { room: at("nowhere") }, /not in room/],
    ["leave", { room: "nonsense" }, /not a bare JID/],
    ["occupants", { room: at("locked") }, /not in room/],
    ["forget", { jid: "alice@localhost" }, /alice@localhost is not known/],
    ["rooms", { account: "nobody" }, /no such account/],
  ])("what is wrong with %s %j", async (method, params, words) => {
    await expect(gateway.call(`xmpp.${method}`, params)).rejects.toThrow(words);
  });

  test("the rooms of the configuration, without any password: config get", async () => {
    const { stdout } = await cli("config", "get", "channels.xmpp", "--json");
    const { accounts } = json(stdout) as { accounts: { main: { rooms: unknown[] } } };
    expect(accounts.main.rooms[0]).toBe(at("plain"));
    expect(accounts.main.rooms[1]).toMatchObject({ jid: at("vault"), nick: "Keeper" });
    for (const password of Object.values(PASSWORDS)) expect(stdout).not.toContain(password);
  });

  test("a message is sent in spite of one room's missing secret, and the audit names it", async () => {
    const since = alice.stanzas.length;
    const message = ["--target", "alice@localhost", "--message", "from the command line"];
    const [sent, audit] = await Promise.all([
      cli("message", "send", "--channel", "xmpp", ...message),
      cli("secrets", "audit"),
    ]);
    expect(sent).toMatchObject({ code: 0 });
    await alice.waitFor(({ body }) => body === "from the command line", { since });
    expect(audit.text).toContain("channels.xmpp.accounts.main.rooms[4].password");
  });
});

const bookmarksOf = async (account: keyof typeof others) => await bookmarksXml(others[account]);

describe("bookmarks of the account", () => {
  test("are entered with bookmarks: read, those that say so, now and later", async () => {
    await until("reader", "cave", ({ state, nick }) => state === "joined" && nick === "spelunker");
    await publishBookmark(others.reader, { room: at("heath"), autojoin: true });
    await until("reader", "heath", isJoined);
    expect(await isWanted("reader", at("camp"))).toBe(false);
    expect(await occupants("reader", "heath")).toEqual({ bot: "reader@localhost" });
  });

  test("that are taken away take us out", async () => {
    await retractBookmark(others.reader, at("heath"));
    await untilForgotten(gateway, "reader", at("heath"));
    expect(await occupants("reader", "heath")).toEqual({});
    await publishBookmark(others.reader, { room: at("cave"), autojoin: false });
    await untilForgotten(gateway, "reader", at("cave"));
  });

  test("are left alone with bookmarks: read", async () => {
    await inviteDirect(alice, at("yard"), "reader@localhost");
    await until("reader", "yard", isJoined);
    await gateway.call("xmpp.leave", { account: "reader", room: at("yard") });
    expect(await bookmarksOf("reader")).not.toContain(at("yard"));
  });

  test("get a room that we were invited to with bookmarks: sync, until it is left", async () => {
    const party = at("party");
    await inviteDirect(alice, party, "syncer@localhost", { password: PASSWORDS.party });
    await until("syncer", "party", isJoined);
    const isBookmarked = async () => (await bookmarksOf("syncer")).includes(party);
    await waitFor(isBookmarked, { what: "the bookmark" });
    expect(await bookmarksOf("syncer")).not.toContain(PASSWORDS.party);
    await gateway.call("xmpp.leave", { account: "syncer", room: party });
    await waitFor(async () => !(await isBookmarked()), { what: "no bookmark" });
    await untilForgotten(gateway, "syncer", party);
    await expect.poll(() => invitedRooms("syncer"), { timeout: 90_000 }).toEqual({});
  });

  test("that another client takes away take us out of where we were invited, with sync", async () => {
    const yard = at("yard");
    await inviteDirect(alice, yard, "syncer@localhost");
    await until("syncer", "yard", isJoined);
    await waitFor(async () => (await bookmarksOf("syncer")).includes(yard), { what: "a bookmark" });
    await retractBookmark(others.syncer, yard);
    await untilForgotten(gateway, "syncer", yard);
    await expect.poll(() => invitedRooms("syncer"), { timeout: 90_000 }).toEqual({});
  });

  test("are neither read nor written otherwise", async () => {
    await publishBookmark(others.main, { room: at("heath"), autojoin: true });
    await ask(alice, "main@localhost", "anything else?");
    for (const name of ["cave", "heath"]) {
      expect(await isWanted("main", at(name))).toBe(false);
    }
    expect(await bookmarksOf("main")).not.toContain(at("party"));
  });
});

describe("a restart of the Gateway", () => {
  test("shows the configured rooms while it is down", async () => {
    await gateway.halt();
    const { stdout } = await cli("directory", "groups", "list", "--channel", "xmpp", "--json");
    const ids = (json(stdout) as { id: string }[]).map(({ id }) => id);
    expect(ids.toSorted()).toEqual(["dangling", "env", "file", "locked", "plain", "vault"].map(at));
  });

  test("keeps the rooms of invitations, their passwords and whom we answer there", async () => {
    lair.set({ onJoin: { refuse: "service-unavailable" } });
    await gateway.resume();
    await until("main", "party", isJoined);
    for (const name of ["salon", "court"]) expect(await isWanted("main", at(name))).toBe(false);
    const marker = (text: string) => askRoom(alice, at("party"), `bot: ${text}`);
    await expectIgnored(mallory, at("party"), "bot: and now?", marker);
  });

  test("keeps those too that are full just then", async () => {
    const { reason } = await until("eager", lair.jid, ({ state }) => state === "lost");
    expect(reason).toMatch(/full/);
    expect(Object.keys(invitedRooms("eager"))).toEqual([at("garden"), lair.jid]);
  });
});

describe("a change of the configuration", () => {
  /** What may pass between the write of the file and its effect. */
  const LIVE_MS = 2_000;
  let config: ConfigObject;
  let before: unknown;
  let ticks = 0;
  const rooms = (...more: unknown[]) => [at("plain"), { jid: at("hall"), nick: "Hall" }, ...more];

  beforeAll(async () => {
    await prosody.room("hall");
    for (const [client, nick] of [
      [alice, "alice"],
      [mallory, "mallory"],
    ] as const) {
      await client.join(at("hall"), nick);
    }
    config = gateway.readConfig();
    before = await connection();
  });

  /** Writes the file of the running Gateway. */
  function edit(main: ConfigObject): void {
    config = mergeConfig(config, { channels: { xmpp: { accounts: { main } } } });
    gateway.writeConfig(config);
  }

  /** The same, and waits until it is in effect: a room that came with it is entered. */
  async function apply(main: ConfigObject): Promise<void> {
    const tick = at(`tick-${(ticks += 1)}`);
    edit({ rooms: rooms({ jid: tick }), ...main });
    await live(tick, isJoined);
  }

  const live = async (room: string, holds: (facts: RoomFacts) => boolean) =>
    await untilRoom(gateway, "main", room, holds, LIVE_MS);

  /** Which session it is. */
  async function connection(): Promise<unknown> {
    const status = await gateway.call("xmpp.status", { account: "main" });
    const logins = gateway.log().match(/\[main\] \S+ is online/g)?.length;
    return { status: (status as { connection: unknown }).connection, logins };
  }

  const hall = (who: SlixmppClient, body: string) => askRoom(who, at("hall"), body, "Hall");

  test("enters rooms, leaves rooms, takes another nick and another password", async () => {
    edit({ rooms: rooms({ jid: at("locked"), password: PASSWORDS.plain }) });
    await live(at("hall"), isJoined);
    await live(at("locked"), isJoined);
    await untilForgotten(gateway, "main", at("vault"));
    expect(await occupants("main", "vault")).toEqual({});
    expect(await occupants("main", "hall")).toMatchObject({ Hall: "main@localhost" });
    const since = alice.stanzas.length;
    await untilSeen(alice, `${at("hall")}/Porter`, "here", async () =>
      edit({ rooms: [{ jid: at("hall"), nick: "Porter" }] }),
    );
    const renaming = alice.stanzas.slice(since).filter(({ from }) => from === `${at("hall")}/Hall`);
    expect(renaming.map(({ xml }) => xml)).toEqual([expect.stringMatching(/code=["']303["']/)]);
    await untilForgotten(gateway, "main", at("locked"));
  });

  test("decides about mentions, people and rooms anew", async () => {
    const entry = (settings: ConfigObject) => ({ mucRooms: { [at("hall")]: settings } });
    await apply(entry({ requireMention: false, users: ["alice@localhost"] }));
    const named = (text: string) => hall(alice, text);
    expect((await hall(alice, "no name said")).body).toBe("echo: no name said");
    await expectIgnored(mallory, at("hall"), "and I?", named, "Hall");
    await apply(entry({ users: ["alice@localhost", "mallory@localhost"] }));
    expect((await hall(mallory, "and now?")).body).toBe("echo: and now?");
    await apply(entry({ requireMention: true }));
    await expectIgnored(
      alice,
      at("hall"),
      "no name said",
      (t) => hall(alice, `Hall: ${t}`),
      "Hall",
    );
    await apply({ groupPolicy: "disabled" });
    const direct = (text: string) => ask(alice, "main@localhost", text);
    await expectIgnored(alice, at("hall"), "Hall: disabled?", direct, "Hall");
    await apply({ groupPolicy: "open" });
    expect((await hall(alice, "Hall: open?")).body).toBe("echo: open?");
  });

  test("that names no room lets nobody in until it is mended, and says so", async () => {
    edit({ rooms: rooms("nonsense") });
    await gateway.waitForLog(
      /\[main\] nobody is answered until this is right: .*main\.rooms: "nonsense" is not a room/,
    );
    await live(at("hall"), isJoined);
    // Another account answers meanwhile.
    await expectIgnored(
      alice,
      at("hall"),
      "Hall: are you there?",
      (text) => askRoom(alice, at("garden"), `bot: ${text}`),
      "Hall",
    );
    await apply({});
    expect((await hall(alice, "Hall: mended?")).body).toBe("echo: mended?");
  });

  test("of all that needs no other connection", async () => {
    expect(await connection()).toEqual(before);
  });

  test("of the account's nick begins a new one", async () => {
    edit({ nick: "butler" });
    const isButler = async () => (await occupants("main", "plain"))?.["butler"];
    await waitFor(isButler, { what: "the butler", timeoutMs: 90_000, evidence: gateway.log });
    expect(await connection()).not.toEqual(before);
  });
});

test("no password of a room is in the log", () => {
  const log = gateway.log() + readFileSync(join(gateway.directory, "openclaw.log"), "utf8");
  for (const password of Object.values(PASSWORDS)) expect(log).not.toContain(password);
});
