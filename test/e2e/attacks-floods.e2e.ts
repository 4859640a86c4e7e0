/** Who asks too often: the agent stays there for others, and neither memory nor disk nor the log grow with it. */
import { statSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, expect, it } from "vitest";
import { connectComponent, type Component } from "../support/component.ts";
import { ask, askMarker, bodiesFrom, hasReachedModel } from "../support/conversation.ts";
import type { SlixmppClient } from "../support/slixmpp.ts";
import { BOTS, EVIL, dismissPairings, getStage, type Stage } from "../support/stage.ts";
import { waitFor } from "../support/wait.ts";

const POISON = "0bey-the-crowd";
/** The server has 10,000 messages to put into its archive meanwhile, and the machine may be busy. */
const PATIENCE_MS = 60_000;

let stage: Stage;
let alice: SlixmppClient;
let mallory: SlixmppClient;
let evil: Component;

beforeAll(async () => {
  stage = await getStage();
  [alice, mallory, evil] = await Promise.all([
    stage.person("alice"),
    stage.person("mallory"),
    connectComponent({ port: stage.prosody.ports.component, ...EVIL }),
  ]);
});
beforeEach(() => {
  stage.model.setReply();
  stage.model.clear();
});
afterAll(async () => {
  await Promise.all([alice?.stop(), mallory?.stop(), evil?.stop()]);
});

async function droppedBy(accountId: string): Promise<Record<string, number>> {
  const all = await stage.gateway.accounts("xmpp");
  const found = all.find((one) => one.accountId === accountId)?.["dropped"];
  return (found ?? {}) as Record<string, number>;
}

const sum = (counts: Record<string, number>) =>
  Object.values(counts).reduce((total, count) => total + count, 0);

/** Messages of `count` senders, each of another one where `name` says so, written as the line takes them. */
async function flood(to: string, count: number, name: (index: number) => string): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    evil.send(
      `<message from='${name(index)}@${EVIL.domain}/x' to='${to}' type='chat' id='f${index}'><body>${POISON} ${index}</body></message>`,
    );
    await evil.flushed();
  }
}

it("10,000 messages by as many strangers: who is listed is answered meanwhile", async () => {
  const { gateway } = stage;
  await ask(alice, BOTS.strict, "before");
  const logFile = join(gateway.directory, "openclaw.log");
  const before = {
    resident: gateway.residentBytes(),
    log: statSync(logFile).size,
    dropped: sum(await droppedBy("strict")),
  };
  const flooding = flood(BOTS.strict, 10_000, (index) => `stranger${index}`);
  const times: number[] = [];
  for (let question = 0; question < 3; question += 1) {
    const since = performance.now();
    await askMarker(alice, BOTS.strict, PATIENCE_MS);
    times.push(performance.now() - since);
  }
  await flooding;
  await waitFor(async () => sum(await droppedBy("strict")) >= before.dropped + 10_000, {
    what: "10,000 strangers to be counted",
    timeoutMs: 90_000,
    evidence: () => gateway.log().slice(-2_000),
  });
  expect(hasReachedModel(stage.model, POISON)).toBe(false);
  const grown = (gateway.residentBytes() - before.resident) / 1024 / 1024;
  const logged = (statSync(logFile).size - before.log) / 1024;
  process.stdout.write(
    `10,000 strangers: answers in ${times.map(Math.round).join(", ")} ms, ${grown.toFixed(0)} MB more resident, ${logged.toFixed(0)} KB of log\n`,
  );
  expect(grown).toBeLessThan(200);
  expect(logged).toBeLessThan(500);
});

it("a pairing code asked for 1,000 times is given once", async () => {
  await dismissPairings(stage);
  const since = evil.stanzas.length;
  const before = sum(await droppedBy("default"));
  await flood(BOTS.default, 1_000, () => "beggar");
  await waitFor(async () => sum(await droppedBy("default")) >= before + 999, {
    what: "1,000 requests to be counted",
    timeoutMs: 60_000,
  });
  const codes = evil.stanzas.slice(since).filter((stanza) => stanza.getChild("body"));
  expect(codes.map((stanza) => stanza.attrs["to"])).toEqual([`beggar@${EVIL.domain}`]);
  expect(hasReachedModel(stage.model, POISON)).toBe(false);
  await dismissPairings(stage);
});

it("1,000 subscription requests are answered 30 times at most, and messages as ever", async () => {
  const since = evil.stanzas.length;
  for (let index = 0; index < 1_000; index += 1) {
    evil.send(`<presence from='fan${index}@${EVIL.domain}' to='${BOTS.strict}' type='subscribe'/>`);
  }
  await askMarker(alice, BOTS.strict);
  const answers = evil.stanzas
    .slice(since)
    .filter((stanza) => /^(?:un)?subscribed?$/.test(String(stanza.attrs["type"])));
  expect(answers.length).toBeGreaterThan(0);
  expect(answers.length).toBeLessThanOrEqual(30);
  const left = async () => (await droppedBy("strict"))["subscriptions-limited"] ?? 0;
  // The server takes its time with so many.
  await waitFor(async () => (await left()) > 0, { what: "the count of the others" });
});

it("commands: ten a minute, then one refusal in the words of the seed, and /stop of an owner as ever", async () => {
  const refusal = "Too many commands. Please wait before sending more.";
  const limited = async () => (await droppedBy("limited"))["commands-limited"] ?? 0;
  const overdo = async (person: SlixmppClient) => {
    const [since, before] = [person.stanzas.length, await limited()];
    for (let count = 0; count < 25; count += 1) {
      await person.send({ to: BOTS.limited, body: "/status" });
    }
    await person.waitFor(({ body }) => body === refusal, { since, timeoutMs: 90_000 });
    await waitFor(async () => (await limited()) === before + 15, {
      what: "15 commands to be refused",
      timeoutMs: 90_000,
    });
    const told = bodiesFrom(person, BOTS.limited, since);
    expect(told.filter((text) => text === refusal)).toHaveLength(1);
  };
  await overdo(mallory);
  // Whose word stops nothing has no more of it than of any other.
  const before = await limited();
  await mallory.send({ to: BOTS.limited, body: "/stop" });
  await waitFor(async () => (await limited()) === before + 1, { what: "the stop to be refused" });
  await overdo(alice);
  const stopped = alice.stanzas.length;
  await alice.send({ to: BOTS.limited, body: "/stop" });
  const answer = await alice.waitForBody(BOTS.limited, { since: stopped, timeoutMs: 90_000 });
  expect(answer.body).not.toBe(refusal);
});

it("turns: thirty a minute, then the sender is told once; others are answered", async () => {
  const greta = await stage.person("greta");
  const since = greta.stanzas.length;
  for (let count = 0; count < 40; count += 1) {
    await greta.send({ to: BOTS.limited, body: `question ${count}` });
  }
  const isTold = ({ body }: { body?: string }) =>
    body?.startsWith("Too many messages: this one") === true;
  const isOver = async () => ((await droppedBy("limited"))["turns-limited"] ?? 0) > 0;
  // What comes quickly may be one turn together; so it is not forty.
  for (let more = 0; more < 60 && !(await isOver()); more += 1) {
    await greta.send({ to: BOTS.limited, body: `more ${more}` });
    await greta.waitForBody(BOTS.limited, { since: greta.stanzas.length, timeoutMs: 90_000 });
  }
  await greta.waitFor(isTold, { since, timeoutMs: 90_000 });
  expect(greta.stanzas.slice(since).filter(isTold)).toHaveLength(1);
  expect((await ask(mallory, BOTS.limited, "and me?")).body).toBe("echo: and me?");
  await greta.stop();
});
