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
import { type MucService, createMucService } from "../support/muc-service.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import {
  type RoomFacts,
  isJoined,
  roomsOf,
  untilForgotten,
  untilRoom,
} from "../support/gateway-rooms.ts";
import { askRoom, expectIgnored, say, untilSeen } from "../support/room-talk.ts";
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
  wrong: "not-the-password-of-the-room",
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
    await prosody.register(user, user);
  }
  await ejabberd.register("ej", "ej");
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
      password: user,
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
    password: user,
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
  writeFileSync("/tmp/gw.log", gateway.log()); // DEBUG
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

/** Waits for a line that the Gateway writes after now about an invitation. */
async function invitationLine(account: string, room: string, invite: () => Promise<void>) {
  const before = gateway.log().length;
  await invite();
  const line = () =>
    gateway
      .log()
      .slice(before)
      .split("\n")
      .find((text) => text.includes(`[${account}]`) && text.includes(`to room ${room}`)) ??
    gateway
      .log()
      .slice(before)
      .split("\n")
      .find((text) => text.includes(`[${account}]`) && text.includes(`invitation to ${room}`));
  return await waitFor(line, {
    what: `a line about ${room}`,
    evidence: () => gateway.log().slice(before),
  });
}

/** Whether the account knows of the room at all. */
const isWanted = async (account: string, room: string) =>
  (await roomsOf(gateway, account)).some((facts) => facts.room === room);

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
    const lair = fake.room("lair");
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
    const { code, stdout } = await cli("xmpp", "rooms");
    expect(code).toBe(0);
    const line = (name: string) => stdout.split("\n").find((text) => text.includes(at(name)));
    expect(line("vault")).toMatch(/state=joined nick=Keeper/);
    expect(line("dangling")).toMatch(/state=refused .*env:ROOM_NOT_SET/);
    const { rooms } = json((await cli("xmpp", "rooms", "--account", "ej", "--json")).stdout) as {
      rooms: RoomFacts[];
    };
    expect(rooms.map(({ room, state }) => `${room} ${state}`)).toEqual([
      `${at("dangling")} refused`,
      `${at("env")} joined`,
      `${at("file")} joined`,
      `${at("locked")} refused`,
      `${at("plain")} joined`,
      `${at("vault")} joined`,
    ]);
  });

  test("what is missing: channels status", async () => {
    const { stdout } = await cli("channels", "status");
    for (const account of ["main", "ej"]) {
      const warning = stdout.split("\n").find((text) => text.includes(`xmpp ${account}: not in 2`));
      expect(warning).toMatch(/dangling@\S+ \(refused: .*ROOM_NOT_SET.*locked@\S+ \(refused: /);
    }
    const status = json((await cli("channels", "status", "--json")).stdout) as {
      channelAccounts: { xmpp: { accountId: string; rooms: RoomFacts[] }[] };
    };
    const main = status.channelAccounts.xmpp.find(({ accountId }) => accountId === "main");
    expect(main?.rooms).toContainEqual({ room: at("vault"), state: "joined" });
    expect(main?.rooms).toContainEqual({
      room: at("locked"),
      state: "refused",
      reason: expect.stringMatching(/password/),
    });
  });

  test("rooms by name, and who is there: directory groups", async () => {
    const { stdout } = await cli("directory", "groups", "list", "--channel", "xmpp", "--json");
    const names = Object.fromEntries(
      (json(stdout) as { id: string; name: string }[]).map(({ id, name }) => [id, name]),
    );
    expect(names).toMatchObject({
      [at("plain")]: "The Plain Room",
      [at("party")]: "party",
      [at("locked")]: expect.stringMatching(/ \(refused: .*password/),
    });
    const members = await cli(
      ...["directory", "groups", "members", "--channel", "xmpp"],
      ...["--group-id", at("party"), "--json"],
    );
    expect(json(members.stdout)).toContainEqual(
      expect.objectContaining({ id: "alice@localhost", name: "alice" }),
    );
  });

  test("who is known, until they are forgotten: xmpp known, xmpp forget", async () => {
    const known = async () =>
      json((await cli("xmpp", "known", "--json")).stdout) as { known: { jid: string }[] };
    expect((await known()).known).toMatchObject([
      { jid: "alice@localhost", nicks: { [at("party")]: "alice" } },
    ]);
    const forget = await cli("xmpp", "forget", "alice@localhost");
    expect(forget).toMatchObject({ code: 0, stdout: "forgotten: alice@localhost\n" });
    expect(await known()).toEqual({ known: [] });
  });

  test.each([
    [["leave", at("plain")], /in the configuration/],
    [["leave", at("nowhere")], /not in room/],
    [["leave", "nonsense"], /not a bare JID/],
    [["forget", "alice@localhost"], /alice@localhost is not known/],
    [["rooms", "--account", "nobody"], /no such account/],
  ])("what is wrong, and an exit code: xmpp %j", async (args, words) => {
    const { code, text } = await cli("xmpp", ...args);
    expect(code).not.toBe(0);
    expect(text).toMatch(words);
  });

  test("the rooms of the configuration, without any password: config get", async () => {
    const { stdout } = await cli("config", "get", "channels.xmpp", "--json");
    const { accounts } = json(stdout) as { accounts: { main: { rooms: unknown[] } } };
    expect(accounts.main.rooms[0]).toBe(at("plain"));
    expect(accounts.main.rooms[1]).toMatchObject({ jid: at("vault"), nick: "Keeper" });
    for (const password of Object.values(PASSWORDS)) expect(stdout).not.toContain(password);
  });
});

describe("a restart of the Gateway", () => {
  test("shows the configured rooms while it is down", async () => {
    await gateway.halt();
    const { stdout } = await cli("directory", "groups", "list", "--channel", "xmpp", "--json");
    const ids = (json(stdout) as { id: string }[]).map(({ id }) => id);
    expect(ids.toSorted()).toEqual(["dangling", "env", "file", "locked", "plain", "vault"].map(at));
    expect(await cli("xmpp", "rooms")).toMatchObject({ code: 1 });
  });

  test("keeps the rooms of invitations, their passwords and whom we answer there", async () => {
    await gateway.resume();
    await until("main", "party", isJoined);
    for (const name of ["salon", "court"]) expect(await isWanted("main", at(name))).toBe(false);
    const marker = (text: string) => askRoom(alice, at("party"), `bot: ${text}`);
    await expectIgnored(mallory, at("party"), "bot: and now?", marker);
  });
});
