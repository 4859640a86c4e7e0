/** What waits for the agent, as the operator sees and clears it. */
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import { body, createRoadIn, message, type RoadInOptions } from "../../test/support/road-in.ts";
import { createIngressDatabase } from "../state/ingress-database.ts";
import { createIngressQueue } from "../state/ingress-queue.ts";
import { STANZA_IDS } from "../protocol/xep-0359-ids.ts";
import type { MessageQueue } from "./ingress-queue.ts";
import { createWaitingMessages } from "./waiting.ts";

const ALICE = "alice@example/phone";
const BOB = "bob@example/phone";

function setUp(options: RoadInOptions = {}) {
  const road = createRoadIn({ ...options, keys: { dmPolicy: "open", allowFrom: ["*"] } });
  const { queue, context, tally, log } = road;
  const waiting = createWaitingMessages({ queue, revisions: context.revisions, tally, log });
  const say = async (id: string, from = ALICE) =>
    await road.session.receive(
      message(
        from,
        `${body(id)}<stanza-id xmlns="${STANZA_IDS}" by="bot@example" id="${id}"/>`,
      ).replace("<message ", `<message id="${id}" `),
    );
  const texts = () => road.turns.map((turn) => turn.message.bodyForAgent);
  return { ...road, waiting, say, texts };
}

/** The agent is at Alice's first message until `go`. */
async function whileItWorks(options: RoadInOptions = {}) {
  const gate = Promise.withResolvers<void>();
  let isAsked = false;
  const road = setUp({
    ...options,
    dispatch: async ({ ctxPayload }) => {
      if (ctxPayload.message.rawBody !== "work") return;
      isAsked = true;
      await gate.promise;
    },
  });
  await road.say("work");
  await expect.poll(() => isAsked).toBe(true);
  return { ...road, go: gate.resolve, fail: () => gate.reject(new Error("the Gateway stops")) };
}

function createHostsQueue(): MessageQueue {
  const database = createIngressDatabase(":memory:", { log: createFakeLog() });
  const queue = createIngressQueue({ database, channelId: "xmpp", accountId: "default" });
  return queue as unknown as MessageQueue;
}

describe.each([
  ["ours", () => ({})],
  ["the host's", () => ({ hostsQueue: createHostsQueue() })],
])("in a queue of %s", (_, options: () => RoadInOptions) => {
  it("is shown in its order, and stays", async () => {
    const { say, waiting, go, texts, receiver } = await whileItWorks(options());
    await say("a");
    await say("b");
    const shown = await waiting.list();
    expect(shown.filter(({ state }) => state !== "begun")).toMatchObject([
      { conversation: "alice@example", from: "alice@example", text: "a" },
      { conversation: "alice@example", text: "b" },
    ]);
    go();
    await receiver.idle();
    await expect.poll(texts).toEqual(["work", "a", "b"]);
    await expect.poll(waiting.list).toEqual([]);
  });

  it("is not answered once it is cleared, counted and logged without a word of it", async () => {
    const { say, waiting, go, texts, receiver, tally, log, queue } = await whileItWorks(options());
    await say("a");
    await say("b");
    const { cleared } = await waiting.clear();
    expect(cleared).toBe(2);
    expect((await waiting.list()).filter(({ state }) => state !== "begun")).toEqual([]);
    expect((await waiting.clear()).cleared).toBe(0);
    // A copy of it, as an archive has it, is no new message.
    await say("a");
    go();
    await receiver.idle();
    await say("c");
    await receiver.idle();
    await expect.poll(texts).toEqual(["work", "c"]);
    expect(await queue.listPending({ limit: "all" })).toEqual([]);
    expect(tally.read()).toMatchObject({ cleared: 2, duplicate: 1 });
    expect(tally.read()).not.toHaveProperty("revised");
    expect(tally.read()).not.toHaveProperty("given-up");
    expect(log.lines).toContainEqual(
      expect.stringMatching(/^warn .*cleared 2 message\(s\).*alice@example$/),
    );
  });

  it("is cleared in one conversation, and left in others", async () => {
    const isBusy = new Error("another OpenClaw process owns state-lifecycle");
    const road = setUp({ ...options(), dispatch: async () => await Promise.reject(isBusy) });
    await road.say("a");
    await road.say("b", BOB);
    // Each is put back, to be tried again after a while.
    await expect.poll(async () => await road.queue.listPending()).toHaveLength(2);
    expect(await road.waiting.clear("bob@example")).toEqual({ cleared: 1, kept: 0 });
    const left = await road.waiting.list();
    expect(left).toMatchObject([{ conversation: "alice@example", text: "a" }]);
    const oldestAt = left[0]?.receivedAt;
    expect(await road.waiting.count()).toEqual({ waiting: 1, oldestAt });
    await road.receiver.stop();
    expect((await road.queue.listPending()).map(({ id }) => id)).toEqual([
      expect.stringContaining(" a "),
    ]);
  });
});

it("is counted without a look at what it says: status asks often, and much may wait", async () => {
  const record = (id: string, receivedAt: number) => ({
    id,
    receivedAt,
    get payload(): never {
      throw new Error("read");
    },
  });
  const { context, log, tally } = setUp();
  context.revisions.clear("b");
  const pending = [record("a", 7), record("b", 1), record("c", 5)];
  const queue = {
    listPending: async () => pending,
    listClaims: async () => [record("c", 5)],
    complete: async () => true,
  } as unknown as MessageQueue;
  const params = { revisions: context.revisions, tally, log };
  const waiting = createWaitingMessages({ queue, ...params });
  expect(await waiting.count()).toEqual({ waiting: 2, oldestAt: 5 });
  pending.length = 0;
  const none = { ...queue, listClaims: async () => [] };
  expect(await createWaitingMessages({ queue: none, ...params }).count()).toEqual({ waiting: 0 });
});

it("a correction of what was cleared is a message of its own", async () => {
  const { say, session, waiting, go, texts, receiver, events } = await whileItWorks();
  await say("a");
  await waiting.clear();
  const correction = `${body("b")}<replace xmlns="urn:xmpp:message-correct:0" id="a"/>`;
  await session.receive(message(ALICE, correction).replace("<message ", '<message id="c" '));
  go();
  await receiver.idle();
  await expect.poll(texts).toEqual(["work", "b"]);
  expect(events).toEqual([]);
});

it("what was cleared stays so, whoever held it as the process ended", async () => {
  const folder = await mkdtemp(join(tmpdir(), "waiting-"));
  const file = join(folder, "ingress.sqlite");
  const before = await whileItWorks({ file });
  await before.say("a");
  expect((await before.waiting.clear()).cleared).toBe(1);
  const stopped = before.receiver.stop();
  before.fail();
  await stopped;
  before.database.close();
  const { texts, receiver, database, say, tally } = setUp({ file });
  await expect.poll(texts).toEqual(["work"]);
  await say("b");
  await receiver.idle();
  await expect.poll(texts).toEqual(["work", "b"]);
  expect(tally.read()).not.toHaveProperty("revised");
  database.close();
  await rm(folder, { recursive: true });
});
