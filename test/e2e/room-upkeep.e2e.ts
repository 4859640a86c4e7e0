/**
 * Staying in rooms, and noticing when we are not: on a real Prosody, a real ejabberd, and where neither can be
 * made to behave so, a scripted service.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { BareJid } from "../../src/protocol/jid.ts";
import { type Component, connectComponent } from "../support/component.ts";
import { type Ejabberd, startEjabberd } from "../support/ejabberd.ts";
import { type MucService, createMucService } from "../support/muc-service.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import { type RoomBot, asBareJid, startRoomBot } from "../support/room-bot.ts";
import { type SlixmppClient, startSlixmpp } from "../support/slixmpp.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";

vi.setConfig({ testTimeout: 60_000, hookTimeout: 60_000 });

const FAKE = { domain: "fake.localhost", secret: "s3cret" };
const MUC_ADMIN = "http://jabber.org/protocol/muc#admin";
const MUC_OWNER = "http://jabber.org/protocol/muc#owner";

let prosody: Prosody;
let component: Component;
let service: MucService;
let alice: SlixmppClient;
/** Asks a silent room after half a second. */
let bot: RoomBot;

beforeAll(async () => {
  prosody = await startProsody({
    components: [FAKE],
    // As services come: a new room is locked until its owner has configured it.
    extraConference: "muc_room_locking = true",
  });
  component = await connectComponent({ port: prosody.ports.component, ...FAKE });
  service = createMucService(component);
  bot = await startRoomBot(prosody, "bot", { selfPingIdleMs: 500 });
  alice = await startSlixmpp({
    jid: await prosody.register("alice", "alice"),
    password: "alice",
    port: prosody.ports.c2s,
    caFile: prosody.caFile,
  });
});

afterAll(async () => {
  await bot?.stop();
  await alice?.stop();
  service?.stop();
  await component?.stop();
  await prosody?.stop();
});

async function enter(room: BareJid, password?: string): Promise<void> {
  bot.rooms.join(room, { password });
  await bot.untilState(room, "joined");
}

async function ownedRoom(name: string, options: Parameters<Prosody["room"]>[1] = {}) {
  const affiliations = { "alice@localhost": "owner", ...options.affiliations } as const;
  return asBareJid(await prosody.room(name, { ...options, affiliations }));
}

/** Takes everybody out of a room of Prosody's without a word, as the crash of a service does. */
async function forgetAll(room: BareJid, andTheRoom = false): Promise<void> {
  const lines = [
    `local m = prosody.hosts["${prosody.conference}"].modules.muc`,
    `local r = m.get_room_from_jid("${room}")`,
    andTheRoom ? "m.forget_room(r); m.delete_room(r)" : "r._occupants = {}; r._jid_nick = {}",
  ];
  const printed = await prosody.shell(`> (function() ${lines.join("; ")}; return "done" end)()`);
  expect(printed).toContain("done");
}

const rejoined = (room: BareJid) => {
  const { joinedAt } = bot.rooms.get(room) ?? {};
  return bot.until(
    room,
    "joined anew",
    (view) => view.state === "joined" && view.joinedAt !== joinedAt,
  );
};

describe("a room that has lost us without a word", () => {
  test("on Prosody: it says so, and we are back", async () => {
    const room = await ownedRoom("forgetful");
    await enter(room);
    const back = rejoined(room);
    await forgetAll(room);
    await back;
    expect(bot.log.join("\n")).toContain(`room ${room}: the room says that we are not in it`);
    await alice.join(room, "alice");
    await bot.until(room, "alice", () => bot.rooms.occupant(room, "alice") !== undefined);
  });

  test("on Prosody: the room is gone altogether, and is made anew", async () => {
    const room = asBareJid(`passing@${prosody.conference}`);
    await enter(room);
    const back = rejoined(room);
    await forgetAll(room, true);
    expect((await back).nick).toBe("claw");
  });

  test("on a service that does not know better: back as well", async () => {
    const fake = service.room("lossy");
    const room = asBareJid(fake.jid);
    await enter(room);
    const back = rejoined(room);
    fake.forget();
    await back;
    expect(fake.visitors.map(({ nick }) => nick)).toEqual(["claw"]);
  });

  test("over a lost connection: found as soon as the stream goes on", async () => {
    const line = await startTcpProxy(prosody.ports.c2s);
    const traveller = await startRoomBot(prosody, "traveller", { port: line.port });
    const room = await ownedRoom("left-behind");
    const stayed = await ownedRoom("stayed");
    for (const each of [room, stayed]) traveller.rooms.join(each);
    for (const each of [room, stayed]) await traveller.untilState(each, "joined");
    const before = traveller.rooms.get(stayed)?.joinedAt;
    line.freeze();
    await forgetAll(room);
    line.cut();
    await traveller.untilState(room, "lost");
    await traveller.untilState(room, "joined");
    expect(traveller.rooms.get(stayed)).toMatchObject({ state: "joined", joinedAt: before });
    await traveller.stop();
    await line.stop();
  });
});

describe("who may be in a room", () => {
  test("membership taken away, and the room closed to all but members", async () => {
    const room = await ownedRoom("club", {
      membersOnly: true,
      affiliations: { "bot@localhost": "member" },
    });
    await enter(room);
    expect(bot.rooms.get(room)?.membersOnly).toBe(true);
    const revoke = "<item jid='bot@localhost' affiliation='none'/>";
    await alice.iq(room, "set", `<query xmlns='${MUC_ADMIN}'>${revoke}</query>`);
    const { reason } = await bot.untilState(room, "refused");
    expect(reason).toMatch(/^no longer a member of this members-only room/);

    const open = await ownedRoom("opening");
    await enter(open);
    const field = (name: string, value: string) =>
      `<field var='${name}'><value>${value}</value></field>`;
    const form =
      field("FORM_TYPE", "http://jabber.org/protocol/muc#roomconfig") +
      field("muc#roomconfig_membersonly", "1");
    const x = `<x xmlns='jabber:x:data' type='submit'>${form}</x>`;
    await alice.iq(open, "set", `<query xmlns='${MUC_OWNER}'>${x}</query>`);
    expect((await bot.untilState(open, "refused")).reason).toMatch(/admits members only/);
  });

  test("a password changes under us: remembered, and used when it is needed", async () => {
    const room = await ownedRoom("vault", { password: "old" });
    await enter(room, "old");
    expect(bot.rooms.get(room)?.passwordProtected).toBe(true);
    await prosody.room("vault", { password: "new" });
    bot.rooms.join(room, { password: "new" });
    const back = rejoined(room);
    await forgetAll(room);
    expect((await back).reason).toBeUndefined();
  });

  test("a new room is entered by nobody without the password that we want for it", async () => {
    const room = asBareJid(`burrow@${prosody.conference}`);
    await enter(room, "open sesame");
    await bot.until(room, "described", ({ passwordProtected }) => passwordProtected === true);
    await expect(alice.join(room, "alice")).rejects.toThrow(/not-authorized/);
    await alice.join(room, "alice", "open sesame");
    await bot.until(room, "alice", () => bot.rooms.occupant(room, "alice") !== undefined);
  });

  test("a new room that takes no password is left", async () => {
    const refuse = { condition: "not-allowed" } as const;
    const fake = service.room("unlockable", {
      selfCodes: [201],
      onIq: (iq) => (iq.getChild("query", MUC_OWNER) ? { refuse } : undefined),
    });
    const room = asBareJid(fake.jid);
    bot.rooms.join(room, { password: "open sesame" });
    const { reason } = await bot.untilState(room, "lost");
    expect(reason).toBe("the room is new, and its service did not accept the password");
    await waitFor(() => fake.visitors.length === 0, { what: "our goodbye" });
    expect(bot.log.join("\n")).not.toContain("sesame");
    bot.rooms.leave(room);
  });
});

describe("many rooms", () => {
  /** @returns how many are entered, without a complaint */
  async function enterMany(server: Prosody, count: number, timeoutMs: number): Promise<number> {
    const all = await server.rooms(Array.from({ length: count }, (_, i) => `many${i}`));
    const keeper = await startRoomBot(server, "keeper");
    for (const room of all) keeper.rooms.join(asBareJid(room));
    const areIn = () => keeper.rooms.list().every(({ state }) => state === "joined");
    const evidence = () => keeper.log.slice(-50).join("\n");
    await waitFor(areIn, { what: `${count} rooms`, timeoutMs, evidence });
    expect(keeper.log.filter((line) => line.startsWith("warn"))).toEqual([]);
    const { length } = keeper.rooms.list();
    await keeper.stop();
    return length;
  }

  test("five hundred are entered", async () => {
    expect(await enterMany(prosody, 500, 50_000)).toBe(500);
  });

  test("a hundred where the server reads but 10 kB a second", async () => {
    const slow = await startProsody({ limits: true });
    expect(await enterMany(slow, 100, 50_000)).toBe(100);
    await slow.stop();
  });

  test("a service that allows but twenty: those are ours, the others say why", async () => {
    const ejabberd: Ejabberd = await startEjabberd({ maxUserConferences: 20 });
    const keeper = await startRoomBot(ejabberd, "keeper");
    for (let i = 0; i < 40; i++) {
      keeper.rooms.join(asBareJid(`room${i}@${ejabberd.conference}`));
    }
    const count = (state: string) =>
      keeper.rooms.list().filter((view) => view.state === state).length;
    const isSettled = () => count("joined") === 20 && count("lost") >= 5;
    await waitFor(isSettled, {
      what: "twenty rooms",
      timeoutMs: 50_000,
      evidence: () => keeper.log.join("\n"),
    });
    const reasons = keeper.rooms
      .list()
      .flatMap(({ state, reason }) => (state === "lost" ? reason : []));
    for (const reason of reasons) expect(reason).toMatch(/too many/);
    await keeper.stop();
    await ejabberd.stop();
  });
});
