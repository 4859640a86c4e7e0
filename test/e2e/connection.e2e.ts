/**
 * The session against a real Prosody: all three transports, and what goes wrong with them.
 */
import { Element } from "ltx";
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import type { Endpoint, XmppSession } from "../../src/client/types.ts";
import { XmppStanzaError } from "../../src/errors.ts";
import { startProsody } from "../support/prosody.ts";
import type { Prosody } from "../support/prosody.ts";
import { startSlixmpp } from "../support/slixmpp.ts";
import type { SlixmppClient } from "../support/slixmpp.ts";
import { startTcpProxy } from "../support/tcp-proxy.ts";
import type { TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";
import { chat, ours, reached } from "../support/xmpp-subjects.ts";
import type { OursOptions } from "../support/xmpp-subjects.ts";

let prosody: Prosody;
beforeAll(async () => {
  prosody = await startProsody();
  await prosody.register("bot", "secret");
  await prosody.register("alice", "secret");
}, 60_000);
afterAll(async () => prosody.stop());

const sessions: XmppSession[] = [];
afterEach(async () => {
  await Promise.all(sessions.splice(0).map((session) => session.stop()));
});

function open(options: OursOptions = {}): XmppSession {
  const session = ours(prosody.ports.c2s, { caFile: prosody.caFile, ...options });
  sessions.push(session);
  session.start();
  return session;
}

async function bodies(session: XmppSession, count: number): Promise<string[]> {
  const seen: string[] = [];
  return await new Promise((resolve) =>
    session.onStanza((stanza) => {
      const body = stanza.is("message") ? stanza.getChildText("body") : null;
      if (body !== null && seen.push(body) === count) resolve(seen);
    }),
  );
}

const endpoints = (): Record<Endpoint["transport"], Endpoint> => ({
  tcp: { transport: "tcp", host: "127.0.0.1", port: prosody.ports.c2s },
  tls: { transport: "tls", host: "127.0.0.1", port: prosody.ports.c2sTls },
  websocket: {
    transport: "websocket",
    url: `wss://localhost:${prosody.ports.https}/xmpp-websocket`,
  },
});

describe.each(["tcp", "tls", "websocket"] as const)("over %s", (transport) => {
  it("logs in behind verified TLS, exchanges long non-ASCII text, and leaves", async () => {
    const bot = open({ endpoint: endpoints()[transport] });
    await reached(bot, "online");
    expect(bot.state).toMatchObject({
      kind: "online",
      facts: {
        transport,
        jid: "bot@localhost/test",
        mechanism: "SCRAM-SHA-256",
        tls: { version: "TLSv1.3" },
      },
    });
    const alice = open({ jid: "alice@localhost" });
    await reached(alice, "online");
    bot.post(new Element("presence"));
    const long = "äöü€😀 ".repeat(4000);
    const arrived = bodies(bot, 3);
    for (const text of ["one", long, "three"]) {
      await alice.send(chat(text, "bot@localhost/test"));
    }
    expect(await arrived).toEqual(["one", long, "three"]);
    const back = bodies(alice, 1);
    await bot.send(chat(long, "alice@localhost/test"));
    expect(await back).toEqual([long]);
    await bot.stop();
    expect(bot.state.kind).toBe("stopped");
    expect(bot.jid).toBeUndefined();
  });
});

describe("a session", () => {
  it("refuses a wrong password for good", async () => {
    const bot = open({ password: "wrong" });
    await reached(bot, "refused");
    expect(bot.state).toMatchObject({
      error: { condition: "not-authorized", advice: expect.stringMatching(/password/) },
    });
  });

  it("asks, is answered, and answers what nobody else answers", async () => {
    const bot = open();
    const alice = open({ jid: "alice@localhost" });
    await Promise.all([reached(bot, "online"), reached(alice, "online")]);
    const ping = (to: string) => {
      const iq = new Element("iq", { type: "get", to });
      iq.c("ping", { xmlns: "urn:xmpp:ping" });
      return iq;
    };
    expect((await bot.request(ping("localhost"))).attrs["type"]).toBe("result");
    const nobody = alice.request(ping("bot@localhost/test"));
    await expect(nobody).rejects.toThrow(XmppStanzaError);
    await expect(nobody).rejects.toMatchObject({ condition: "service-unavailable" });
    bot.onIq(() => undefined);
    bot.onIq(async () => new Element("iq"));
    expect((await alice.request(ping("bot@localhost/test"))).attrs["from"]).toBe(
      "bot@localhost/test",
    );
    bot.onIq(() => {
      throw new Error("never asked, the one before answers");
    });
    expect((await alice.request(ping("bot@localhost/test"))).attrs["type"]).toBe("result");
  });

  it("confirms a thousand stanzas sent at once", async () => {
    const bot = open();
    await reached(bot, "online");
    const texts = Array.from({ length: 1000 }, (_, index) => `${index}`);
    const arrived = bodies(bot, texts.length);
    await Promise.all(texts.map((text) => bot.send(chat(text, "bot@localhost/test"))));
    expect(await arrived).toEqual(texts);
  });

  it("refuses a stanza that would end the stream, and stays online", async () => {
    const bot = open();
    await reached(bot, "online");
    await expect(bot.send(chat("x".repeat(300_000)))).rejects.toThrow(XmppStanzaError);
    await bot.send(chat("small"));
    expect(bot.state.kind).toBe("online");
  });

  it("gives way to another client with its resource", async () => {
    const first = open();
    await reached(first, "online");
    const second = open();
    await reached(second, "online");
    await reached(first, "refused");
    expect(first.state).toMatchObject({ error: { condition: "conflict" } });
    expect(second.state.kind).toBe("online");
  });

  it("is killed with the server: says what was not confirmed, comes back when it does", async () => {
    const bot = open();
    await reached(bot, "online");
    await prosody.kill();
    await waitFor(() => bot.state.kind !== "online", { what: "the loss" });
    await expect(bot.send(chat("x"))).rejects.toThrow(/not connected/);
    await prosody.restart();
    await reached(bot, "online");
    expect(bot.state).toMatchObject({ facts: { resumed: false } });
    await bot.send(chat("again"));
    // Whichever wins the race: told as confirmed, or, once the server says that it knows nothing, not.
    const outcome = bot.send(chat("y")).catch((error: unknown) => error);
    await prosody.kill();
    await waitFor(() => bot.state.kind !== "online", { what: "the loss" });
    await prosody.restart();
    await reached(bot, "online");
    expect([undefined, "XmppUnconfirmedError"]).toContain(
      ((await outcome) as Error | undefined)?.name,
    );
  }, 30_000);

  it("leaves no handle behind", async () => {
    const busy = () =>
      process.getActiveResourcesInfo().filter((name) => /TCP|TLS|Timeout/.test(name)).length;
    const before = busy();
    for (const endpoint of Object.values(endpoints())) {
      const bot = open({ endpoint });
      await reached(bot, "online");
      await bot.stop();
    }
    const gone = waitFor(() => busy() <= before, { what: "sockets and timers to go" });
    expect(await gone).toBe(true);
  });
});

describe("a lost connection", () => {
  const BOT = "bot@localhost/test";
  let friend: SlixmppClient;
  let line: TcpProxy;
  afterEach(async () => Promise.all([friend?.stop(), line?.stop()]));

  /** Each test has a friend of its own, for whom the server has nothing left from the one before. */
  let friends = 0;
  async function startFriend(): Promise<SlixmppClient> {
    const jid = await prosody.register(`friend${friends}`, "secret");
    const { caFile, ports } = prosody;
    return await startSlixmpp({ jid, password: "secret", caFile, port: ports.c2s });
  }

  /** Our bot on a line that can be cut, in sight of a friend on another client. */
  async function setUp(transport: Endpoint["transport"] = "tcp"): Promise<XmppSession> {
    const { c2s, c2sTls, https } = prosody.ports;
    line = await startTcpProxy({ tcp: c2s, tls: c2sTls, websocket: https }[transport]);
    const { port } = line;
    const endpoint: Record<Endpoint["transport"], Endpoint> = {
      tcp: { transport: "tcp", host: "127.0.0.1", port },
      tls: { transport: "tls", host: "127.0.0.1", port },
      websocket: { transport: "websocket", url: `wss://localhost:${port}/xmpp-websocket` },
    };
    friends += 1;
    friend = await startFriend();
    const bot = open({ endpoint: endpoint[transport] });
    await reached(bot, "online");
    bot.post(new Element("presence", { to: friend.jid }));
    await friend.waitFor(({ event, from }) => event === "presence" && from === BOT);
    return bot;
  }

  async function loseAndReturn(bot: XmppSession): Promise<void> {
    const lost = reached(bot, "waiting");
    line.cut();
    await lost;
    await reached(bot, "online");
  }

  const isGone = ({ type, from }: { type: string; from: string }) =>
    type === "unavailable" && from === BOT;

  it.each(["tcp", "tls", "websocket"] as const)(
    "is resumed: fifty messages each way arrive, once and in order (%s)",
    async (transport) => {
      const bot = await setUp(transport);
      const heard: string[] = [];
      bot.onStanza((stanza) => {
        const body = stanza.is("message") ? stanza.getChildText("body") : null;
        if (body !== null) heard.push(body);
      });
      const sends: Promise<void>[] = [];
      const talk = async (first: number, last: number) => {
        for (let n = first; n <= last; n += 1) {
          sends.push(bot.send(chat(`${n}`, friend.jid)));
          await friend.send({ to: BOT, body: `${n}` });
        }
      };

      await talk(1, 15);
      line.freeze();
      await talk(16, 35);
      // The server has what the friend said; what we said is lost on the way.
      await friend.ping();
      await waitFor(() => line.swallowed > 0, { what: "our messages to leave" });
      await loseAndReturn(bot);
      expect(bot.state).toMatchObject({ facts: { jid: BOT, resumed: true } });
      await talk(36, 50);
      await loseAndReturn(bot);
      expect(bot.state).toMatchObject({ facts: { jid: BOT, resumed: true } });

      const all = Array.from({ length: 50 }, (_, index) => `${index + 1}`);
      await Promise.all(sends);
      await waitFor(() => heard.includes("50"), { what: "the last message" });
      // A round trip each: whatever came twice is here now.
      await Promise.all([friend.ping(), bot.send(chat("end", "bot@localhost/test"))]);
      await waitFor(() => heard.includes("end"), { what: "our own message" });
      expect(heard).toEqual([...all, "end"]);
      expect(friend.stanzas.flatMap(({ body }) => body ?? [])).toEqual(all);
      expect(friend.stanzas.filter(isGone)).toEqual([]);
    },
  );

  it("that the server ends by restarting: what it remembers to have is confirmed, nothing is sent twice", async () => {
    const bot = await setUp();
    line.freeze("answers");
    const outcome = bot.send(chat("once", friend.jid)).then(() => "confirmed", String);
    await friend.waitForBody(BOT);
    await prosody.restart();
    await friend.stop();
    friend = await startFriend();
    await loseAndReturn(bot);
    expect(bot.state).toMatchObject({ facts: { resumed: false } });
    expect(await outcome).toBe("confirmed");
    await bot.send(chat("again", friend.jid));
    await friend.waitFor(({ body }) => body === "again");
    // What the server had held back for the friend bears a stamp; what we say now does not.
    const isNew = ({ xml }: { xml: string }) => !xml.includes("urn:xmpp:delay");
    expect(friend.stanzas.filter(isNew).flatMap(({ body }) => body ?? [])).toEqual(["again"]);
  });

  it("is not an end that is meant: after that we are seen offline at once", async () => {
    const bot = await setUp();
    await loseAndReturn(bot);
    expect(friend.stanzas.filter(isGone)).toEqual([]);
    await bot.stop();
    // Well within the minute for which this server keeps a lost stream.
    expect(await friend.waitFor(isGone, { timeoutMs: 10_000 })).toBeDefined();
    expect(await prosody.shell("c2s:show()")).not.toContain(BOT);
  });
});

describe("a black hole", () => {
  let line: TcpProxy;
  let bot: XmppSession;
  afterEach(async () => line?.stop());

  /** By default 30 s and 25 s: found within 55 s (src/client/session.test.ts). */
  const timings = { idleMs: 400, answerMs: 400, endpointTimeoutMs: 1_000 };
  async function setUp(): Promise<void> {
    line = await startTcpProxy(prosody.ports.c2s);
    bot = open({
      endpoint: { transport: "tcp", host: "127.0.0.1", port: line.port },
      timings,
    });
    await reached(bot, "online");
  }
  const loss = async () => {
    await reached(bot, "waiting");
    return bot.state;
  };

  it.each([
    ["in both directions", "both"],
    ["for what the server says", "answers"],
    ["for what we say", "questions"],
  ] as const)("%s: is found out, and left behind when the line heals", async (_what, direction) => {
    await setUp();
    line.freeze(direction);
    expect(await loss()).toMatchObject({ error: { condition: "timeout" } });
    line.thaw();
    await reached(bot, "online");
    await bot.send(chat("healed", "bot@localhost/test"));
  });

  it("is found out under a steady flow of what we say (fault 7)", async () => {
    await setUp();
    const flow = setInterval(() => bot.post(chat("on and on", "bot@localhost/test")), 20);
    line.freeze();
    expect(await loss()).toMatchObject({ error: { condition: "timeout" } });
    clearInterval(flow);
  });

  it("is found out under a steady flow of what we hear", async () => {
    await setUp();
    bot.post(new Element("presence"));
    const alice = open({ jid: "alice@localhost" });
    await reached(alice, "online");
    const flow = setInterval(() => alice.post(chat("on and on", "bot@localhost/test")), 20);
    let heard = 0;
    bot.onStanza((stanza) => void (stanza.is("message") && (heard += 1)));
    await waitFor(() => heard > 3, { what: "messages" });
    line.freeze("questions");
    heard = 0;
    expect(await loss()).toMatchObject({ error: { condition: "timeout" } });
    expect(heard).toBeGreaterThan(5);
    clearInterval(flow);
  });

  // Prosody answers a login over STARTTLS with some twelve packets.
  it.each([0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10])(
    "after %i packets of a login: the attempt ends, and the next succeeds",
    async (packets) => {
      line = await startTcpProxy(prosody.ports.c2s);
      line.freezeAfter(packets);
      bot = open({
        endpoint: { transport: "tcp", host: "127.0.0.1", port: line.port },
        timings: { ...timings, endpointTimeoutMs: 500 },
      });
      await Promise.race([reached(bot, "waiting"), reached(bot, "online")]);
      if (bot.state.kind === "online") await reached(bot, "waiting");
      expect(bot.state).toMatchObject({ error: { condition: "timeout" } });
      line.thaw();
      line.cut();
      await reached(bot, "online");
      await bot.send(chat("healed", "bot@localhost/test"));
    },
  );
});
