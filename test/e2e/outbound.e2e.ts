/**
 * What becomes of an answer that was under way: a person has it once, whoever was killed in between. Our
 * Gateway is behind a line that can be cut, frozen, or made deaf; the server slows clients down.
 */
import { randomUUID } from "node:crypto";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { connectComponent, type Component } from "../support/component.ts";
import { ask, askMarker, bodiesFrom, think } from "../support/conversation.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { startSlixmppUser, type SlixmppClient } from "../support/slixmpp.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import { PACKAGE } from "../support/stage.ts";
import { startTcpProxy, type TcpProxy } from "../support/tcp-proxy.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "bot@localhost";
const GRUMPY = { domain: "grumpy.localhost", secret: "grumpy-secret" };

let prosody: Prosody;
let model: StubModel;
let line: TcpProxy;
let gateway: Gateway;
let alice: SlixmppClient;
let room: string;

beforeAll(async () => {
  [prosody, model] = await Promise.all([
    startProsody({ limits: true, components: [GRUMPY] }),
    startStubModel(),
  ]);
  await prosody.register("bot", "bot");
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
          password: "bot",
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

/** The Gateway dies as it stands, and another one takes its place. After three the host starts no channel. */
async function killAndRevive(): Promise<void> {
  await gateway.halt("SIGKILL");
  line.cut();
  model.setReply();
  await gateway.resume();
}

describe("kill -9 of the Gateway between the model's answer and the server's confirmation", () => {
  it("the answer had arrived: it is not sent again", async () => {
    const since = alice.stanzas.length;
    const answer = await aboutToSay("I got through", () =>
      alice.send({ to: BOT, body: "get through" }),
    );
    line.freeze("answers");
    answer();
    await alice.waitForBody(BOT, { since });
    await killAndRevive();
    await gateway.waitForLog(/already sent/, 60_000);
    await askMarker(alice, BOT);
    expect(bodiesFrom(alice, BOT, since).filter((body) => !/marker/.test(body))).toEqual([
      "I got through",
    ]);
  });

  it("answers to a person and to a room were lost: each is sent once", async () => {
    const since = alice.stanzas.length;
    const thinking = think(model);
    await alice.send({ to: BOT, body: "to me" });
    await alice.send({ to: room, body: "to all", type: "groupchat" });
    await thinking.asked(2);
    line.freeze();
    thinking.answer(({ userText }) => `lost ${/to me|to all/.exec(userText)?.[0]}`);
    await isWritten("lost to me");
    await isWritten("lost to all");
    await killAndRevive();
    const isAnswer = ({ body = "" }: { body?: string | undefined }) => body.startsWith("lost");
    const answers = () => alice.stanzas.slice(since).filter(isAnswer);
    await waitFor(() => answers().length >= 2, {
      what: "both answers",
      timeoutMs: 60_000,
      evidence: () => gateway.log(),
    });
    await askMarker(alice, BOT);
    expect(
      answers()
        .map(({ body }) => body)
        .toSorted(),
    ).toEqual(["lost to all", "lost to me"]);
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

describe("who answers with errors only", () => {
  let grumpy: Component;
  beforeAll(async () => {
    grumpy = await connectComponent({ port: prosody.ports.component, ...GRUMPY });
  });
  afterAll(async () => grumpy?.stop());

  it("gets one message, and one line in the log; the agent hears nothing of it", async () => {
    const to = `nobody@${GRUMPY.domain}`;
    const errors = 50;
    grumpy.onStanza((stanza) => {
      if (!stanza.is("message") || stanza.attrs["type"] === "error") return;
      const { from, id } = stanza.attrs as { from: string; id: string };
      const error = `<message from='${to}' to='${from}' type='error' id='${id}'><error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/><text xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'>hostile words</text></error></message>`;
      grumpy.send(error.repeat(errors));
    });
    const send = { channel: "xmpp", to, message: "anybody there?", idempotencyKey: randomUUID() };
    // Whether the error is there before the server's confirmation is a race.
    await gateway.call("send", send).catch((error: unknown) => error);
    await gateway.waitForLog(/refused message .*gone/);
    await askMarker(alice, BOT);
    expect(gateway.log().match(/refused message .*: gone/g)).toHaveLength(1);
    const isMessage = (stanza: Component["stanzas"][number]) => stanza.is("message");
    expect(grumpy.stanzas.filter(isMessage)).toHaveLength(1);
    expect(model.requests).toHaveLength(1);
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
