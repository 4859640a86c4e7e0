/** Our client in rooms that behave as no real service can be made to. */
import { Element } from "ltx";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { botIdentity, registerResponders } from "../../src/client/responders.ts";
import { type RoomView, type Rooms, createRooms } from "../../src/client/rooms.ts";
import { createSession } from "../../src/client/session.ts";
import type { XmppSession } from "../../src/client/types.ts";
import { type BareJid, bareJid } from "../../src/protocol/jid.ts";
import { type Component, connectComponent } from "../support/component.ts";
import { createFakeLog } from "../support/fake-session.ts";
import { type FakeRoom, type MucService, createMucService } from "../support/muc-service.ts";
import { type Prosody, startProsody } from "../support/prosody.ts";
import { waitFor } from "../support/wait.ts";

const FAKE = { domain: "fake.localhost", secret: "s3cret" };

let prosody: Prosody;
let component: Component;
let service: MucService;
let session: XmppSession;
let rooms: Rooms;
let log: string[];
let count = 0;
let room: FakeRoom;
let jid: BareJid;

beforeAll(async () => {
  prosody = await startProsody({ components: [FAKE] });
  component = await connectComponent({ port: prosody.ports.component, ...FAKE });
  service = createMucService(component);
  const fakeLog = createFakeLog();
  log = fakeLog.lines;
  session = createSession({
    jid: asBare(await prosody.register("bot", "secret")),
    resource: "openclaw",
    password: () => "secret",
    server: {
      kind: "endpoint",
      endpoint: { transport: "tls", host: "127.0.0.1", port: prosody.ports.c2sTls },
    },
    caFile: prosody.caFile,
    log: fakeLog,
  });
  registerResponders(session, {
    software: { name: "OpenClaw XMPP", version: "0.0.0-test" },
    identity: botIdentity("Claw"),
    features: [],
  });
  rooms = createRooms({ session, log: fakeLog, nick: "claw" });
  session.start();
  await waitFor(() => session.state.kind === "online", { what: "the bot's login" });
});

afterAll(async () => {
  rooms?.stop();
  await session?.stop();
  service?.stop();
  await component?.stop();
  await prosody?.stop();
});

beforeEach(() => {
  room = service.room(`room${(count += 1)}`);
  jid = asBare(room.jid);
});

function asBare(text: string): BareJid {
  const bare = bareJid(text);
  if (!bare) throw new Error(`not a JID: ${text}`);
  return bare;
}

async function until(state: RoomView["state"]): Promise<RoomView> {
  const look = () => {
    const view = rooms.get(jid);
    return view?.state === state && view;
  };
  return await waitFor(look, { what: `${jid} ${state}`, evidence: () => log.join("\n") });
}

async function enter(): Promise<RoomView> {
  rooms.join(jid);
  return await until("joined");
}

test("a room is entered, described, spoken in, and left", async () => {
  room.set({ name: "The Fake", subject: "Nothing is real" });
  room.setOccupant("queen", { jid: "alice@localhost/x", affiliation: "owner", role: "moderator" });
  const bodies: string[] = [];
  session.onStanza((stanza) => {
    if (stanza.attrs["from"] === `${jid}/queen`) bodies.push(stanza.getChildText("body") ?? "");
  });
  await enter();
  await room.sync();
  expect(rooms.get(jid)).toMatchObject({ nonAnonymous: true, occupantCount: 2 });
  expect(rooms.get(jid)).toMatchObject({ name: "The Fake", subject: "Nothing is real" });
  expect(rooms.occupant(jid, "queen")).toMatchObject({
    realJid: "alice@localhost",
    affiliation: "owner",
    role: "moderator",
  });
  room.say("queen", "off with his head");
  await room.sync();
  expect(bodies.at(-1)).toBe("off with his head");
  rooms.leave(jid);
  await waitFor(() => rooms.get(jid) === undefined, { what: "the goodbye" });
  expect(room.visitors).toEqual([]);
});

test("occupants come, change their nicks, and go", async () => {
  await enter();
  room.setOccupant("queen", { jid: "alice@localhost/x" });
  await room.sync();
  const { stay } = rooms.occupant(jid, "queen") ?? {};
  room.rename("queen", "king");
  await room.sync();
  expect(rooms.occupant(jid, "king")).toMatchObject({ realJid: "alice@localhost", stay });
  expect(rooms.occupant(jid, "queen")).toBeUndefined();
  room.remove("king", { codes: [307] });
  await room.sync();
  expect(rooms.occupants(jid).map(({ nick }) => nick)).toEqual(["claw"]);
});

test("five thousand occupants, and as many changes of presence", async () => {
  await room.crowd(5_000);
  await enter();
  expect(rooms.get(jid)?.occupantCount).toBe(5_001);
  await room.flood(5_000);
  await room.sync();
  expect(rooms.get(jid)?.occupantCount).toBe(5_001);
});

test("the room answers a self-ping, or says that we are not there", async () => {
  await enter();
  const ping = () => {
    const iq = new Element("iq", { type: "get", to: `${jid}/claw` });
    iq.c("ping", { xmlns: "urn:xmpp:ping" });
    return iq;
  };
  expect((await session.request(ping())).attrs["type"]).toBe("result");
  room.set({ onSelfPing: { refuse: "item-not-found" } });
  await expect(session.request(ping())).rejects.toMatchObject({ condition: "item-not-found" });
  room.set({ onSelfPing: "normal" });
  room.forget();
  await expect(session.request(ping())).rejects.toMatchObject({ condition: "not-acceptable" });
});

test("our own words come back with ids that the room made", async () => {
  await enter();
  const echo = new Promise<Element>((resolve) => {
    session.onStanza((stanza) => {
      if (stanza.attrs["from"] === `${jid}/claw` && stanza.getChild("body")) resolve(stanza);
    });
  });
  const message = new Element("message", { to: jid, type: "groupchat", id: "m1" });
  message.c("body").t("snip snap");
  message.c("stanza-id", { xmlns: "urn:xmpp:sid:0", id: "forged", by: jid });
  await session.send(message);
  const reflection = await echo;
  expect(reflection.attrs["id"]).toBe("m1");
  const ids = reflection.getChildren("stanza-id").map(({ attrs }) => attrs["id"]);
  expect(ids).toEqual([expect.stringMatching(/^[\da-f-]{36}$/)]);
  expect(reflection.getChild("occupant-id")?.attrs["id"]).toBe(
    room.occupants.get("claw")?.occupantId,
  );
  await room.waitForBody(/snip/);
});

describe("what the room does to us", () => {
  test.each([
    [{ codes: [307], reason: "loud", actor: "queen" }, "lost", /^kicked out of .*queen.*"loud"$/],
    [{ codes: [301], affiliation: "outcast" }, "refused", /^banned/],
    [{ codes: [321] }, "refused", /no longer a member/],
    [{ codes: [322] }, "refused", /members only/],
    [{ codes: [307, 333] }, "lost", /connection problem/],
  ] as const)("put out with %j", async (departure, state, reason) => {
    await enter();
    room.remove("claw", departure);
    expect((await until(state)).reason).toMatch(reason);
  });

  test("destroyed", async () => {
    await enter();
    room.destroy({ alternate: "other@fake.localhost", reason: "over" });
    expect((await until("refused")).reason).toMatch(/in favour of other@fake.localhost: "over"$/);
  });

  test("the service shuts down", async () => {
    await enter();
    service.shutDown();
    expect((await until("lost")).reason).toMatch(/shuts down/);
  });

  test("a newcomer is given another nick, and later yet another", async () => {
    room.set({ giveNick: (asked) => `${asked}_`, selfCodes: [201] });
    expect((await enter()).nick).toBe("claw_");
    await room.waitFor(({ name }) => name === "iq");
    room.rename("claw_", "crab");
    await room.sync();
    expect(rooms.get(jid)?.nick).toBe("crab");
  });

  test("refused by the condition that the test names", async () => {
    room.set({ onJoin: { refuse: { condition: "service-unavailable", text: "full up" } } });
    rooms.join(jid);
    expect((await until("lost")).reason).toMatch(/full.*"full up"/);
  });

  test("a taken nick", async () => {
    room.setOccupant("claw", { jid: "mallory@localhost/x" });
    expect((await enter()).nick).toBe("claw-2");
  });

  test("privacy changes", async () => {
    await enter();
    room.set({ nonAnonymous: false });
    room.notice(173, 104);
    await room.sync();
    expect(rooms.get(jid)?.nonAnonymous).toBe(false);
  });
});
