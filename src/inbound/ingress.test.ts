/** What is received is on disk first, and taken up from there: once, in order, also after a restart. */
import { parse } from "ltx";
import { afterEach, describe, expect, it, vi } from "vitest";
import { body, enterRoom, message, type RoadInOptions } from "../../test/support/road-in.ts";
import { item, presence, ROOM } from "../../test/support/room-xml.ts";
import { said, stop, stored, useStoredRoads, type Road } from "../../test/support/stored-roads.ts";
import { waitFor } from "../../test/support/wait.ts";
import { DEFAULT_LIMITS } from "../policy/limits.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { createOwedAnswers } from "../state/owed-answers.ts";
import { IngressFullError } from "./ingress-queue.ts";
import { createSessionTurns } from "./session-turns.ts";
import type { BareJid } from "../protocol/jid.ts";

type Dispatch = Parameters<NonNullable<RoadInOptions["dispatch"]>>[0];
const startStored = useStoredRoads();
afterEach(() => void vi.useRealTimers());

/** The account as it starts; what it stores is there for the next one. */
const start = (options: RoadInOptions = {}): Road =>
  startStored({ policy: { dmPolicy: "open" }, ...options });

const BUSY = { failures: Infinity };
const dm = (text: string, inside = "", from = "alice@example/a") =>
  message(from, body(text) + inside);
const stanzaId = (id: string) => `<stanza-id xmlns="urn:xmpp:sid:0" by="bot@example" id="${id}"/>`;
/** A turn that the host has not taken over, and gives up when it is told to. */
const hang = ({ replyOptions }: Dispatch) =>
  new Promise<never>((_, reject) => {
    replyOptions.turnAdoptionLifecycle.abortSignal.addEventListener("abort", () =>
      reject(new Error("aborted")),
    );
  });

describe("what waited as the account stopped", () => {
  it("is taken up by the next one, once and in order", async () => {
    const first = start(BUSY);
    for (const text of ["one", "two", "three"]) first.session.receive(dm(text));
    first.session.receive(dm("other", "", "bob@example/b"));
    await waitFor(async () => (await stored(first)) === 4, { what: "all on disk" });
    await stop(first);
    expect(said(first)).toEqual([]);

    const second = start();
    await waitFor(() => said(second).length === 4, { what: "all taken up" });
    expect(said(second).filter((text) => text !== "other")).toEqual(["one", "two", "three"]);
    await stop(second);

    const third = start();
    await third.receiver.idle();
    expect(said(third)).toEqual([]);
  });

  it("comes before what is said later, whatever the clock says", async () => {
    const first = start({ ...BUSY, context: { now: () => Date.now() + 3_600_000 } });
    await first.session.receive(dm("one"));
    await stop(first);
    const second = start();
    await second.session.receive(dm("two"));
    await waitFor(() => said(second).length === 2, { what: "both" });
    expect(said(second)).toEqual(["one", "two"]);
  });

  it("is tried again at once after the clock was put back", async () => {
    let ahead = 3_600_000;
    const road = start({ ...BUSY, context: { now: () => Date.now() + ahead } });
    await road.session.receive(dm("one"));
    const attempted = async () => (await road.queue.listPending()).at(0)?.lastAttemptAt;
    await waitFor(attempted, { what: "an attempt in vain" });
    ahead = 0;
    expect(await attempted()).toBeUndefined();
    await stop(road);
  });

  it("was adopted by a host that shut down before it had begun: it comes again, first", async () => {
    const first = start({
      dispatch: async ({ replyOptions, delivery, ctxPayload }) => {
        if (ids.length > 0) throw new Error("draining");
        await first.session.receive(dm("two"));
        await replyOptions.turnAdoptionLifecycle.onAdopted();
        ids.push(ctxPayload.messageId);
        const text = "⚠️ Gateway is restarting. Please wait a few seconds and try again.";
        expect(await delivery.preparePayload({ text }, { kind: "final" })).toBeNull();
        await new Promise(() => {});
      },
    });
    const ids: string[] = [];
    await first.session.receive(dm("one"));
    await waitFor(async () => ids.length > 0 && (await stored(first)) === 2, { what: "both" });
    await stop(first);
    const second = start();
    await waitFor(() => said(second).length === 2, { what: "both turns" });
    expect(said(second)).toEqual(["one", "two"]);
    // By another id: the host takes nothing twice by the same one.
    expect(second.turns[0]?.messageId).toBe(`${ids[0]}~`);
  });

  it("was with a host that did not let go of it in time, and is asked again by another id", async () => {
    const ids: string[] = [];
    const first = start({
      dispatch: async ({ ctxPayload }) => {
        ids.push(ctxPayload.messageId);
        await new Promise(() => {});
      },
    });
    await first.session.receive(dm("one"));
    await waitFor(() => ids.length === 1, { what: "the turn" });
    await stop(first);
    const second = start();
    await waitFor(() => said(second).length === 1, { what: "the turn again" });
    expect(second.turns[0]?.messageId).toBe(`${ids[0]}+1`);
  });

  it("was with such a host, and is asked by the id that it had where another account has it as well", async () => {
    const policy = { groupPolicy: "open" as const, rooms: [ROOM as BareJid] };
    const enter = (options: RoadInOptions): Road => {
      const road = start({ policy, ...options });
      enterRoom(road, ["urn:xmpp:sid:0"]);
      road.session.receive(presence("alice", item("alice@example/a")));
      return road;
    };
    const id = `<stanza-id xmlns="urn:xmpp:sid:0" by="${ROOM}" id="room-1"/>`;
    const hello = message(`${ROOM}/alice`, body("bot: hello") + id, "groupchat");
    let isAsked = false;
    const first = enter({
      dispatch: async () => {
        isAsked = true;
        await new Promise(() => {});
      },
    });
    await first.session.receive(hello);
    await waitFor(() => isAsked, { what: "the turn" });
    await stop(first);
    const other = enter({ file: ":memory:", context: { accountId: "other" } });
    await other.session.receive(hello);
    await waitFor(() => other.turns.length === 1, { what: "the other account's turn" });
    expect(other.turns[0]?.messageId).toBe("room-1");
    const second = start({ policy });
    await waitFor(() => second.turns.length === 1, { what: "the turn again" });
    expect(second.turns[0]?.messageId).toBe("room-1+1");
  });

  it("was answered by the host, which took nothing over, just after the account had to end", async () => {
    const work = Promise.withResolvers<void>();
    const sessionTurns = createSessionTurns();
    let isAsked = false;
    const first = start({
      context: { sessionTurns },
      dispatch: async () => {
        isAsked = true;
        await work.promise;
      },
    });
    await first.session.receive(dm("/compact"));
    await waitFor(() => isAsked, { what: "the command" });
    await stop(first);
    const second = start({ context: { sessionTurns } });
    await waitFor(async () => (await second.queue.listClaims()).length === 1, { what: "a try" });
    work.resolve();
    await waitFor(async () => (await stored(second)) === 0, { what: "its end" });
    expect(said(second)).toEqual([]);
  });

  it("was claimed by a process whose clock was ahead: it is taken up at once", async () => {
    let isAsked = false;
    const first = start({
      context: { now: () => Date.now() + 3_600_000 },
      dispatch: async () => {
        isAsked = true;
        await new Promise(() => {});
      },
    });
    await first.session.receive(dm("one"));
    await waitFor(() => isAsked, { what: "the turn" });
    await stop(first);
    const second = start();
    await waitFor(() => second.turns.length === 1, { what: "the turn again", timeoutMs: 10_000 });
    expect(said(second)).toEqual(["one"]);
  });

  it("was put off by the host, and is asked again by another id each time", async () => {
    const ids: string[] = [];
    const first = start({
      dispatch: async ({ replyOptions, ctxPayload }) => {
        ids.push(ctxPayload.messageId);
        const { onDeferred, onAdopted } = replyOptions.turnAdoptionLifecycle;
        if (ids.length < 3) return onDeferred();
        if (ids.length > 3) throw new Error("busy");
        await onAdopted();
      },
    });
    await first.session.receive(dm("one"));
    await waitFor(() => ids.length === 3, { what: "three attempts" });
    expect(new Set(ids).size).toBe(3);
    await first.receiver.idle();
    expect(await stored(first)).toBe(0);

    await first.session.receive(dm("two"));
    await waitFor(() => ids.length === 4, { what: "an attempt" });
    expect(ids[3]).not.toMatch(/\+/);
  });

  it("was put off before the process ended: the host is asked by the id that it knows", async () => {
    const first = start(BUSY);
    await first.session.receive(dm("one"));
    await waitFor(async () => (await first.queue.listPending()).at(0)?.lastError, {
      what: "a try",
    });
    await first.receiver.stop();
    const [{ id } = { id: "" }] = await first.queue.listPending();
    const claim = await first.queue.claim(id);
    await first.queue.release(claim!, { lastError: "put off behind another turn (7)" });
    await stop(first);
    const second = start();
    await waitFor(() => second.turns.length === 1, { what: "the turn" });
    expect(second.turns[0]?.messageId).toMatch(/\+7$/);
  });

  it("was put off as the disk was full, and the account stopped: it comes again", async () => {
    const first = start({
      dispatch: async ({ replyOptions }) => replyOptions.turnAdoptionLifecycle.onDeferred(),
    });
    const change = (sql: string) => void first.database.transact((db) => db.run(sql));
    change(
      "CREATE TRIGGER full BEFORE UPDATE ON events WHEN new.status = 'pending' BEGIN SELECT RAISE(ABORT, 'full'); END",
    );
    await first.session.receive(dm("one"));
    const isTold = () => first.log.lines.some((line) => line.includes("release retry"));
    await waitFor(isTold, { what: "a try in vain" });
    const stopped = first.receiver.stop();
    change("DROP TRIGGER full");
    await stopped;
    expect(await stored(first)).toBe(1);
    await stop(first);
    const second = start();
    await waitFor(() => said(second).length === 1, { what: "the turn" });
  });

  it("waits for an answer of that conversation that the host keeps, and for no other", async () => {
    keptSends.keep("default alice@example", "kept");
    const road = start();
    await road.session.receive(dm("one"));
    await road.session.receive(dm("other", "", "bob@example/b"));
    await waitFor(() => said(road).length === 1, { what: "the other conversation's" });
    keptSends.settle("kept");
    await waitFor(() => said(road).length === 2, { what: "its turn" });
    expect(said(road)).toEqual(["other", "one"]);
  });

  it("is known to the host by the id that it had, and by the time at which it was said", async () => {
    const first = start({
      dispatch: async ({ ctxPayload }) => {
        tried.push(ctxPayload);
        throw new Error("busy");
      },
    });
    const tried: { messageId: string; timestamp: number }[] = [];
    await first.session.receive(dm("one"));
    await waitFor(() => tried.length === 2, { what: "two attempts" });
    await stop(first);
    const second = start();
    await waitFor(() => second.turns.length === 1, { what: "the turn" });
    const [{ messageId, timestamp } = { messageId: "", timestamp: 0 }] = tried;
    expect(tried[1]).toMatchObject({ messageId, timestamp });
    expect(second.turns[0]).toMatchObject({ messageId, timestamp });
  });

  it("was said by whom it was said by, in a room that is not joined yet", async () => {
    const policy = { groupPolicy: "open" as const, rooms: [ROOM as BareJid] };
    const first = start({ ...BUSY, policy });
    enterRoom(first);
    first.session.receive(presence("alice", item("alice@example/a")));
    await first.session.receive(message(`${ROOM}/alice`, body("bot: hello"), "groupchat"));
    await stop(first);
    const second = start({ policy });
    await waitFor(() => second.turns.length === 1, { what: "the turn" });
    expect(second.turns[0]).toMatchObject({
      sender: { id: "alice@example", name: "alice" },
      conversation: { id: ROOM },
      message: { bodyForAgent: "hello" },
    });
  });

  it("is judged by the policy of the time when its turn comes", async () => {
    const first = start(BUSY);
    await first.session.receive(dm("one"));
    await stop(first);
    const second = start({ policy: { dmPolicy: "disabled" } });
    await waitFor(async () => (await stored(second)) === 0, { what: "the decision" });
    await second.receiver.idle();
    expect(said(second)).toEqual([]);
  });

  it("was with the host already when the process ended: it is asked again", async () => {
    const asked: string[] = [];
    const first = start({
      dispatch: async (dispatch) => {
        asked.push(dispatch.ctxPayload.message.rawBody);
        await hang(dispatch);
      },
    });
    await first.session.receive(dm("one"));
    await waitFor(() => asked.length === 1, { what: "the turn to begin" });
    await stop(first);
    const second = start();
    await waitFor(() => second.turns.length > 0, { what: "the turn" });
    expect(said(second)).toEqual(["one"]);
  });

  it("was taken over by the host: that is the host's from then on", async () => {
    const adopted = Promise.withResolvers<void>();
    const first = start({
      dispatch: async ({ replyOptions }) => {
        await replyOptions.turnAdoptionLifecycle.onAdopted();
        adopted.resolve();
        await new Promise(() => {});
      },
    });
    await first.session.receive(dm("one"));
    await adopted.promise;
    await stop(first);
    const second = start();
    await second.receiver.idle();
    expect(said(second)).toEqual([]);
  });
});

describe("a lane", () => {
  it("moves on when the host has taken the turn over, not before and not only at its end", async () => {
    const lifecycles: { text: string; adopt: () => void | Promise<void> }[] = [];
    const road = start({
      context: { sessionTurns: createSessionTurns({ longestSilenceMs: 1 }) },
      cfg: { session: { dmScope: "per-channel-peer" } },
      dispatch: async (dispatch) => {
        const { onAdopted: adopt } = dispatch.replyOptions.turnAdoptionLifecycle;
        lifecycles.push({ text: dispatch.ctxPayload.message.rawBody, adopt });
        await hang(dispatch);
      },
    });
    const begun = () => lifecycles.map(({ text }) => text);
    road.session.receive(dm("one"));
    road.session.receive(dm("other", "", "bob@example/b"));
    await waitFor(() => begun().length === 2, { what: "two conversations" });
    expect(begun().toSorted()).toEqual(["one", "other"]);
    for (const text of ["two", "/stop", "three"]) road.session.receive(dm(text));
    await waitFor(() => begun().includes("/stop"), { what: "/stop" });
    expect(begun()).toHaveLength(3);
    await lifecycles.find(({ text }) => text === "one")?.adopt();
    await waitFor(() => begun().includes("three"), { what: "the next of the conversation" });
    expect(begun()).not.toContain("two");
  });

  it("of a room is overtaken by a stop that names the agent, and by nothing else that names it", async () => {
    const begun: string[] = [];
    const road = start({
      policy: { groupPolicy: "open", rooms: [ROOM], allowFrom: ["alice@example"] },
      dispatch: async (dispatch) => {
        begun.push(dispatch.ctxPayload.message.rawBody);
        await hang(dispatch);
      },
    });
    enterRoom(road);
    road.session.receive(presence("alice", item("alice@example/a")));
    for (const text of ["bot: one", "bot: two", "bot: stop"]) {
      await road.session.receive(message(`${ROOM}/alice`, body(text), "groupchat"));
    }
    await waitFor(() => begun.length === 2, { what: "the stop" });
    expect(begun.toSorted()).toEqual(["bot: one", "bot: stop"]);
  });
});

it("a turn that the host put off and then failed keeps nobody waiting, and is asked for again", async () => {
  let asked = 0;
  const road = start({
    dispatch: async ({ replyOptions }) => {
      asked += 1;
      if (asked > 1) return;
      replyOptions.turnAdoptionLifecycle.onDeferred();
      throw new Error("the host fell over");
    },
  });
  await road.session.receive(dm("one"));
  await waitFor(() => said(road).length === 1, { what: "the second attempt" });
  expect(said(road)).toEqual(["one"]);
});

it("is not given up that the host puts off for an hour, behind a turn that takes so long", async () => {
  vi.useFakeTimers();
  const until = Date.now() + 60 * 60_000;
  const road = start({
    dispatch: async ({ replyOptions }) => {
      const { onAdopted, onDeferred } = replyOptions.turnAdoptionLifecycle;
      if (Date.now() >= until) return await onAdopted();
      onDeferred();
    },
  });
  await road.session.receive(dm("one"));
  await vi.advanceTimersByTimeAsync(62 * 60_000);
  expect(road.tally.read()).toEqual({});
  expect(await stored(road)).toBe(0);
});

it("is not given up that a process put off often, for the first thing that goes wrong in the next one", async () => {
  vi.useFakeTimers();
  const first = start({ failures: Infinity });
  await first.session.receive(dm("one"));
  await vi.advanceTimersByTimeAsync(1_000);
  // The process ends: what it knew of it is what its row says.
  first.database.transact((db) =>
    db.run("UPDATE events SET attempts = 40, last_error = 'put off behind another turn (40)'"),
  );
  first.database.close();
  await vi.advanceTimersByTimeAsync(20 * 60_000);
  const second = start({ failures: 3 });
  await vi.advanceTimersByTimeAsync(5 * 60_000);
  expect(second.tally.read()).toEqual({});
  expect(said(second)).toEqual(["one"]);
});

it.each<[string, string, Parameters<typeof start>[0]]>([
  [
    "took a message over",
    "completed",
    { dispatch: async ({ replyOptions }) => await replyOptions.turnAdoptionLifecycle.onAdopted() },
  ],
  ["could not take a message", "pending", { failures: 1 }],
])(
  "a conversation goes on, however long the disk was full as the host %s",
  async (_, status, options) => {
    vi.useFakeTimers();
    const road = start(options);
    const change = (sql: string) => void road.database.transact((db) => db.run(sql));
    change(
      `CREATE TRIGGER full BEFORE UPDATE ON events WHEN new.status = '${status}' BEGIN SELECT RAISE(ABORT, 'full'); END`,
    );
    await road.session.receive(dm("one"));
    await vi.advanceTimersByTimeAsync(11 * 60_000);
    change("DROP TRIGGER full");
    await road.session.receive(dm("two"));
    await vi.advanceTimersByTimeAsync(5 * 60_000);
    expect(said(road)).toEqual(["one", "two"]);
  },
);

it("is asked once, however long the disk does not take that its answer is owed", async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  const adopted: string[] = [];
  const road: Road = start({
    context: {
      owed: { note: async (owing) => await owed.note(owing), settle: (key) => owed.settle(key) },
    },
    dispatch: async ({ replyOptions, ctxPayload }) => {
      asked.push(ctxPayload.messageId);
      await replyOptions.turnAdoptionLifecycle.onAdopted();
      adopted.push(ctxPayload.message.rawBody);
    },
  });
  const owed = createOwedAnswers("default", road.database, { warn: () => undefined });
  const change = (sql: string) => road.database.transact((db) => db.run(sql));
  change(
    "CREATE TRIGGER full BEFORE INSERT ON owed_answers BEGIN SELECT RAISE(ABORT, 'full'); END",
  );
  await road.session.receive(dm("one"));
  await vi.advanceTimersByTimeAsync(11 * 60_000);
  change("DROP TRIGGER full");
  await road.session.receive(dm("two"));
  await vi.advanceTimersByTimeAsync(5 * 60_000);
  expect(asked).toHaveLength(2);
  expect(adopted).toEqual(["one", "two"]);
});

it("does not keep the host waiting until it takes the turn for a broken one", async () => {
  vi.useFakeTimers();
  const adopted: string[] = [];
  const road: Road = start({
    context: {
      owed: { note: async (owing) => await owed.note(owing), settle: (key) => owed.settle(key) },
    },
    dispatch: async ({ replyOptions, ctxPayload }) => {
      await replyOptions.turnAdoptionLifecycle.onAdopted();
      adopted.push(ctxPayload.message.rawBody);
    },
  });
  const owed = createOwedAnswers("default", road.database, { warn: () => undefined });
  road.database.transact((db) =>
    db.run(
      "CREATE TRIGGER full BEFORE INSERT ON owed_answers BEGIN SELECT RAISE(ABORT, 'full'); END",
    ),
  );
  await road.session.receive(dm("one"));
  // The host's diagnostic heartbeat ends it after 360 s.
  await vi.advanceTimersByTimeAsync(330_000);
  expect(adopted).toEqual(["one"]);
});

describe("a copy", () => {
  it("is not taken up again, not by the next account either", async () => {
    const first = start();
    await first.session.receive(dm("one", stanzaId("1")));
    await first.session.receive(dm("one", stanzaId("1")));
    await waitFor(() => said(first).length === 1, { what: "the turn" });
    await first.receiver.idle();
    expect(first.tally.read()).toMatchObject({ duplicate: 1 });
    await stop(first);
    const second = start();
    await second.session.receive(dm("one", stanzaId("1")));
    await second.session.receive(dm("two", stanzaId("2")));
    await waitFor(() => said(second).length > 0, { what: "the other" });
    expect(said(second)).toEqual(["two"]);
  });

  it("is none where our server gives no ids, so that every one is forged", async () => {
    const road = start({ context: { givesIds: () => false } });
    await road.session.receive(dm("one", stanzaId("1")));
    await road.session.receive(dm("two", stanzaId("1")));
    await waitFor(() => said(road).length === 2, { what: "both" });
    expect(road.turns.map(({ messageId }) => messageId)).not.toContain("1");
  });

  it("without any id is taken up once, though it comes again: after a lost line, and after a crash", async () => {
    const first = start();
    await first.session.receive(dm("yes"));
    await first.session.receive(dm("yes"));
    await waitFor(() => said(first).length === 2, { what: "both" });
    const stamp = new Date(Math.floor(Date.now() / 1_000) * 1_000).toISOString();
    const resent = (by: string) =>
      dm("yes", `<delay xmlns="urn:xmpp:delay" stamp="${stamp}" from="${by}"/>`);
    await first.session.receive(resent("bot@example"));
    expect(first.tally.read()).toEqual({ duplicate: 1 });
    await stop(first);
    const second = start();
    await second.session.receive(resent("example"));
    await second.session.receive(resent("evil.example"));
    await waitFor(() => said(second).length > 0, { what: "the one that nobody held back" });
    await second.receiver.idle();
    expect(said(second)).toEqual(["yes"]);
    expect(second.tally.read()).toEqual({ duplicate: 1 });
  });

  it("from the archive is one message with that of the offline storage", async () => {
    const road = start();
    const origin = `<origin-id xmlns="urn:xmpp:sid:0" id="o1"/>`;
    const delay = `<delay xmlns="urn:xmpp:delay" stamp="2026-11-21T01:00:00Z" from="example"/>`;
    await road.receiver.receive(parse(dm("one", origin + delay)));
    const archived = {
      by: "bot@example" as BareJid,
      id: "1",
      stamp: new Date("2026-11-21T01:00:01Z"),
    };
    await road.receiver.receive(parse(dm("one", origin)), archived);
    await road.receiver.receive(parse(dm("one", origin)), { ...archived, id: "2" });
    await waitFor(() => said(road).length === 2, { what: "what was said twice" });
    await road.receiver.idle();
    expect(said(road)).toEqual(["one", "one"]);
    expect(road.turns[1]?.timestamp).toBe(Date.parse("2026-11-21T01:00:01Z"));
  });
});

describe("what cannot be stored", () => {
  it("is that of a stranger who writes too much: nothing waits on disk, and it is counted", async () => {
    const road = start({
      context: {
        strangers: {
          mayBeStored: async () => false,
          isStranger: () => true,
          isOverheard: () => false,
        },
      },
    });
    await road.session.receive(dm("one"));
    expect(await stored(road)).toBe(0);
    expect(road.tally.read()).toEqual({ "not-admitted": 1 });
  });

  it("is left to the server, and is taken once there is room", async () => {
    const road = start({ maxPages: 30, ...BUSY });
    const big = "x".repeat(20_000);
    let taken = 0;
    const fill = async () => {
      for (; taken < 100; taken += 1) await road.receiver.receive(parse(dm(`${taken} ${big}`)));
    };
    await expect(fill()).rejects.toThrow(/db: .*full/);
    expect(await stored(road)).toBe(taken);
    road.database.transact((sql) => sql.get("PRAGMA max_page_count = 10000"));
    await road.receiver.receive(parse(dm(`again ${big}`)));
    expect(await stored(road)).toBe(taken + 1);
  });

  it("is not what had its place before, and is stored again", async () => {
    const limits = { ...DEFAULT_LIMITS, queueSize: 1 };
    const { queue, session } = start({ ...BUSY, policy: { dmPolicy: "open", limits } });
    await session.receive(dm("one"));
    const [one] = [...(await queue.listPending()), ...(await queue.listClaims())];
    if (!one) throw new Error("nothing waits");
    const { laneKey = "" } = one;
    const again = (renewals: number) => {
      const arrival = { eventId: "again", isCertain: true, saidAt: 0 };
      const stale = { ...one.payload.message, arrival, renewals };
      return queue.enqueue("again", { ...one.payload, message: stale }, { laneKey });
    };
    await expect(again(0)).rejects.toThrow(IngressFullError);
    expect(await again(1)).toMatchObject({ kind: "accepted" });
  });

  it("is refused where too many wait: in the conversation, and in all", async () => {
    const limits = { ...DEFAULT_LIMITS, queueSize: 2, queueTotal: 3 };
    const road = start({ ...BUSY, policy: { dmPolicy: "open", limits } });
    for (const text of ["1", "2", "3", "4"]) await road.session.receive(dm(text));
    expect(road.tally.read()).toEqual({ "queue-full": 2 });
    await road.session.receive(dm("5", "", "bob@example/b"));
    await road.session.receive(dm("6", "", "eve@example/e"));
    expect(road.tally.read()).toEqual({ "queue-full": 3 });
    expect(await stored(road)).toBe(3);
    const archived = { by: "bot@example" as BareJid, id: "7", stamp: new Date() };
    await expect(road.receiver.receive(parse(dm("7")), archived)).rejects.toThrow(IngressFullError);
    expect(road.tally.read()).toEqual({ "queue-full": 3 });
    const told = road.log.lines.filter((line) => line.includes("refused"));
    expect(told).toEqual([expect.stringContaining("2 messages wait in its conversation")]);
  });

  it("is refused where what waits is too much to read at once", async () => {
    const limits = { ...DEFAULT_LIMITS, queueMegabytes: 1 };
    const road = start({ ...BUSY, policy: { dmPolicy: "open", limits } });
    const big = "x".repeat(300_000);
    for (const text of ["1", "2", "3", "4", "5"]) await road.session.receive(dm(text + big));
    expect(await stored(road)).toBe(2);
    expect(road.tally.read()).toEqual({ "queue-full": 3 });
  });

  it("is given up where nobody could take it up for too long, and that is told", async () => {
    let ahead = 0;
    const road = start({ ...BUSY, context: { now: () => Date.now() + ahead } });
    await road.session.receive(dm("one"));
    const failures = async () => (await road.queue.listPending())[0]?.attempts || undefined;
    await waitFor(failures, { what: "a failure" });
    ahead = (DEFAULT_LIMITS.queueMaxAgeMinutes + 1) * 60_000;
    await road.queue.prune({ now: Date.now() + ahead });
    expect(await stored(road)).toBe(0);
    expect(road.tally.read()).toMatchObject({ expired: 1 });
    expect(road.log.lines.join("\n")).toContain("1 message(s) waited for more than 1440 minutes");
  });
});

it("an answer outside of a turn is given once, though the message comes again", async () => {
  const effects: string[] = [];
  const done = new Set<string>();
  const once = async (eventId: string, effect: string, run: () => Promise<void>) => {
    effects.push(`${effect} ${eventId}`);
    if (done.has(eventId)) return;
    await run();
    done.add(eventId);
    throw new Error("the process ended before the message was done with");
  };
  const road = start({ policy: { dmPolicy: "pairing" }, context: { once } });
  await road.session.receive(dm("let me in"));
  await waitFor(() => effects.length === 2, { what: "a second attempt" });
  await road.receiver.idle();
  expect(road.challenged).toEqual(["alice@example"]);
  expect(effects[0]).toMatch(/^pairing /);
  expect(effects[1]).toBe(effects[0]);
});
