/**
 * The life of a room, as a script: it is made, set up, lived in by three independent clients, and ends;
 * what happens to our account on the way, and what the agent makes of it. The real Gateway on a Prosody
 * that locks new rooms. What each event alone means to our client is in rooms.e2e.ts, rooms-staying.e2e.ts
 * (self-pings among it) and fake-muc.e2e.ts.
 */
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Component, connectComponent } from "../support/component.ts";
import { type ConfigObject, type Gateway, mergeConfig, startGateway } from "../support/gateway.ts";
import { type Mcabber, startMcabber } from "../support/mcabber.ts";
import { type FakeRoom, type MucService, createMucService } from "../support/muc-service.ts";
import { type Profanity, startProfanity } from "../support/profanity.ts";
import { UNHURRIED } from "../support/limits.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import { passwordFor } from "../support/secrets.ts";
import { type RoomFacts, isJoined, untilForgotten, untilRoom } from "../support/gateway-rooms.ts";
import { ask as askRoom, untilSeen } from "../support/room-talk.ts";
import { type SlixmppClient, startSlixmpp, startSlixmppUser } from "../support/slixmpp.ts";
import {
  ban,
  changeNick,
  configureRoom,
  destroyRoom,
  kick,
  setAffiliation,
} from "../support/slixmpp-rooms.ts";
import { PACKAGE } from "../support/stage.ts";
import { type StubModel, startStubModel } from "../support/stub-model.ts";
import { type TcpProxy, startTcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";

const CROWD = { domain: "crowd.localhost", secret: "s3cret" };
const LIFE = "life@conference.localhost";

let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
let line: TcpProxy;
let component: Component;
let service: MucService;
let config: ConfigObject;
/** Another client of the bot's account: its operator. */
let operator: SlixmppClient;
let alice: SlixmppClient;
let mallory: SlixmppClient;
let penny: Profanity;
let mac: Mcabber;

beforeAll(async () => {
  [prosody, model] = await Promise.all([
    // A new room lets nobody in until its owner has configured it (XEP-0045 §10.1).
    startProsody({ components: [CROWD], extraConference: "  muc_room_locking = true" }),
    startStubModel(),
  ]);
  component = await connectComponent({ port: prosody.ports.component, ...CROWD });
  service = createMucService(component);
  line = await startTcpProxy(prosody.ports.c2s);
  const { ports, caFile } = prosody;
  const password = passwordFor("bot");
  const bot = { jid: await prosody.register("bot", password), password };
  operator = await startSlixmpp({ ...bot, port: ports.c2s, caFile });
  await startPeople();
  const terminal = async (user: string) => ({
    jid: await prosody.register(user, user),
    password: user,
    port: ports.c2s,
  });
  const starting = startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      channels: {
        xmpp: {
          ...bot,
          server: `127.0.0.1:${line.port}`,
          tls: { caFile },
          dmPolicy: "disabled",
          limits: UNHURRIED,
          rooms: [LIFE],
        },
      },
    },
  });
  penny = await startProfanity(await terminal("penny"));
  mac = await startMcabber(await terminal("mac"));
  gateway = await starting;
  config = gateway.readConfig();
}, 180_000);

async function startPeople(): Promise<void> {
  [alice, mallory] = await Promise.all([
    startSlixmppUser(prosody, "alice"),
    startSlixmppUser(prosody, "mallory"),
  ]);
}

afterAll(async () => {
  const people = [alice, mallory, operator, penny, mac];
  await Promise.all([gateway?.stop(), ...people.map((client) => client?.stop())]);
  service?.stop();
  await component?.stop();
  await line?.stop();
  await Promise.all([prosody?.stop(), model?.stop()]);
});

const until = async (room: string, holds: (facts: RoomFacts) => boolean, timeoutMs?: number) =>
  await untilRoom(gateway, "default", room, holds, timeoutMs);

/** Writes the configuration of the running Gateway. */
function edit(rooms: readonly string[]): void {
  config = mergeConfig(config, { channels: { xmpp: { rooms } } });
  gateway.writeConfig(config);
}

/** Takes the room out of the configuration and puts it in again: what brings us back before our time. */
async function enterAnew(): Promise<void> {
  edit([]);
  await untilForgotten(gateway, "default", LIFE);
  edit([LIFE]);
  await until(LIFE, isJoined);
}

/** What the model read last, all of it. */
const lastRead = () => JSON.stringify(model.requests.at(-1)?.body);

/** Who said what the model was asked last, as the host tells it. */
function lastSpeaker(): string {
  const { prompt = "", context = "" } = model.requests.at(-1) ?? {};
  return prompt + context;
}

interface OccupantFacts {
  readonly nick: string;
  readonly jid?: string;
  readonly affiliation: string;
}

async function occupants(): Promise<Readonly<Record<string, OccupantFacts>>> {
  const { occupants: list } = (await gateway.call("xmpp.occupants", { room: LIFE })) as {
    occupants: OccupantFacts[];
  };
  return Object.fromEntries(list.map((occupant) => [occupant.nick, occupant]));
}

describe("a room", () => {
  test("that is missing is made, and unlocked for others", async () => {
    await until(LIFE, isJoined);
    expect(gateway.log()).toContain(`room ${LIFE} did not exist: created it`);
    await alice.join(LIFE, "alice");
    await mallory.join(LIFE, "mallory");
  });

  test("is set up by the account's operator", async () => {
    await configureRoom(operator, LIFE, {
      "muc#roomconfig_roomname": "Life",
      "muc#roomconfig_persistentroom": "1",
      "muc#roomconfig_whois": "anyone",
    });
    await setAffiliation(operator, LIFE, "alice@localhost", "owner");
    const isOwner = async () => (await occupants())["alice"]?.affiliation === "owner";
    await waitFor(isOwner, { what: "alice to own it" });
    expect(await until(LIFE, ({ name }) => name === "Life")).toMatchObject({ nonAnonymous: true });
  });

  test("is lived in by three independent clients, each of which is answered as itself", async () => {
    await penny.join(LIFE, { nick: "penny" });
    await mac.join(LIFE, { nick: "mac" });
    await askRoom(alice, LIFE, "bot: from slixmpp");
    expect(lastSpeaker()).toContain("alice@localhost");
    await penny.say(LIFE, "bot: from profanity");
    await penny.see(LIFE, /echo: from profanity/, 30_000);
    expect(lastSpeaker()).toContain("penny@localhost");
    await mac.say(LIFE, "bot: from mcabber");
    await mac.see(LIFE, /echo: from mcabber/, 30_000);
    expect(lastSpeaker()).toContain("mac@localhost");
    expect(await occupants()).toMatchObject({
      alice: { jid: "alice@localhost" },
      penny: { jid: "penny@localhost" },
      mac: { jid: "mac@localhost" },
    });
  });

  test("shows a nick's new owner to the agent, whoever had it before", async () => {
    await askRoom(alice, LIFE, "bot: remember me");
    await untilSeen(mallory, `${LIFE}/queen`, "here", () => changeNick(alice, LIFE, "queen"));
    await changeNick(mallory, LIFE, "alice");
    await askRoom(mallory, LIFE, "bot: it is me, alice");
    expect(lastSpeaker()).toContain("mallory@localhost");
    expect(lastSpeaker()).not.toContain("alice@localhost");
    await askRoom(alice, LIFE, "bot: and I?");
    expect(lastSpeaker()).toContain("alice@localhost");
  });

  test("is renamed, and the agent knows it by its new name", async () => {
    await configureRoom(alice, LIFE, { "muc#roomconfig_roomname": "Afterlife" });
    await until(LIFE, ({ name }) => name === "Afterlife");
    await askRoom(alice, LIFE, "bot: where are we?");
    expect(lastRead()).toContain("Afterlife");
  });
});

describe("put out", () => {
  test("somebody else is gone for the agent as well", async () => {
    await kick(alice, LIFE, "penny", "quarrel");
    await waitFor(async () => !("penny" in (await occupants())), { what: "penny gone" });
    expect(Object.keys(await occupants()).toSorted()).toEqual(["alice", "bot", "mac", "queen"]);
  });

  test("kicked, we say why, stay away for a while, and come back when the operator says so", async () => {
    await kick(alice, LIFE, "bot", "too loud");
    const { reason, retryAt = 0 } = await until(LIFE, ({ state }) => state === "lost");
    expect(reason).toMatch(/^kicked out of the room.*"too loud"$/);
    expect(retryAt - Date.now()).toBeGreaterThan(30_000);
    await enterAnew();
    expect((await askRoom(alice, LIFE, "bot: again?")).body).toBe("echo: again?");
  });

  test("banned, we say so and stay away", async () => {
    await ban(alice, LIFE, "bot@localhost", "for good");
    const { reason } = await until(LIFE, ({ state }) => state === "refused");
    expect(reason).toMatch(/^banned from the room.*"for good"$/);
    const [account] = await gateway.accounts("xmpp");
    expect(account?.["rooms"]).toMatchObject([{ room: LIFE, state: "refused", reason }]);
    await setAffiliation(alice, LIFE, "bot@localhost", "member");
    await enterAnew();
  });
});

describe("a lost connection", () => {
  const isResumed = async () => {
    const status = (await gateway.call("xmpp.status")) as { connection?: { resumed: boolean } };
    return status.connection?.resumed === true;
  };

  test("that is resumed keeps us in the room, unseen", async () => {
    const before = await until(LIFE, isJoined);
    const since = alice.stanzas.length;
    line.cut();
    await waitFor(isResumed, { what: "the resumed stream", evidence: gateway.log });
    expect((await askRoom(alice, LIFE, "bot: still here?")).body).toBe("echo: still here?");
    expect((await until(LIFE, isJoined)).joinedAt).toBe(before.joinedAt);
    const seen = alice.stanzas
      .slice(since)
      .filter(({ event, from }) => event === "presence" && from === `${LIFE}/bot`);
    expect(seen).toEqual([]);
  });

  test("that is resumed finds out that the room lost us meanwhile, and we come back", async () => {
    const before = await until(LIFE, isJoined);
    await dropSilently(LIFE, "bot", "bot@localhost/openclaw");
    line.cut();
    await gateway.waitForLog(/room life@\S+: the room says that we are not in it; will try again/);
    await until(LIFE, ({ joinedAt = 0 }) => joinedAt > (before.joinedAt ?? 0));
    expect((await askRoom(alice, LIFE, "bot: back?")).body).toBe("echo: back?");
  });
});

/** Takes an occupant out of a room without a word to anybody, as a crash of the service would. */
async function dropSilently(room: string, nick: string, jid: string): Promise<void> {
  const find = `prosody.hosts["${prosody.conference}"].modules.muc.get_room_from_jid("${room}")`;
  const drop = `r._occupants["${room}/${nick}"] = nil; r._jid_nick["${jid}"] = nil`;
  const printed = await prosody.shell(
    `> (function() local r = ${find}; ${drop}; return "gone" end)()`,
  );
  expect(printed).toContain("gone");
}

describe("a room of five thousand", () => {
  const SIZE = 5_000;
  /** Measured: 0.3 s, and 0.5 s in the flood; the turn of a quiet room takes as long as the first. */
  const PROMPT_MS = 5_000;
  /** Measured: 4 to 24 MB, most of it garbage. The presences alone, kept, would be some 100 MB. */
  const BOUND = 64 * 1024 * 1024;
  let crowd: FakeRoom;

  /** How long it takes until somebody there is answered, in ms. */
  async function askAs(nick: string, text: string): Promise<number> {
    const started = performance.now();
    crowd.say(nick, `bot: ${text}`);
    await crowd.waitForBody(new RegExp(`echo: ${text}`));
    return performance.now() - started;
  }

  test("answers who asks, by the right JID", async () => {
    crowd = service.room("crowd");
    await crowd.crowd(SIZE);
    const before = gateway.residentBytes();
    edit([LIFE, crowd.jid]);
    await until(crowd.jid, isJoined);
    expect((await until(crowd.jid, isJoined)).occupantCount).toBe(SIZE + 1);
    const ms = await askAs("guest4321", "who am I");
    expect(lastSpeaker()).toContain("guest4321@crowd.test");
    expect(ms).toBeLessThan(PROMPT_MS);
    expect(gateway.residentBytes() - before).toBeLessThan(BOUND);
  });

  test("answers in the middle of a flood of presences, and keeps none of them", async () => {
    await crowd.flood(SIZE);
    await crowd.sync();
    const before = gateway.residentBytes();
    const flood = crowd.flood(4 * SIZE);
    const ms = await askAs("guest17", "can you hear me");
    expect(lastSpeaker()).toContain("guest17@crowd.test");
    await flood;
    await crowd.sync();
    expect(ms).toBeLessThan(PROMPT_MS);
    expect(gateway.residentBytes() - before).toBeLessThan(BOUND);
  });
});

describe("the end", () => {
  test("of the server is none of the room: we are back in it, and answer", async () => {
    const { joinedAt: before = 0 } = await until(LIFE, isJoined);
    await prosody.restart();
    await until(LIFE, ({ joinedAt = 0 }) => joinedAt > before, 45_000);
    await Promise.all([alice, mallory].map((client) => client.stop()));
    await startPeople();
    await alice.join(LIFE, "alice");
    expect((await askRoom(alice, LIFE, "bot: good morning")).body).toBe("echo: good morning");
  }, 90_000);

  test("of the room is final, and the status names the place that it went to", async () => {
    const alternate = "heaven@conference.localhost";
    await destroyRoom(alice, LIFE, { alternate, reason: "it is over" });
    const room = await until(LIFE, ({ state }) => state === "refused");
    expect(room).toMatchObject({
      alternate,
      reason: `the room was destroyed, in favour of ${alternate}: "it is over"`,
    });
    const { stdout } = await gateway.openclaw(["channels", "status"]);
    expect(stdout).toContain(`${LIFE} (refused: ${room.reason})`);
    expect(await prosody.occupants(alternate)).toBeUndefined();
  });
});
