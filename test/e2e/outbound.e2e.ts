/**
 * What becomes of an answer that was under way: a person has it once, whoever was killed in between. Our
 * Gateway is behind a line that can be cut, frozen, or made deaf; the server slows clients down.
 */
import { randomUUID } from "node:crypto";
import { setTimeout as delay } from "node:timers/promises";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectComponent, type Component } from "../support/component.ts";
import { ask, askMarker, bodiesFrom, think } from "../support/conversation.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { hasEnded } from "../support/host-sessions.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { passwordFor } from "../support/secrets.ts";
import { startSlixmppUser, type SlixmppClient } from "../support/slixmpp.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import { PACKAGE } from "../support/stage.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "bot@localhost";
const PASSWORD = passwordFor("bot");
const GRUMPY = { domain: "grumpy.localhost", secret: "grumpy-secret" };

let prosody: Prosody;
let model: StubModel;
let line: TcpProxy;
let gateway: Gateway;
let alice: SlixmppClient;
let room: string;

beforeAll(async () => {
  [prosody, model] = await Promise.all([
    startProsody({ limits: true, components: [GRUMPY], s2s: true }),
    startStubModel(),
  ]);
  await prosody.register("bot", PASSWORD);
  room = await prosody.room("team", { publicJids: true });
  line = await startTcpProxy(prosody.ports.c2s);
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      session: { dmScope: "per-account-channel-peer" },
      channels: {
        xmpp: {
          jid: BOT,
          password: PASSWORD,
          server: `127.0.0.1:${line.port}`,
          tls: { caFile: prosody.caFile },
          rooms: [room],
          xml: true,
          dmPolicy: "open",
          groupPolicy: "open",
          mucRooms: { [room]: { requireMention: false } },
        },
      },
    },
  });
  alice = await startSlixmppUser(prosody, "alice");
  await alice.join(room, "alice");
  // Also a witness that the archive keeps what is said to her.
  await ask(alice, BOT, "hello");
}, 120_000);
beforeEach(() => model.clear());
afterEach(() => model.setReply());
afterAll(async () => {
  await Promise.all([gateway?.stop(), alice?.stop()]);
  await Promise.all([line?.stop(), prosody?.stop(), model?.stop()]);
});

/** Has the agent ready to say `text` to who asks it, and lets it. */
async function aboutToSay(text: string, question: () => Promise<unknown>): Promise<() => void> {
  const thinking = think(model);
  await question();
  await thinking.asked();
  return () => thinking.answer(() => text);
}

/** Waits until the Gateway has written `text` to the server, as far as it knows. */
const isWritten = async (text: string) => await gateway.waitForLog(new RegExp(`<body>${text}<`));

/** The Gateway dies as it stands, and another one takes its place; after three the host starts no channel. */
async function killAndRevive(): Promise<void> {
  await gateway.halt("SIGKILL");
  line.cut();
  model.setReply();
  await gateway.resume();
}

describe("kill -9 of the Gateway between the model's answer and the server's confirmation", () => {
  // One kill for all: the next Gateway leaves the rows of the last alone for a minute.
  it("an answer that had arrived is not sent again, those that were lost are sent once", async () => {
    const bob = await startSlixmppUser(prosody, "bob");
    const since = alice.stanzas.length;
    const releases = { arrive: Promise.withResolvers<void>(), lose: Promise.withResolvers<void>() };
    model.setReply(async ({ userText }) => {
      const [fate = "", to = ""] = /(?:arrive|lose) to (\w+)/.exec(userText) ?? [];
      await releases[fate.startsWith("arrive") ? "arrive" : "lose"].promise;
      return `answer to ${to}`;
    });
    await alice.send({ to: BOT, body: "arrive to alice" });
    await bob.send({ to: BOT, body: "lose to bob" });
    await alice.send({ to: room, body: "lose to all", type: "groupchat" });
    await waitFor(() => model.requests.length === 3, { what: "the questions", timeoutMs: 90_000 });
    line.freeze("answers");
    releases.arrive.resolve();
    await alice.waitForBody(BOT, { since });
    line.freeze();
    releases.lose.resolve();
    await isWritten("answer to bob");
    await isWritten("answer to all");
    await killAndRevive();

    const said = (person: SlixmppClient, from: number) =>
      person.stanzas
        .slice(from)
        .flatMap(({ body = "" }) => (body.startsWith("answer") ? body : []));
    const isOver = () => said(alice, since).length + said(bob, 0).length >= 3;
    await waitFor(isOver, { what: "all answers", timeoutMs: 90_000, evidence: gateway.log });
    await gateway.waitForLog(/already sent/, 90_000);
    await askMarker(alice, BOT);
    await askMarker(bob, BOT);
    expect(said(alice, since)).toEqual(["answer to alice", "answer to all"]);
    expect(said(bob, 0)).toEqual(["answer to bob"]);
    await bob.stop();
  });

  it("one that the agent has just finished, and the host not yet queued, is sent once", async () => {
    const since = alice.stanzas.length;
    const answer = await aboutToSay("just finished", () =>
      alice.send({ to: BOT, body: "be quick" }),
    );
    const isOver = hasEnded(gateway, "agent:main:xmpp:default:direct:alice@localhost");
    answer();
    await isOver;
    await killAndRevive();
    await alice.waitForBody(BOT, { since, timeoutMs: 90_000 });
    await askMarker(alice, BOT);
    const said = bodiesFrom(alice, BOT, since).filter((body) => !/marker/.test(body));
    expect(said).toEqual(["just finished"]);
  });
});

describe("a stream that cannot be resumed", () => {
  it("the answer that was lost with it is sent again, once, under its id", async () => {
    const answer = await aboutToSay("lost with the stream", () =>
      alice.send({ to: BOT, body: "mind the server" }),
    );
    line.freeze();
    answer();
    await isWritten("lost with the stream");
    await prosody.kill();
    await alice.stop();
    await prosody.restart();
    line.cut();
    alice = await startSlixmppUser(prosody, "alice");
    await alice.waitForBody(BOT, { timeoutMs: 60_000 });
    model.setReply();
    await askMarker(alice, BOT);
    expect(bodiesFrom(alice, BOT).filter((body) => !/marker/.test(body))).toEqual([
      "lost with the stream",
    ]);
  });
});

describe("a server that slows its clients down", () => {
  it("gets a long answer whole and in order, over the connection that is there", async () => {
    const since = alice.stanzas.length;
    const words = Array.from({ length: 5_000 }, (_, n) => `<w&${n}>`).join(" ");
    model.setReply(() => words);
    const logins = () => gateway.log().match(/is online at/g)?.length;
    const before = logins();
    await alice.send({ to: BOT, body: "tell me all" });
    const said = () => bodiesFrom(alice, BOT, since).join(" ");
    await waitFor(() => said().endsWith("<w&4999>"), { what: "the end", timeoutMs: 60_000 });
    expect(said().split(/\s+/)).toEqual(words.split(" "));
    expect(logins()).toBe(before);
  });
});

describe("a message that comes back", () => {
  const to = `nobody@${GRUMPY.domain}`;
  let grumpy: Component;
  let off = (): void => undefined;
  beforeAll(async () => {
    grumpy = await connectComponent({ port: prosody.ports.component, ...GRUMPY });
  });
  afterEach(() => off());
  afterAll(async () => grumpy?.stop());

  const send = async (target: string, message = "anybody there?") =>
    await gateway.call("send", {
      channel: "xmpp",
      to: target,
      message,
      idempotencyKey: randomUUID(),
    });
  const lines = (what: RegExp) => gateway.log().match(new RegExp(what, "g"))?.length ?? 0;
  const isMessage = (stanza: Component["stanzas"][number]) => stanza.is("message");

  /** Answers each message with errors, once it may. */
  function refuse(condition: string, when: () => Promise<unknown>, count = 1): void {
    off = grumpy.onStanza((stanza) => {
      if (!stanza.is("message") || stanza.attrs["type"] === "error") return;
      const { from, id } = stanza.attrs as { from: string; id: string };
      const error = `<message from='${to}' to='${from}' type='error' id='${id}'><error type='cancel'><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>hostile words</text></error></message>`;
      void when().then(() => grumpy.send(error.repeat(count)));
    });
  }

  it("from where there is no server fails with that, and is logged once", async () => {
    // No name: our server's look for one may take longer than a send waits for an error.
    await expect(send("x@127.77.0.1")).rejects.toThrow(
      /x@127\.77\.0\.1 refused the message: remote-server-not-found/,
    );
    expect(lines(/refused message .*: remote-server-not-found/)).toBe(1);
  });

  it("after our server has confirmed it fails all the same, once, however often it does", async () => {
    refuse("gone", () => delay(500), 50);
    await expect(send(to)).rejects.toThrow(/nobody@grumpy\.localhost refused the message: gone/);
    await askMarker(alice, BOT);
    expect(lines(/refused message .*: gone/)).toBe(1);
    expect(grumpy.stanzas.filter(isMessage)).toHaveLength(1);
    expect(model.requests).toHaveLength(1);
  });

  it("as the answer of the agent is not taken for said", async () => {
    refuse("not-allowed", () => delay(500));
    grumpy.send(
      `<message from='${to}' to='${BOT}' type='chat' id='q0'><body>say something</body></message>`,
    );
    await gateway.waitForLog(/nobody@grumpy\.localhost refused the message: not-allowed/);
    expect(model.requests).toHaveLength(1);
  });

  it("later than anybody waits for is told to the agent with the next turn there", async () => {
    const mayRefuse = Promise.withResolvers<void>();
    refuse("item-not-found", () => mayRefuse.promise);
    await send(to);
    mayRefuse.resolve();
    await gateway.waitForLog(/refused message .*: item-not-found/);
    await askMarker(alice, BOT);
    expect(model.requests).toHaveLength(1);
    off();
    model.clear();
    grumpy.send(
      `<message from='${to}' to='${BOT}' type='chat' id='q'><body>what became of it?</body></message>`,
    );
    await waitFor(() => model.requests.length > 0, { what: "the turn", timeoutMs: 90_000 });
    const asked = JSON.stringify(model.requests[0]);
    expect(asked).toContain(`A message to ${to} came back: item-not-found.`);
    expect(asked).not.toContain("hostile words");
  });
});

describe("while the server is down", () => {
  it("message send is kept by the host, which says so, and arrives once it is up", async () => {
    await prosody.kill();
    await alice.stop();
    const message = `kept ${randomUUID()}`;
    const send = { channel: "xmpp", to: "alice@localhost", message, idempotencyKey: randomUUID() };
    const outcome = await gateway.call("send", send, 30_000).then(
      () => "sent",
      (error: unknown) => String(error),
    );
    expect(outcome).toMatch(/no connection for 5 s|still waiting/);
    await prosody.restart();
    alice = await startSlixmppUser(prosody, "alice");
    const isKept = ({ body }: { body?: string | undefined }) => body === message;
    await alice.waitFor(isKept, { timeoutMs: 90_000 });
    await askMarker(alice, BOT);
    expect(alice.stanzas.filter(isKept)).toHaveLength(1);
  });
});
