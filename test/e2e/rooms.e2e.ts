/**
 * Rooms and subscriptions on a real Prosody: our client beside slixmpp, an independent one.
 */
import { afterAll, beforeAll, describe, expect, test, vi } from "vitest";
import type { RoomView } from "../../src/client/rooms.ts";
import { encodeRequest } from "../../src/protocol/rfc-6120-iq.ts";
import type { BareJid } from "../../src/protocol/jid.ts";
import { MUC } from "../../src/protocol/xep-0045-muc.ts";
import { encodePing } from "../../src/protocol/xep-0199-ping.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import { type RoomBot, asBareJid as jid, startRoomBot } from "../support/room-bot.ts";
import { type SlixmppClient, startSlixmpp } from "../support/slixmpp.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";

const PASSWORD = "secret";
const MUC_ADMIN = "http://jabber.org/protocol/muc#admin";

let prosody: Prosody;
let alice: SlixmppClient;
let bot: RoomBot;

async function startPerson(user: string): Promise<SlixmppClient> {
  return await startSlixmpp({
    jid: await prosody.register(user, PASSWORD),
    password: PASSWORD,
    port: prosody.ports.c2s,
    caFile: prosody.caFile,
  });
}

const until: RoomBot["until"] = async (...args) => await bot.until(...args);

const untilJoined = async (room: BareJid, timeoutMs?: number) =>
  await until(room, "joined", ({ state }) => state === "joined", timeoutMs);

vi.setConfig({ testTimeout: 30_000, hookTimeout: 60_000 });

beforeAll(async () => {
  prosody = await startProsody();
  [alice, bot] = await Promise.all([startPerson("alice"), startRoomBot(prosody, "bot")]);
  await waitFor(() => bot.session.state.kind === "online", {
    what: "the bot's login",
    evidence: () => bot.log.join("\n"),
  });
});

afterAll(async () => {
  await Promise.all([bot?.stop(), alice?.stop()]);
  await prosody?.stop();
});

/** A room in which alice may do everything. */
async function openRoom(
  name: string,
  options: Parameters<Prosody["room"]>[1] = {},
): Promise<BareJid> {
  const affiliations = { "alice@localhost": "owner" } as const;
  return jid(await prosody.room(name, { affiliations, ...options }));
}

describe("entering", () => {
  test("is confirmed by the room, which then tells its name, subject and privacy", async () => {
    const room = await openRoom("plain", { name: "A Dark Cave" });
    await alice.join(room, "alice");
    await alice.raw(
      `<message to='${room}' type='groupchat'><subject>Fire burn</subject></message>`,
    );
    bot.rooms.join(room);
    const view = await until(room, "described", ({ name, subject }) => !!name && !!subject);
    expect(view).toMatchObject({
      state: "joined",
      nick: "claw",
      name: "A Dark Cave",
      subject: "Fire burn",
      nonAnonymous: true,
      occupantCount: 2,
    });
    expect(bot.rooms.isReflection(room, "claw")).toBe(true);
    await alice.raw(
      `<message to='${room}' type='groupchat'><subject>Burn fire</subject></message>`,
    );
    await until(room, "new subject", ({ subject }) => subject === "Burn fire");
  });

  test("a nick that somebody has gets a number, and is taken back when it is free", async () => {
    const room = await openRoom("crowded");
    await alice.join(room, "claw");
    bot.rooms.join(room);
    expect((await untilJoined(room)).nick).toBe("claw-2");
    await alice.leave(room, "claw");
    await until(room, "own nick again", ({ nick }) => nick === "claw");
  });

  test("with a password, and without the right one", async () => {
    const room = await openRoom("secret", { password: "open sesame" });
    bot.rooms.join(room);
    const refused = await until(room, "refused", ({ state }) => state === "refused");
    expect(refused.reason).toContain("password");
    bot.rooms.join(room, { password: "open sesame" });
    await untilJoined(room);
  });

  test("a members-only room says who can help", async () => {
    const room = await openRoom("members", { membersOnly: true });
    bot.rooms.join(room);
    const { reason } = await until(room, "refused", ({ state }) => state === "refused");
    expect(reason).toContain("a room owner can add this account");
  });

  test("a room that is not there is created, and others can enter it", async () => {
    const room = jid(`fresh@${prosody.conference}`);
    bot.rooms.join(room);
    await untilJoined(room);
    await alice.join(room, "alice");
    await until(room, "alice", () => bot.rooms.occupant(room, "alice") !== undefined);
    expect(bot.log.join("\n")).toContain(`room ${room} did not exist: created it`);
  });

  test("fifty rooms at once", async () => {
    const all = Array.from({ length: 50 }, (_, i) => jid(`many${i}@${prosody.conference}`));
    const howMany = (state?: string) =>
      all.filter((room) => bot.rooms.get(room)?.state === state).length;
    for (const room of all) bot.rooms.join(room);
    await waitFor(() => howMany("joined") === 50, { what: "fifty rooms" });
    for (const room of all) bot.rooms.leave(room);
    await waitFor(() => howMany() === 50, { what: "fifty goodbyes" });
    expect(bot.rooms.list().filter(({ state }) => state === "leaving")).toEqual([]);
  });
});

describe("who is there", () => {
  test("occupant ids are known with the first of them, and outlast a change of nick", async () => {
    const room = await openRoom("identified", { publicJids: false });
    await alice.join(room, "queen");
    const first: (string | undefined)[] = [];
    const stop = bot.rooms.onRoom((view) => {
      if (view.room !== room || view.state !== "joined") return;
      first.push(bot.rooms.occupant(room, "queen")?.occupantId);
    });
    bot.rooms.join(room);
    await untilJoined(room);
    stop();
    const { occupantId = "", stay } = bot.rooms.occupant(room, "queen") ?? {};
    expect(occupantId).not.toBe("");
    expect(first[0]).toBe(occupantId);
    expect(bot.rooms.get(room)).toMatchObject({ occupantIds: true, stanzaIds: true });
    await alice.presence({ to: `${room}/king` });
    await until(room, "king", () => bot.rooms.occupant(room, "king") !== undefined);
    expect(bot.rooms.occupantBy(room, { occupantId })).toMatchObject({ nick: "king", stay });
    await alice.leave(room, "king");
    await until(room, "nobody", () => bot.rooms.occupant(room, "king") === undefined);
    await alice.join(room, "king");
    await until(room, "king again", () => bot.rooms.occupant(room, "king") !== undefined);
    expect(bot.rooms.occupant(room, "king")).toMatchObject({ occupantId });
    expect(bot.rooms.occupant(room, "king")?.stay).not.toBe(stay);
  });

  test("a non-anonymous room shows real JIDs, and a borrowed nick shows the borrower's", async () => {
    const room = await openRoom("open");
    const mallory = await startPerson("mallory");
    bot.rooms.join(room);
    await untilJoined(room);
    const realJidOf = (nick: string) => bot.rooms.occupant(room, nick)?.realJid;
    await alice.join(room, "queen");
    await until(room, "alice", () => realJidOf("queen") === "alice@localhost");
    await alice.presence({ to: `${room}/king` });
    await until(room, "alice as king", () => realJidOf("king") === "alice@localhost");
    expect(bot.rooms.occupant(room, "queen")).toBeUndefined();
    await mallory.join(room, "queen");
    await until(room, "mallory", () => realJidOf("queen") === "mallory@localhost");
    expect(realJidOf("king")).toBe("alice@localhost");
    await mallory.stop();
    await until(room, "mallory gone", () => bot.rooms.occupant(room, "queen") === undefined);
  });

  test("a semi-anonymous room shows none", async () => {
    const room = await openRoom("hidden", { publicJids: false });
    bot.rooms.join(room);
    await until(room, "described", ({ nonAnonymous }) => nonAnonymous === false);
    await alice.join(room, "queen");
    await until(room, "alice", () => bot.rooms.occupant(room, "queen") !== undefined);
    const occupant = bot.rooms.occupant(room, "queen");
    expect(occupant).toMatchObject({ affiliation: "owner", role: "moderator" });
    expect(occupant?.realJid).toBeUndefined();
  });

  test("a semi-anonymous room shows them to a moderator", async () => {
    const affiliations = { "bot@localhost": "owner" } as const;
    const room = await openRoom("moderated", { publicJids: false, affiliations });
    await alice.join(room, "queen");
    bot.rooms.join(room);
    await untilJoined(room);
    expect(bot.rooms.occupant(room, "queen")?.realJid).toBe("alice@localhost");
  });
});

describe("falling out", () => {
  async function moderate(room: BareJid, item: string): Promise<void> {
    const answer = await alice.iq(room, "set", `<query xmlns='${MUC_ADMIN}'>${item}</query>`);
    expect(answer.type).toBe("result");
  }

  test("kicked, we know by whom and why, and wait before we come back", async () => {
    const room = await openRoom("kicks");
    await alice.join(room, "alice");
    bot.rooms.join(room);
    await untilJoined(room);
    await moderate(room, "<item nick='claw' role='none'><reason>too loud</reason></item>");
    const view = await until(room, "lost", ({ state }) => state === "lost");
    expect(view.reason).toMatch(/^kicked out of the room.*"too loud"$/);
    expect((view.retryAt ?? 0) - Date.now()).toBeGreaterThan(30_000);
    bot.rooms.join(room);
    await untilJoined(room);
  });

  test("banned, we stay out", async () => {
    const room = await openRoom("bans");
    await alice.join(room, "alice");
    bot.rooms.join(room);
    await untilJoined(room);
    await moderate(room, "<item jid='bot@localhost' affiliation='outcast'/>");
    await until(room, "refused", ({ state }) => state === "refused");
    bot.rooms.join(room);
    const again = await until(room, "refused again", ({ state }) => state === "refused");
    expect(again.reason).toContain("banned");
  });

  test("a destroyed room is left alone", async () => {
    const room = await openRoom("doomed");
    await alice.join(room, "alice");
    bot.rooms.join(room);
    await untilJoined(room);
    const destroy = `<destroy jid='plain@${prosody.conference}'><reason>over</reason></destroy>`;
    await alice.iq(
      room,
      "set",
      `<query xmlns='http://jabber.org/protocol/muc#owner'>${destroy}</query>`,
    );
    const { reason } = await until(room, "refused", ({ state }) => state === "refused");
    expect(bot.rooms.get(room)?.alternate).toBe(`plain@${prosody.conference}`);
    expect(bot.rooms.list().filter(({ state }) => state === "joining")).toEqual([]);
    expect(reason).toBe(`the room was destroyed, in favour of plain@${prosody.conference}: "over"`);
  });
});

describe("what others see of us", () => {
  test("the features that our presence announces, our version, our answer to a ping", async () => {
    const own = bot.session.jid ?? "";
    const info = await alice.iq(
      own,
      "get",
      "<query xmlns='http://jabber.org/protocol/disco#info'/>",
    );
    expect(info.xml).toContain(MUC);
    const version = await alice.iq(own, "get", "<query xmlns='jabber:iq:version'/>");
    expect(version.xml).toContain("OpenClaw XMPP");
    expect((await alice.iq(own, "get", "<ping xmlns='urn:xmpp:ping'/>")).type).toBe("result");
    expect((await alice.iq(own, "get", "<time xmlns='urn:xmpp:time'/>")).xml).toContain("<utc>");
  });

  test("a subscription is granted and returned; a refused one is denied", async () => {
    const since = alice.stanzas.length;
    await alice.presence({ to: "bot@localhost", type: "subscribe" });
    await alice.waitFor(
      ({ event, type, from }) =>
        event === "presence" && type === "subscribed" && from === "bot@localhost",
      { since },
    );
    await waitFor(() => bot.roster.contact(jid("alice@localhost"))?.subscription === "both", {
      what: "both subscriptions",
    });
    const presence = () => bot.roster.presenceOf(jid("alice@localhost"));
    expect(await waitFor(presence, { what: "alice's presence" })).toMatchObject({ priority: 0 });
    const picky = await startRoomBot(prosody, "picky", { refuse: "alice@localhost" });
    await waitFor(() => picky.session.state.kind === "online", { what: "the picky bot" });
    await alice.presence({ to: "picky@localhost", type: "subscribe" });
    await alice.waitFor(({ type, from }) => type === "unsubscribed" && from === "picky@localhost", {
      since,
    });
    await picky.stop();
  });
});

test("over a lost connection we stay in our rooms, and miss nothing", async () => {
  const room = await openRoom("resumed");
  await alice.join(room, "alice");
  const line = await startTcpProxy(prosody.ports.c2s);
  const traveller = await startRoomBot(prosody, "traveller", { port: line.port });
  const views: RoomView[] = [];
  const heard: string[] = [];
  traveller.rooms.onRoom((view) => views.push(view));
  traveller.session.onStanza((stanza) => {
    const body = stanza.getChildText("body");
    if (body) heard.push(body);
  });
  traveller.rooms.join(room);
  const described = () => views.some(({ nonAnonymous }) => nonAnonymous);
  await waitFor(described, { what: "the room", evidence: () => traveller.log.join("\n") });
  await traveller.session.request(encodeRequest("get", encodePing()));
  const since = alice.stanzas.length;
  views.length = 0;

  line.freeze();
  const say = (body: string) => alice.send({ to: room, type: "groupchat", body });
  await say("can you hear me?");
  await alice.waitFor(({ body }) => body === "can you hear me?", { since });
  line.cut();
  const isBack = () => {
    const { state } = traveller.session;
    return state.kind === "online" && state.facts.resumed;
  };
  await waitFor(isBack, { what: "the resumed stream", evidence: () => traveller.log.join("\n") });
  await say("now?");
  await waitFor(() => heard.includes("now?"), { what: "the room's talk" });
  expect(heard).toEqual(["can you hear me?", "now?"]);
  expect(traveller.rooms.get(room)).toMatchObject({ state: "joined", occupantCount: 2 });
  expect(views).toEqual([]);
  await traveller.session.request(encodeRequest("get", encodePing()));
  await alice.ping();
  const presences = alice.stanzas.slice(since).filter(({ event }) => event === "presence");
  expect(presences).toEqual([]);
  await traveller.stop();
  await line.stop();
});

test("after a restart of the server we are back in our rooms", async () => {
  const room = await openRoom("lasting");
  bot.rooms.join(room);
  const before = await untilJoined(room);
  await prosody.restart();
  await until(
    room,
    "joined anew",
    ({ state, joinedAt }) => state === "joined" && joinedAt !== before.joinedAt,
    45_000,
  );
  expect(bot.rooms.get(room)?.nick).toBe("claw");
}, 60_000);
