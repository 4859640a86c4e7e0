/** The same client on another server: ejabberd, with slixmpp for company. */
import { Element } from "ltx";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { type Rooms, createRooms } from "../../src/client/rooms.ts";
import { type Roster, createRoster } from "../../src/client/roster.ts";
import { createSession } from "../../src/client/session.ts";
import type { ConnectionState, Endpoint, XmppSession } from "../../src/client/types.ts";
import { type BareJid, bareJid } from "../../src/protocol/jid.ts";
import { type Ejabberd, startEjabberd } from "../support/ejabberd.ts";
import { createFakeLog } from "../support/fake-session.ts";
import { type SlixmppClient, startSlixmppUser } from "../support/slixmpp.ts";
import { type TcpProxy, startTcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";

const PASSWORD = "secret";

type Bot = { session: XmppSession; rooms: Rooms; roster: Roster; log: string[] };

let ejabberd: Ejabberd;
let alice: SlixmppClient;
const ends: (() => Promise<void>)[] = [];

function jid(text: string): BareJid {
  const bare = bareJid(text);
  if (!bare) throw new Error(`not a JID: ${text}`);
  return bare;
}

function startBot(transport: "tcp" | "tls", password = PASSWORD, through?: TcpProxy): Bot {
  const log = createFakeLog();
  const { c2s, c2sTls } = ejabberd.ports;
  const port = through?.port ?? (transport === "tcp" ? c2s : c2sTls);
  const endpoint: Endpoint = { transport, host: "127.0.0.1", port };
  const session = createSession({
    jid: jid("bot@localhost"),
    resource: through ? "cut" : transport,
    password: () => password,
    server: { kind: "endpoint", endpoint },
    caFile: ejabberd.caFile,
    log,
  });
  const roster = createRoster({ session, log, decideSubscription: () => "accept" });
  const rooms = createRooms({ session, log, nick: "claw", onReady: roster.onReady });
  session.start();
  ends.push(async () => {
    rooms.stop();
    roster.stop();
    await session.stop();
  });
  return { session, rooms, roster, log: log.lines };
}

async function reached(bot: Bot, kind: ConnectionState["kind"]): Promise<void> {
  const evidence = () => bot.log.join("\n");
  await waitFor(() => bot.session.state.kind === kind, { what: kind, evidence });
}

async function untilRoom(bot: Bot, room: BareJid, state: "joined" | "refused") {
  const look = () => {
    const view = bot.rooms.get(room);
    return view?.state === state && view;
  };
  return await waitFor(look, { what: `${room} ${state}`, evidence: () => bot.log.join("\n") });
}

beforeAll(async () => {
  ejabberd = await startEjabberd();
  await ejabberd.register("bot", PASSWORD);
  alice = await startSlixmppUser(ejabberd, "alice");
});

afterAll(async () => {
  await Promise.all([...ends.map((end) => end()), alice?.stop()]);
  await ejabberd?.stop();
});

describe.each(["tcp", "tls"] as const)("on ejabberd, over %s", (transport) => {
  test("we log in, enter a room with its password, and hear and say things there", async () => {
    const room = jid(
      await ejabberd.room(`den-${transport}`, {
        name: "The Den",
        subject: "Mind the step",
        password: "open sesame",
      }),
    );
    const bot = startBot(transport);
    await reached(bot, "online");
    expect(bot.session.state).toMatchObject({
      facts: { transport, jid: `bot@localhost/${transport}`, mechanism: "SCRAM-SHA-512" },
    });
    bot.rooms.join(room, { nick: "claw", password: "open sesame" });
    await untilRoom(bot, room, "joined");
    await alice.join(room, "alice", "open sesame");
    await waitFor(() => bot.rooms.occupant(room, "alice"), { what: "alice" });
    expect(bot.rooms.occupant(room, "alice")?.realJid).toBe("alice@localhost");
    await waitFor(() => bot.rooms.get(room)?.name, { what: "the room's name" });
    expect(bot.rooms.get(room)).toMatchObject({
      name: "The Den",
      subject: "Mind the step",
      nick: "claw",
      nonAnonymous: true,
      occupantCount: 2,
    });
    const heard = new Promise<string>((resolve) => {
      bot.session.onStanza((stanza) => {
        const body = stanza.getChildText("body");
        if (stanza.attrs["from"] === `${room}/alice` && body !== null) resolve(body);
      });
    });
    await alice.send({ to: room, type: "groupchat", body: "claw: who is there?" });
    expect(await heard).toBe("claw: who is there?");
    const since = alice.stanzas.length;
    const answer = new Element("message", { to: room, type: "groupchat" });
    answer.c("body").t("me");
    await bot.session.send(answer);
    expect((await alice.waitForBody(`${room}/claw`, { since })).body).toBe("me");
  });
});

test("a stream that is cut in mid-conversation is resumed: nothing lost, nothing doubled", async () => {
  const line = await startTcpProxy(ejabberd.ports.c2s);
  ends.push(line.stop);
  const bot = startBot("tcp", PASSWORD, line);
  await reached(bot, "online");
  const heard: string[] = [];
  const answers: Promise<unknown>[] = [];
  bot.session.onStanza((stanza) => {
    const body = stanza.is("message") ? stanza.getChildText("body") : null;
    if (body === null) return;
    heard.push(body);
    const answer = new Element("message", { to: alice.jid, type: "chat" });
    answer.c("body").t(`re: ${body}`);
    answers.push(bot.session.send(answer));
  });
  const say = (body: string) => alice.send({ to: "bot@localhost/cut", body });
  const since = alice.stanzas.length;
  await say("one");
  await alice.waitForBody("bot@localhost/cut", { since });

  // What is said and answered from here on reaches nobody before the line is cut.
  line.freeze();
  await say("two");
  const own = new Element("message", { to: alice.jid, type: "chat" });
  own.c("body").t("into the void");
  answers.push(bot.session.send(own));
  await waitFor(() => line.swallowed > 0, { what: "our message to leave" });
  line.cut();
  await say("three");
  await waitFor(() => bot.session.state.kind === "online" && bot.session.state.facts.resumed, {
    what: "the stream to be resumed",
    evidence: () => bot.log.join("\n"),
  });
  await say("four");
  await alice.waitFor(({ body }) => body === "re: four", { since });
  await Promise.all(answers);
  expect(heard).toEqual(["one", "two", "three", "four"]);
  const got = alice.stanzas.slice(since).flatMap(({ body }) => body ?? []);
  expect(got.toSorted()).toEqual(
    ["into the void", ...["one", "two", "three", "four"].map((body) => `re: ${body}`)].toSorted(),
  );
  expect(got.filter((body) => body.startsWith("re: "))).toEqual(heard.map((body) => `re: ${body}`));
});

describe("what ejabberd refuses", () => {
  test("a wrong password of the account", async () => {
    const bot = startBot("tcp", "wrong");
    await reached(bot, "refused");
    expect(bot.session.state).toMatchObject({
      error: { condition: "not-authorized", advice: expect.stringMatching(/password/) },
    });
  });

  test("a wrong password of the room", async () => {
    const room = jid(await ejabberd.room("vault", { password: "open sesame" }));
    const bot = startBot("tcp");
    await reached(bot, "online");
    bot.rooms.join(room, { password: "open barley" });
    expect((await untilRoom(bot, room, "refused")).reason).toMatch(/password/);
  });
});
