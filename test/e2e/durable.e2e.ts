/** What was said is answered once, however the Gateway's process ends meanwhile. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { ask, askMarker, bodiesFrom, hasReachedModel, think } from "../support/conversation.ts";
import { mergeConfig, startGateway, type Gateway } from "../support/gateway.ts";
import { hasSaid } from "../support/host-sessions.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { passwordFor } from "../support/secrets.ts";
import { startSlixmppUser, type SlixmppClient } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { startStubModel, type StubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "bot@localhost";
const PASSWORD = passwordFor("bot");
/** Long enough for a process to be ended while messages wait for each other. */
const TOGETHER_MS = 4_000;

let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
let anna: SlixmppClient;

beforeAll(async () => {
  [prosody, model] = await Promise.all([startProsody(), startStubModel()]);
  await prosody.register("bot", PASSWORD);
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      messages: { inbound: { byChannel: { xmpp: TOGETHER_MS } } },
      session: { dmScope: "per-account-channel-peer" },
      channels: {
        xmpp: {
          jid: BOT,
          password: PASSWORD,
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
async function say(person: SlixmppClient, ...texts: string[]): Promise<void> {
  for (const body of texts) await person.send({ to: BOT, body });
  await waitFor(() => onDisk("pending", "claimed") === texts.length, {
    what: "all on disk",
    intervalMs: 20,
  });
}

/** What somebody has been told since, by the time that something new was answered. */
async function told(person: SlixmppClient, since: number): Promise<string[]> {
  model.setReply();
  const marker = await askMarker(person, BOT);
  return bodiesFrom(person, BOT, since).filter((body) => body !== `echo: ${marker}`);
}

it("as the process is killed: what waits on disk, and what the model was at, is answered once", async () => {
  const bert = await startSlixmppUser(prosody, "bert");
  const since = anna.stanzas.length;
  const thinking = think(model);
  await anna.send({ to: BOT, body: "begun" });
  await thinking.asked();
  // From here on it is the host's, which resumes it.
  expect(onDisk("pending", "claimed")).toBe(0);
  await say(bert, "one", "two");
  await gateway.halt("SIGKILL");
  expect(onDisk("pending", "claimed")).toBe(2);
  thinking.answer(() => "too late");
  model.setReply(({ userText }) => (/one|two/.test(userText) ? `echo: ${userText}` : "resumed"));
  await gateway.resume();
  await bert.waitForBody(BOT, { timeoutMs: 60_000 });
  await anna.waitFor(({ body }) => body === "resumed", { since, timeoutMs: 90_000 });
  expect(await told(bert, 0)).toEqual(["echo: one\ntwo"]);
  expect(await told(anna, since)).toEqual([
    expect.stringContaining("continuing your interrupted request"),
    "resumed",
  ]);
  await bert.stop();
});

it("as the process is killed right after the agent's last word: that is said once", async () => {
  const since = anna.stanzas.length;
  const thinking = think(model);
  await anna.send({ to: BOT, body: "be quick" });
  await thinking.asked();
  const isSaid = hasSaid(gateway, "just said");
  thinking.answer(() => "just said");
  await isSaid;
  await gateway.halt("SIGKILL");
  model.setReply(() => "resumed");
  await gateway.resume();
  await anna.waitFor(({ body }) => body === "just said", { since, timeoutMs: 90_000 });
  // Beside it the host may say that it goes on: it does not know that the run was over.
  expect((await told(anna, since)).filter((body) => body === "just said")).toHaveLength(1);
});

it("what waits on disk as the account is restarted is answered once", async () => {
  const since = anna.stanzas.length;
  await say(anna, "five", "six");
  const name = { name: "Restarted" };
  gateway.writeConfig(mergeConfig(gateway.readConfig(), { channels: { xmpp: name } }));
  await gateway.waitForLog(/restarting xmpp channel/);
  await anna.waitForBody(BOT, { since, timeoutMs: 60_000 });
  expect(await told(anna, since)).toEqual(["echo: five\nsix"]);
});

it("a paste in five parts is one turn, and nobody else's part of it; what was said before a stop is none", async () => {
  const carl = await startSlixmppUser(prosody, "carl");
  const since = anna.stanzas.length;
  const parts = ["a", "b", "c", "d", "e"];
  for (const body of parts.slice(0, 3)) await anna.send({ to: BOT, body });
  // The host knows nothing of this conversation yet.
  await carl.send({ to: BOT, body: "delete everything" });
  for (const body of parts.slice(3)) await anna.send({ to: BOT, body });
  await waitFor(() => onDisk("pending", "claimed") === 6, { what: "all on disk", intervalMs: 20 });
  await carl.send({ to: BOT, body: "stop" });
  const { body: stopped } = await carl.waitForBody(BOT);
  expect(stopped).toMatch(/aborted/i);
  await anna.waitForBody(BOT, { since, timeoutMs: 90_000 });
  expect(await told(anna, since)).toEqual([`echo: ${parts.join("\n")}`]);
  // The host puts a note of the stop before it.
  const { body: answer } = await ask(carl, BOT, "and now?");
  expect(answer).toMatch(/\nand now\?$/);
  expect(bodiesFrom(carl, BOT)).toEqual([stopped, answer]);
  expect(hasReachedModel(model, "delete everything")).toBe(false);
  await carl.stop();
});
