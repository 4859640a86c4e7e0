/** What was said is answered once, however the Gateway's process ends meanwhile. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { askMarker, bodiesFrom, think } from "../support/conversation.ts";
import { mergeConfig, startGateway, type Gateway } from "../support/gateway.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { startSlixmppUser, type SlixmppClient } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "bot@localhost";
/** Long enough for a process to be ended while messages wait for each other. */
const TOGETHER_MS = 4_000;

let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
let anna: SlixmppClient;

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  await prosody.register("bot", "bot");
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      messages: { inbound: { byChannel: { xmpp: TOGETHER_MS } } },
      session: { dmScope: "per-account-channel-peer" },
      channels: {
        xmpp: {
          jid: BOT,
          password: "bot",
          server: `127.0.0.1:${prosody.ports.c2s}`,
          tls: { caFile: prosody.caFile },
          dmPolicy: "open",
          allowFrom: ["*"],
        },
      },
    },
  });
  anna = await startSlixmppUser(prosody, "anna");
});
beforeEach(() => {
  model.setReply();
  model.clear();
});
afterAll(async () => {
  await anna?.stop();
  await gateway?.stop();
  await Promise.all([prosody?.stop(), model?.stop()]);
});

const database = () => join(gateway.stateDir, "xmpp", "default", "ingress.sqlite");

/** How many messages lie on disk, in these states. */
function onDisk(...states: string[]): number {
  if (!existsSync(database())) return 0;
  const db = new DatabaseSync(database(), { readOnly: true });
  try {
    return db
      .prepare("SELECT status FROM events")
      .all()
      .filter(({ status }) => states.includes(String(status))).length;
  } finally {
    db.close();
  }
}

/** Says it, and waits until it is on disk, where it waits for more. */
async function say(...texts: string[]): Promise<void> {
  for (const body of texts) await anna.send({ to: BOT, body });
  await waitFor(() => onDisk("pending", "claimed") === texts.length, {
    what: "all on disk",
    intervalMs: 20,
  });
}

/** What anna has been told since, by the time that something new was answered. */
async function told(since: number): Promise<string[]> {
  model.setReply();
  const marker = await askMarker(anna, BOT);
  return bodiesFrom(anna, BOT, since).filter((body) => body !== `echo: ${marker}`);
}

it("what waits on disk as the process is killed is answered once, in order", async () => {
  const since = anna.stanzas.length;
  await say("one", "two");
  await gateway.halt("SIGKILL");
  expect(onDisk("pending", "claimed")).toBe(2);
  await gateway.resume();
  await anna.waitForBody(BOT, { since, timeoutMs: 60_000 });
  expect(await told(since)).toEqual(["echo: one\ntwo"]);
});

it("what waits on disk as the Gateway is restarted is answered once", async () => {
  const since = anna.stanzas.length;
  await say("three", "four");
  await gateway.halt("SIGTERM");
  await gateway.resume();
  await anna.waitForBody(BOT, { since, timeoutMs: 60_000 });
  expect(await told(since)).toEqual(["echo: three\nfour"]);
});

it("what waits on disk as the account is restarted is answered once", async () => {
  const since = anna.stanzas.length;
  await say("five", "six");
  const name = { name: "Restarted" };
  gateway.writeConfig(mergeConfig(gateway.readConfig(), { channels: { xmpp: name } }));
  await gateway.waitForLog(/restarting xmpp channel/);
  await anna.waitForBody(BOT, { since, timeoutMs: 60_000 });
  expect(await told(since)).toEqual(["echo: five\nsix"]);
});

it("what the model was at as the process was killed is the host's to resume: it is answered once", async () => {
  const since = anna.stanzas.length;
  const thinking = think(model);
  await anna.send({ to: BOT, body: "seven" });
  await thinking.asked();
  expect(onDisk("pending", "claimed")).toBe(0);
  await gateway.halt("SIGKILL");
  thinking.answer(() => "too late");
  model.setReply(() => "resumed");
  await gateway.resume();
  await anna.waitFor(({ body }) => body === "resumed", { since, timeoutMs: 90_000 });
  expect(await told(since)).toEqual([
    expect.stringContaining("continuing your interrupted request"),
    "resumed",
  ]);
});
