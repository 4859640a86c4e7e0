/** What the session says of an answer that was ready as the Gateway died, and what becomes of it. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import { XmppStanzaError } from "../errors.ts";
import type { Evidence } from "../outbound/evidence.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { messageIds } from "../outbound/message-ids.ts";
import { readReplyFacts } from "../outbound/reply-facts.ts";
import type { OwedAnswer } from "../state/owed-answers.ts";
import { createOwedRecovery } from "./owed-recovery.ts";

type Batch = { to: string; payloads: { text: string }[]; deps: Record<string, unknown> };
const sent: Batch[] = [];
let sending: (batch: Batch) => { status: string; error?: unknown };
vi.mock(import("openclaw/plugin-sdk/channel-outbound"), async (original) => ({
  ...(await original()),
  sendDurableMessageBatch: (async (batch: Batch) => {
    sent.push(batch);
    return sending(batch);
  }) as never,
}));

let isOnline = true;
vi.mock(import("../outbound/reach.ts"), async (original) => ({
  ...(await original()),
  reach: async () => (isOnline ? ({} as never) : undefined),
  isReachable: () => true,
}));
let evidence: (isOurs: (id: string) => boolean) => Evidence;
/** What we have said after the message of that archive id. */
let said: Record<string, string> = {};
vi.mock("../outbound/evidence.ts", () => ({
  hasSaid: async (...[, , after, text, others]: [unknown, unknown, string, string, string[]]) =>
    said[after] === text && !others.includes(text),
  findEvidence: async (_live: unknown, _target: unknown, isOurs: (id: string) => boolean) =>
    evidence(isOurs),
}));

const OWED: OwedAnswer = {
  messageId: "m1",
  agentId: "main",
  sessionKey: "agent:main:xmpp:direct:alice@localhost",
  to: "alice@localhost",
  since: 1_000,
};
const DELIVERY = "1094a4ca-9a15-4a53-93d7-e0171b72cca1";
const NOTHING_KEPT = new Set<string>();

const user = (messageId: string, more = {}) => ({
  message: { role: "user", content: "do it", __openclaw: { transport: { messageId } }, ...more },
});
const assistant = (text: string, stopReason = "stop", more = {}) => ({
  message: { role: "assistant", stopReason, content: [{ type: "text", text }], ...more },
});
const toolResult = { message: { role: "toolResult", content: [{ type: "text", text: "ok" }] } };
const other = { type: "model_change" };

const delivery = (state: string, over = {}) => ({
  status: "done",
  pendingFinalDelivery: {
    kind: "replayable",
    text: "as it was to be sent",
    createdAt: 1_010,
    deliveries: [{ id: DELIVERY, state }],
    ...over,
  },
});

const settled: string[] = [];
let isDenied = false;
let time = 2_000;

beforeEach(() => {
  sent.length = settled.length = 0;
  sending = ({ deps }) => {
    readReplyFacts(deps)?.onQueued?.();
    return { status: "sent" };
  };
  isOnline = true;
  isDenied = false;
  said = {};
  time = 2_000;
  evidence = () => ({ arrived: new Set(), isConclusive: true });
});

function start(session: object | undefined, events: object[] = [], left = [OWED]) {
  const log = createFakeLog();
  const state = { session };
  const recovery = createOwedRecovery({
    accountId: "default",
    owed: {
      note: async () => undefined,
      settle: ({ messageId }) => void settled.push(messageId),
      has: ({ messageId }) => !settled.includes(messageId),
      left: () => left,
    },
    readConfig: () => ({}),
    readLongest: () => 60_000,
    log,
    now: () => time,
    sessions: {
      read: () => state.session && { sessionId: "s", ...state.session },
      transcript: () => events,
      isDenied: () => isDenied,
    },
  });
  recovery.look();
  return { recovery, log, state };
}

/** A session whose transcript ends with the answer. */
const startWith = (entry: object) => start(entry, [user("m1"), assistant("done")]);

async function isHeld(): Promise<boolean> {
  const free = keptSends.settled("default alice@localhost").then(() => false);
  return await Promise.race([free, new Promise<true>((resolve) => setImmediate(resolve, true))]);
}

const texts = () => sent.map(({ payloads }) => payloads.map(({ text }) => text));

describe("the agent's last word, of which no delivery was noted", () => {
  const DONE = { status: "done" };

  it("is sent, and the next turn of its conversation waits for it", async () => {
    const { recovery } = start(DONE, [
      user("m0"),
      assistant("before"),
      other,
      user("m1"),
      assistant("done"),
    ]);
    expect(await isHeld()).toBe(true);
    expect(settled).toEqual([]);
    await recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["done"]]);
    expect(sent[0]).toMatchObject({ channel: "xmpp", accountId: "default", to: "alice@localhost" });
    expect(settled).toContain("m1");
    expect(await isHeld()).toBe(false);
    await recovery.recover(NOTHING_KEPT);
    expect(sent).toHaveLength(1);
  });

  it("is sent as the person was to see it", async () => {
    const content = [
      { type: "text", text: "Let me think aloud.", textSignature: { phase: "commentary" } },
      { type: "text", text: "<think>hm</think>Hello", textSignature: '{"phase":"final_answer"}' },
    ];
    const events = [user("m1"), assistant("", "stop", { content })];
    await start(DONE, events).recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["Hello"]]);
  });

  it("is not sent where the archive has it: it had left, and the note of it stayed", async () => {
    said = { m1: "done" };
    const again = { ...OWED, messageId: "m1~+2" };
    const { recovery } = start(DONE, [user("m1~+2"), assistant("done")], [again]);
    await recovery.recover(NOTHING_KEPT);
    expect(sent).toEqual([]);
    expect(settled).toEqual(["m1~+2"]);
  });

  it.each<[string, number, string[][]]>([
    ["is sent where the archive has the same answer to a message before it", 800, [["done"]]],
    ["is not sent where that was before it was said", 1_000, []],
  ])("%s", async (_, timestamp, expected) => {
    said = { m1: "done" };
    const before = [user("m0"), assistant("done", "stop", { timestamp: 900 })];
    const events = [...before, user("m1", { timestamp }), assistant("done")];
    await start(DONE, events).recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual(expected);
  });

  it("is not sent where it was somebody else of the session who had the same answer", async () => {
    said = { m1: "done" };
    const from = (messageId: string, conversationRef: string) =>
      user(messageId, {
        timestamp: 800,
        __openclaw: { transport: { messageId, conversationRef } },
      });
    await start(DONE, [
      from("m0", "bob"),
      assistant("done", "stop", { timestamp: 900 }),
      from("m1", "alice"),
      assistant("done"),
    ]).recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([]);
  });

  it("is sent whatever the session has in place of times", async () => {
    const timestamp = "2026-11-22T07:32:54Z";
    const events = [user("m1", { timestamp }), assistant("done", "stop", { timestamp })];
    await start(DONE, events).recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["done"]]);
  });

  it("is sent where another message was added to its turn, which was done with then", async () => {
    await start(DONE, [user("m1"), user("m2"), assistant("done")]).recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["done"]]);
  });

  it("is sent once where several messages were added to its turn", async () => {
    const left = [OWED, { ...OWED, messageId: "m2" }];
    const { recovery } = start(DONE, [user("m1"), user("m2"), assistant("done")], left);
    await recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["done"]]);
    expect(settled).toEqual(expect.arrayContaining(["m1", "m2"]));
  });

  it("is not sent where the operator lets nothing go there any more", async () => {
    isDenied = true;
    const { recovery } = start(DONE, [user("m1"), assistant("done")]);
    await recovery.recover(NOTHING_KEPT);
    expect(sent).toEqual([]);
    expect(settled).toEqual(["m1"]);
  });

  it("is not sent when it is older than what waits may be", async () => {
    time = 62_000;
    const { recovery, log } = start(DONE, [user("m1"), assistant("done")]);
    await recovery.recover(NOTHING_KEPT);
    expect(sent).toEqual([]);
    expect(log.lines.join()).toContain("too old");
  });

  it("is sent where another session cannot be read", async () => {
    const broken = { ...OWED, sessionKey: "broken", messageId: "m0" };
    const { recovery } = start(
      {
        get pendingFinalDelivery() {
          if (settled.length === 0) throw new Error("locked");
          return undefined;
        },
      },
      [user("m1"), assistant("done")],
      [broken, OWED],
    );
    await recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["done"]]);
  });

  it("is sent once, however often it is tried at a time, and not after a stop", async () => {
    const { recovery } = start(DONE, [user("m1"), assistant("done")]);
    const again = start(DONE, [user("m1"), assistant("done")]).recovery;
    await Promise.all([recovery, recovery, again].map((one) => one.recover(NOTHING_KEPT)));
    await again.recover(NOTHING_KEPT);
    expect(sent).toHaveLength(1);
  });

  it("is the next one's once the account has stopped", async () => {
    const { recovery } = start(DONE, [user("m1"), assistant("done")]);
    recovery.stop();
    expect(await recovery.recover(NOTHING_KEPT)).toBe(true);
    expect(sent).toEqual([]);
    expect(settled).toEqual([]);
    keptSends.settle(JSON.stringify(["owed", "default", OWED.to, "m1"]));
  });

  it("is sent as well where the host takes the run for one under way", async () => {
    const { recovery } = start({ status: "running" }, [user("m1"), assistant("done")]);
    await recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["done"]]);
  });

  it("is the one after the tools", async () => {
    const events = [user("m1"), assistant("let me see", "toolUse"), toolResult, assistant("done")];
    await start(DONE, events).recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["done"]]);
  });

  it.each<[string, object | undefined, object[]]>([
    ["there is no session", undefined, []],
    ["the message is not in it", DONE, [user("m0"), assistant("done")]],
    ["the transcript begins later", DONE, [assistant("done")]],
    ["the agent said nothing", DONE, [user("m1")]],
    ["the agent was about to use a tool", DONE, [user("m1"), assistant("let me see", "toolUse")]],
    ["a tool was the last", DONE, [user("m1"), assistant("x", "toolUse"), toolResult]],
    ["the model failed", DONE, [user("m1"), assistant("", "error")]],
    ["the agent had nothing to say", DONE, [user("m1"), assistant("NO_REPLY")]],
    ["it says so as an action", DONE, [user("m1"), assistant('{"action":"NO_REPLY"}')]],
    ["it only thought", DONE, [user("m1"), assistant("<think>hm</think>")]],
    [
      "the last is the host's copy of what was sent there",
      DONE,
      [user("m1"), assistant("hi", "stop", { provider: "openclaw", model: "delivery-mirror" })],
    ],
    [
      "the last is of a shape that nobody knows",
      DONE,
      [user("m1"), assistant("done"), { message: { role: "assistant", content: 7 } }],
    ],
    [
      "another turn came after it",
      delivery("queued"),
      [user("m1"), assistant("done"), user("m2"), assistant("more")],
    ],
    [
      "the session is of another shape",
      { pendingFinalDelivery: 7 },
      [user("m1"), assistant("done")],
    ],
  ])("is not sent where %s", async (_, entry, events) => {
    const { recovery } = start(entry, events);
    expect(await isHeld()).toBe(false);
    expect(settled).toEqual(["m1"]);
    await recovery.recover(NOTHING_KEPT);
    expect(sent).toEqual([]);
  });
});

describe("an answer of which a delivery was noted", () => {
  it("is the host's where the host has it on its disk", async () => {
    const { recovery } = startWith(delivery("prepared"));
    await recovery.recover(new Set([DELIVERY]));
    expect(sent).toEqual([]);
    expect(settled).toEqual(["m1"]);
    expect(await isHeld()).toBe(false);
  });

  it.each(["prepared", "queued", "unknown"])(
    "is sent where it did not arrive (%s)",
    async (state) => {
      await startWith(delivery(state)).recovery.recover(NOTHING_KEPT);
      expect(texts()).toEqual([["as it was to be sent"]]);
    },
  );

  it("is not sent where it arrived", async () => {
    const [id = ""] = messageIds({ deliveryId: DELIVERY, part: 0, parts: 1 }, 1);
    evidence = (isOurs) => ({ arrived: new Set([id].filter(isOurs)), isConclusive: true });
    await startWith(delivery("queued")).recovery.recover(NOTHING_KEPT);
    expect(sent).toEqual([]);
    expect(settled).toEqual(["m1"]);
  });

  it("is sent without an archive only where it was no more than planned", async () => {
    evidence = () => ({ arrived: new Set(), isConclusive: false });
    await startWith(delivery("queued")).recovery.recover(NOTHING_KEPT);
    expect(sent).toEqual([]);
    settled.length = 0;
    await startWith(delivery("prepared")).recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["as it was to be sent"]]);
  });

  it.each(["delivered", "suppressed"])("is done with where it is %s", async (state) => {
    const { recovery } = startWith(delivery(state));
    await recovery.recover(NOTHING_KEPT);
    expect(sent).toEqual([]);
    expect(settled).toEqual(["m1"]);
  });

  it("is not sent where it was settled meanwhile", async () => {
    evidence = () => ({ arrived: new Set(), isConclusive: false });
    const { recovery, state } = startWith(delivery("prepared"));
    state.session = delivery("delivered");
    await recovery.recover(NOTHING_KEPT);
    expect(sent).toEqual([]);
    expect(settled).toEqual(["m1"]);
  });

  it("is the host's where that takes the run for one under way", async () => {
    const { recovery } = startWith({ ...delivery("prepared"), status: "running" });
    await recovery.recover(NOTHING_KEPT);
    expect(sent).toEqual([]);
    expect(settled).toEqual(["m1"]);
  });

  it("is not taken for that of an earlier turn", async () => {
    const entry = delivery("queued", { createdAt: 999 });
    await start(entry, [user("m1"), assistant("done")]).recovery.recover(NOTHING_KEPT);
    expect(texts()).toEqual([["done"]]);
  });

  it("waits for an archive that cannot tell now, which is logged once", async () => {
    const { recovery, log } = startWith(delivery("unknown"));
    evidence = () => {
      throw new XmppStanzaError("wait", "internal-server-error");
    };
    for (let i = 0; i < 3; i += 1) expect(await recovery.recover(NOTHING_KEPT)).toBe(true);
    expect(log.lines.filter((line) => line.includes("waits"))).toHaveLength(1);
    evidence = () => ({ arrived: new Set(), isConclusive: true });
    expect(await recovery.recover(NOTHING_KEPT)).toBe(false);
    expect(texts()).toEqual([["as it was to be sent"]]);
  });

  it("waits for a connection", async () => {
    isOnline = false;
    const { recovery, log } = startWith(delivery("queued"));
    expect(await recovery.recover(NOTHING_KEPT)).toBe(true);
    expect(sent).toEqual([]);
    expect(settled).toEqual([]);
    expect(await isHeld()).toBe(true);
    expect(log.lines.join("\n")).toContain("an answer to alice@localhost waits: no connection");
    isOnline = true;
    keptSends.settle(JSON.stringify(["owed", "default", OWED.to, "m1"]));
    recovery.hold();
    expect(await isHeld()).toBe(true);
    expect(await recovery.recover(NOTHING_KEPT)).toBe(false);
    expect(sent).toHaveLength(1);
    expect(await isHeld()).toBe(false);
  });
});

it("is tried again where the host could not put it on its disk", async () => {
  sending = () => ({ status: "failed", error: new Error("disk full") });
  const { recovery } = startWith(delivery("prepared"));
  await recovery.recover(NOTHING_KEPT);
  expect(settled).toEqual([]);
  sending = () => ({ status: "sent" });
  await recovery.recover(NOTHING_KEPT);
  expect(sent).toHaveLength(2);
  expect(settled).toEqual(["m1"]);
});

it("is the host's where its clock was put back before it planned the delivery", async () => {
  const text = "done";
  const { recovery } = startWith(delivery("queued", { createdAt: OWED.since - 10, text }));
  await recovery.recover(new Set([DELIVERY]));
  expect(texts()).toEqual([]);
  expect(settled).toEqual(["m1"]);
});
