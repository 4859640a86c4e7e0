/**
 * What was said while nobody was at home is answered once, in order, and by who really said it: Prosody and
 * ejabberd, with their archives, one Gateway with an account on each, people on slixmpp and profanity.
 */
import { afterAll, beforeAll, expect, test } from "vitest";
import { createArchiveReader } from "../chaos/archive-reader.ts";
import { askMarker, bodiesFrom, hasReachedModel } from "../support/conversation.ts";
import { type Ejabberd, startEjabberd } from "../support/ejabberd.ts";
import { type Gateway, startGateway } from "../support/gateway.ts";
import { UNHURRIED } from "../support/limits.ts";
import { type Profanity, startProfanity } from "../support/profanity.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import { passwordFor } from "../support/secrets.ts";
import { type SlixmppClient, startSlixmppUser } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { type ModelRequest, type StubModel, startStubModel } from "../support/stub-model.ts";

const BOT = "bot@localhost";
/** Takes two messages at most. */
const FEW = "few@localhost";
/** On ejabberd. */
const JAY = "jay@localhost";
/** After a start each account has all that was said to take up, and the Gateway to load what turns need. */
const HANDLED_MS = 90_000;
const SINCE_LONG = "said long ago";

let prosody: Prosody;
let ejabberd: Ejabberd;
let model: StubModel;
let gateway: Gateway;
let alice: SlixmppClient;
let eve: SlixmppClient;
let bob: SlixmppClient;
let petra: Profanity;
let rooms: { team: string; masks: string; unrecorded: string; den: string };

/** Everybody in Prosody's rooms, under their own names. */
async function gather(): Promise<void> {
  [alice, eve] = await Promise.all([
    startSlixmppUser(prosody, "alice"),
    startSlixmppUser(prosody, "eve"),
  ]);
  petra = await startProfanity({
    jid: "petra@localhost",
    password: "petra",
    port: prosody.ports.c2s,
  });
  await enterRooms();
}

async function enterRooms(): Promise<void> {
  for (const room of [rooms.team, rooms.masks, rooms.unrecorded]) {
    await alice.join(room, "alice");
    await eve.join(room, "eve");
  }
}

async function disperse(): Promise<void> {
  await Promise.all([alice?.stop(), eve?.stop(), petra?.stop()]);
}

const say = async (person: SlixmppClient, room: string, body: string) =>
  void (await person.send({ to: room, type: "groupchat", body }));

/** Leaves, and waits until the server knows it. */
async function leave(person: SlixmppClient, room: string, nick: string): Promise<void> {
  await person.leave(room, nick);
  await person.ping();
}

/** Says something new in a room and waits for the answer: what was said there before has been handled. */
async function roomMarker(person: SlixmppClient, room: string, mention = "bot: "): Promise<void> {
  const text = `now in ${room}, ${Math.random()}`;
  await say(person, room, `${mention}${text}`);
  await person.waitFor(({ body }) => body?.includes(`echo: ${text}`) ?? false, {
    timeoutMs: HANDLED_MS,
  });
}

/** What the agent answered in a room so far, without the answers to markers. */
function answersIn(room: string, person = alice, nick = "bot"): string[] {
  return bodiesFrom(person, `${room}/${nick}`)
    .map((body) => body.slice(body.indexOf("echo: ")))
    .filter((body) => !body.startsWith("echo: now in "));
}

const answersTo = (person: SlixmppClient, bot: string) =>
  bodiesFrom(person, bot).filter((body) => !body.startsWith("echo: marker "));

const asked = (text: string) => model.requests.filter(({ userText }) => userText.includes(text));

/** When the person said it, as the model is told; ms since the epoch, in whole seconds. */
function toldTime({ context }: ModelRequest): number {
  const [, day, time] = /timestamp\W+\w+ ([\d-]+) ([\d:]+) UTC/.exec(context) ?? [];
  return Date.parse(`${day}T${time}Z`);
}

/** The texts that an archive has of one author, by an independent client (slixmpp), oldest first. */
async function archivedBy(author: string, client: SlixmppClient, of?: string): Promise<string[]> {
  const messages = await createArchiveReader(client, of).read();
  // What has no text says something about another message.
  return messages
    .filter(({ body, from }) => from === author && body !== "")
    .map(({ body }) => body);
}

beforeAll(async () => {
  [prosody, ejabberd, model] = await Promise.all([
    startProsody(),
    startEjabberd(),
    startStubModel(),
  ]);
  for (const user of ["bot", "few"]) await prosody.register(user, passwordFor(user));
  await prosody.register("petra", "petra");
  await ejabberd.register("jay", passwordFor("jay"));
  rooms = {
    team: await prosody.room("team", { affiliations: { "alice@localhost": "member" } }),
    masks: await prosody.room("masks", { publicJids: false }),
    unrecorded: await prosody.room("unrecorded", { archive: false }),
    den: await ejabberd.room("den"),
  };
  bob = await startSlixmppUser(ejabberd, "bob");
  await bob.join(rooms.den, "bob");
  await gather();
  const { xml } = await alice.waitFor(
    ({ event, from }) => event === "presence" && from === `${rooms.masks}/alice`,
  );
  const aliceId = /<(?:\w+:)?occupant-id[^>]*\sid="([^"]+)"/.exec(xml)?.[1];

  for (const bot of [BOT, FEW]) await alice.send({ to: bot, body: SINCE_LONG });
  await bob.send({ to: JAY, body: SINCE_LONG });
  for (const room of [rooms.team, rooms.masks]) await say(alice, room, `bot: ${SINCE_LONG}`);
  await say(bob, rooms.den, `jay: ${SINCE_LONG}`);
  await Promise.all([alice.ping(), bob.ping()]);

  const on = (server: Prosody | Ejabberd, user: string) => ({
    jid: `${user}@localhost`,
    password: passwordFor(user),
    server: `127.0.0.1:${server.ports.c2s}`,
    tls: { caFile: server.caFile },
    limits: UNHURRIED,
    groupPolicy: "open",
  });
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      session: { dmScope: "per-account-channel-peer" },
      channels: {
        xmpp: {
          accounts: {
            bot: {
              ...on(prosody, "bot"),
              dmPolicy: "allowlist",
              allowFrom: ["alice@localhost", "petra@localhost"],
              rooms: [rooms.team, rooms.masks, rooms.unrecorded],
              mucRooms: {
                [rooms.team]: { users: ["alice@localhost"] },
                [rooms.masks]: { users: [`occupant:${aliceId}`] },
              },
            },
            few: { ...on(prosody, "few"), dmPolicy: "open", catchUp: { maxMessages: 2 } },
            jay: { ...on(ejabberd, "jay"), dmPolicy: "open", rooms: [rooms.den] },
          },
        },
      },
    },
  });
});

afterAll(async () => {
  await Promise.all([disperse(), bob?.stop(), gateway?.stop()]);
  await Promise.all([prosody?.stop(), ejabberd?.stop(), model?.stop()]);
});

/** All that was said to any of the agents is handled. */
async function untilHandled(): Promise<void> {
  await Promise.all([
    askMarker(alice, BOT, HANDLED_MS),
    askMarker(bob, JAY, HANDLED_MS),
    roomMarker(bob, rooms.den, "jay: "),
    (async () => {
      await askMarker(alice, FEW, HANDLED_MS);
      for (const room of [rooms.team, rooms.masks, rooms.unrecorded]) {
        await roomMarker(alice, room);
      }
    })(),
  ]);
}

/** What is said in a room before the agent's first entry is old history. */
async function untilInRooms(): Promise<void> {
  const sees = async (person: SlixmppClient, occupant: string) =>
    void (await person.waitFor(({ event, from }) => event === "presence" && from === occupant, {
      timeoutMs: HANDLED_MS,
    }));
  await Promise.all([
    ...[rooms.team, rooms.masks, rooms.unrecorded].map((room) => sees(alice, `${room}/bot`)),
    sees(bob, `${rooms.den}/jay`),
  ]);
}

test("the first start answers nothing of what was said before it", async () => {
  await untilInRooms();
  await untilHandled();
  expect(hasReachedModel(model, SINCE_LONG)).toBe(false);
  const bot = (await gateway.accounts("xmpp")).find(({ accountId }) => accountId === "bot");
  expect(bot).toMatchObject({
    archive: true,
    rooms: expect.arrayContaining([
      expect.objectContaining({ room: rooms.team, archive: true }),
      expect.objectContaining({ room: rooms.unrecorded, archive: false }),
    ]),
  });
});

test("what was said during an absence is answered once, in order, to those who may ask", async () => {
  await gateway.halt();
  const away = { from: Date.now(), until: 0 };
  for (const text of ["one", "two", "three"]) await alice.send({ to: BOT, body: text });
  await eve.send({ to: BOT, body: "eve wants in" });
  await petra.type(`/msg ${BOT} from a terminal`);
  for (const text of ["a", "b", "c", "d"]) await alice.send({ to: FEW, body: text });
  for (const text of ["uno", "due"]) await bob.send({ to: JAY, body: text });
  await say(bob, rooms.den, "just chatter");
  await say(bob, rooms.den, "jay: tre");
  for (const room of [rooms.team, rooms.masks]) {
    await say(alice, room, "this is chatter");
    await say(alice, room, "bot: first");
    await say(eve, room, "bot: eve speaks");
    // Whoever has a nick today need not be who had it then.
    await leave(alice, room, "alice");
    await leave(eve, room, "eve");
    await eve.join(room, "alice");
    await say(eve, room, "bot: eve under a stolen nick");
    await leave(eve, room, "alice");
    await eve.join(room, "bot");
    await say(eve, room, "bot: eve as yourself");
    await leave(eve, room, "bot");
    await alice.join(room, "bot");
    await say(alice, room, "bot: under your nick");
    await leave(alice, room, "bot");
    // Today it is alice again.
    await alice.join(room, "alice");
  }
  await say(alice, rooms.unrecorded, "bot: lost");
  await Promise.all([alice.ping(), eve.ping()]);
  await petra.waitForScreen(/from a terminal/);
  await disperse();
  await prosody.restart();
  await gather();
  away.until = Date.now();
  await gateway.resume();
  // What is said before the archive was read counts against the bounds, too.
  await gateway.waitForLog(/left 2 messages in the account's archive/, HANDLED_MS);
  await untilHandled();

  expect(answersTo(alice, BOT)).toEqual(["one", "two", "three"].map((text) => `echo: ${text}`));
  await petra.type(`/msg ${BOT}`);
  const screen = await petra.waitForScreen(/echo: from a terminal/, 30_000);
  expect(String(screen).match(/echo: from a terminal/g)).toHaveLength(1);
  expect(answersTo(alice, FEW)).toEqual(["echo: c", "echo: d"]);
  expect(answersTo(bob, JAY)).toEqual(["echo: uno", "echo: due"]);
  for (const room of [rooms.team, rooms.masks]) {
    expect(answersIn(room), room).toEqual(["echo: first", "echo: under your nick"]);
  }
  expect(answersIn(rooms.den, bob, "jay")).toEqual(["echo: tre"]);
  expect(answersIn(rooms.unrecorded)).toEqual([]);
  expect(model.requests.some(({ prompt }) => prompt.includes("eve "))).toBe(false);
  // What was not addressed is context, as it is live.
  expect(JSON.stringify(asked("first").map(({ body }) => body))).toContain("this is chatter");
  for (const text of ["one", "uno", "tre", "first"]) {
    const [at = 0] = asked(text).map(toldTime);
    expect(at, text).toBeGreaterThanOrEqual(away.from - 1_000);
    expect(at, text).toBeLessThan(away.until);
  }
});

test("a Gateway that was killed answers nothing twice, and what it missed", async () => {
  const before = [answersTo(alice, BOT), answersTo(bob, JAY), answersIn(rooms.team)];
  await gateway.halt("SIGKILL");
  await alice.send({ to: BOT, body: "four" });
  await bob.send({ to: JAY, body: "quattro" });
  await say(alice, rooms.team, "bot: second");
  await Promise.all([alice.ping(), bob.ping()]);
  await gateway.resume();
  await untilHandled();
  const [direct = [], onEjabberd = [], inRoom = []] = before;
  expect(answersTo(alice, BOT)).toEqual([...direct, "echo: four"]);
  expect(answersTo(bob, JAY)).toEqual([...onEjabberd, "echo: quattro"]);
  expect(answersIn(rooms.team)).toEqual([...inRoom, "echo: second"]);
});

test("the archives of both servers have one answer to each question", async () => {
  const said = async (author: string, client: SlixmppClient, of?: string) =>
    (await archivedBy(author, client, of)).filter(
      (body) => !/^(\w+: )*(marker|now in) |said long ago/.test(body),
    );
  const answersOf = (questions: string[]) => questions.map((question) => `echo: ${question}`);
  expect(await said(BOT, alice)).toEqual(answersOf(["one", "two", "three", "four"]));
  expect(await said(FEW, alice)).toEqual(answersOf(["c", "d"]));
  const ofBob = await said("bob@localhost", bob);
  expect(ofBob).toEqual(["uno", "due", "quattro"]);
  expect(await said(JAY, bob)).toEqual(answersOf(ofBob));
  expect(await said(`${rooms.den}/jay`, bob, rooms.den)).toEqual(answersOf(["tre"]));
  // What alice said under the agent's nick stands there, too.
  expect(await said(`${rooms.team}/bot`, alice, rooms.team)).toEqual([
    "bot: eve as yourself",
    "bot: under your nick",
    ...answersOf(["first", "under your nick", "second"]),
  ]);
});
