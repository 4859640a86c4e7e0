/** Messages in quick succession as one turn, where the host's `messages.inbound.debounceMs` is set. */
import { afterEach, expect, it, vi } from "vitest";
import { body, enterRoom, message, type RoadInOptions } from "../../test/support/road-in.ts";
import { item, presence, ROOM } from "../../test/support/room-xml.ts";
import { said, stop, stored, useStoredRoads, type Road } from "../../test/support/stored-roads.ts";
import { waitFor } from "../../test/support/wait.ts";
import type { BareJid } from "../protocol/jid.ts";
import { createSessionTurns } from "./session-turns.ts";

const startStored = useStoredRoads();
afterEach(() => void vi.useRealTimers());

const start = (debounceMs: number, options: RoadInOptions = {}): Road =>
  startStored({
    policy: { dmPolicy: "open", groupPolicy: "open", rooms: [ROOM as BareJid] },
    cfg: { messages: { inbound: { debounceMs } } },
    ...options,
  });

const LONG = 60_000;
const dm = (text: string, from = "alice@example/a", inside = "") =>
  message(from, body(text) + inside);
const settled = async (road: Road) => (await stored(road)) === 0;

it("makes one turn of what one sender says in one conversation, and of nobody else's", async () => {
  const road = start(300);
  for (const text of ["look at this", "https://example/cat.png"]) road.session.receive(dm(text));
  road.session.receive(dm("and I?", "bob@example/b"));
  await waitFor(() => road.turns.length === 2, { what: "both turns" });
  expect(said(road).toSorted()).toEqual(["and I?", "look at this\nhttps://example/cat.png"]);
  await waitFor(() => settled(road), { what: "all to be settled" });
});

it("keeps the order of a room: who comes in between is not merged, and nobody overtakes", async () => {
  const road = start(300);
  enterRoom(road);
  for (const nick of ["alice", "bob"])
    road.session.receive(presence(nick, item(`${nick}@example/x`)));
  const say = (nick: string, text: string) =>
    road.session.receive(message(`${ROOM}/${nick}`, body(text), "groupchat"));
  say("alice", "bot: a");
  say("alice", "b");
  say("bob", "bot: c");
  say("alice", "bot: d");
  await waitFor(() => road.turns.length === 3, { what: "three turns" });
  expect(road.turns.map((turn) => turn.message.bodyForAgent)).toEqual(["a\nb", "c", "d"]);
});

it("takes nothing together where the operator says nothing", async () => {
  const road = start(0);
  for (const text of ["one", "two"]) road.session.receive(dm(text));
  await waitFor(() => road.turns.length === 2, { what: "both turns" });
  expect(said(road)).toEqual(["one", "two"]);
});

it("lets a command wait for nothing, nor what was said before it", async () => {
  const road = start(LONG);
  for (const text of ["one", "two", "/status"]) road.session.receive(dm(text));
  await waitFor(() => road.turns.length === 2, { what: "the command" });
  expect(said(road)).toEqual(["one\ntwo", "/status"]);
  road.session.receive(dm("three"));
  road.session.receive(dm("/stop"));
  await waitFor(() => said(road).includes("/stop"), { what: "/stop" });
  expect(said(road)).not.toContain("three");
});

it("adds no reply, correction or mention to what was said before", async () => {
  const road = start(200);
  const marks = [
    `<reply xmlns="urn:xmpp:reply:0" id="x" to="bot@example"/>`,
    `<replace xmlns="urn:xmpp:message-correct:0" id="x"/>`,
  ];
  road.session.receive(dm("zero"));
  marks.forEach((mark, n) => road.session.receive(dm(`${n}`, undefined, mark)));
  await waitFor(() => road.turns.length === 3, { what: "three turns" });
  expect(said(road)).toEqual(["zero", "0", "1"]);
});

it("loses nothing where the process ends while messages wait for each other", async () => {
  const first = start(LONG);
  for (const text of ["one", "two"]) await first.session.receive(dm(text));
  await waitFor(async () => (await first.queue.listClaims()).length === 2, { what: "both" });
  await stop(first);
  expect(said(first)).toEqual([]);
  const second = start(200);
  await waitFor(() => second.turns.length > 0, { what: "the turn" });
  expect(said(second)).toEqual(["one\ntwo"]);
});

it("tries a turn of several again as a whole, before what came later", async () => {
  const busy = Promise.withResolvers<void>();
  const attempts: string[] = [];
  const road = start(2_000, {
    dispatch: async ({ ctxPayload }) => {
      attempts.push(ctxPayload.message.rawBody);
      if (attempts.length > 1) return;
      await busy.promise;
      throw new Error("locked");
    },
  });
  for (const text of ["one", "two"]) road.session.receive(dm(text));
  await waitFor(() => attempts.length === 1, { what: "the first attempt" });
  road.session.receive(dm("/status"));
  await waitFor(async () => (await road.queue.listClaims()).length === 3, { what: "the command" });
  busy.resolve();
  await waitFor(() => road.turns.length === 2, { what: "both turns" });
  expect(said(road)).toEqual(["one\ntwo", "/status"]);
});

it("counts as taken over only once the host has taken it over, each message of it", async () => {
  const adopted = Promise.withResolvers<void>();
  const road = start(200, {
    dispatch: async ({ replyOptions }) => {
      await adopted.promise;
      await replyOptions.turnAdoptionLifecycle.onAdopted();
    },
  });
  for (const text of ["one", "two"]) await road.session.receive(dm(text));
  await waitFor(() => road.configs.length === 1, { what: "the turn" });
  expect(await road.queue.listClaims()).toHaveLength(2);
  adopted.resolve();
  await waitFor(() => settled(road), { what: "both to be settled" });
});

/** Whether `text` is one of several lines that were asked at once. */
const asksFor = (text: string) => (asked: string) => asked.split("\n").includes(text);

it("takes nothing for broken that waits behind a turn of many minutes, nor the command after it", async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  const first = Promise.withResolvers<void>();
  const road = start(500, {
    context: { sessionTurns: createSessionTurns({ longestSilenceMs: 24 * 3_600_000 }) },
    dispatch: async ({ ctxPayload, replyOptions }) => {
      asked.push(ctxPayload.message.rawBody);
      await replyOptions.turnAdoptionLifecycle.onAdopted();
      if (asked.length === 1) await first.promise;
    },
  });
  for (const text of ["one", "two", "three", "/status"]) {
    await road.session.receive(dm(text));
    await vi.advanceTimersByTimeAsync(5_000);
  }
  await vi.advanceTimersByTimeAsync(11 * 60_000);
  expect(asked).toEqual(["one"]);
  const claims = await road.queue.listClaims();
  expect(claims.map(({ attempts }) => attempts)).toEqual([0, 0, 0]);
  first.resolve();
  await vi.advanceTimersByTimeAsync(30_000);
  expect(asked).toEqual(["one", "two", "three", "/status"]);
});

it("lets nobody overtake what was taken back from the host", async () => {
  const asked: string[] = [];
  const first = Promise.withResolvers<void>();
  const road = start(20, {
    context: { sessionTurns: createSessionTurns({ undisturbedMs: 0 }) },
    dispatch: async ({ ctxPayload, replyOptions }) => {
      asked.push(ctxPayload.message.rawBody);
      const { turnAdoptionLifecycle, onAssistantMessageStart } = replyOptions;
      if (asked.length === 1) {
        await turnAdoptionLifecycle.onAdopted();
        onAssistantMessageStart();
        await first.promise;
      } else if (asked.length === 2) {
        await road.session.receive(dm("three"));
        const both = async () => (await road.queue.listClaims()).length === 2;
        await waitFor(both, { what: "the next to wait" });
        turnAdoptionLifecycle.onDeferred();
      }
    },
  });
  await road.session.receive(dm("one"));
  await waitFor(() => asked.length === 1, { what: "one" });
  await road.session.receive(dm("two"));
  await waitFor(() => asked.length === 2, { what: "two" });
  first.resolve();
  await waitFor(() => asked.some(asksFor("three")), { what: "three" });
  expect(asked.join(" ").split(/\s/u)).toEqual(["one", "two", "two", "three"]);
});

it("lets nobody overtake what the host was silent about for too long", async () => {
  vi.useFakeTimers();
  const asked: string[] = [];
  const silence = Promise.withResolvers<void>();
  const road = start(20, {
    dispatch: async ({ ctxPayload }) => {
      asked.push(ctxPayload.message.rawBody);
      if (asked.length === 1) await silence.promise;
    },
  });
  for (const text of ["one", "two"]) {
    await road.session.receive(dm(text));
    await vi.advanceTimersByTimeAsync(1_000);
  }
  await vi.advanceTimersByTimeAsync(6 * 60_000);
  silence.resolve();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(asked.join(" ").split(/\s/u)).toEqual(["one", "one", "two"]);
});

it("stores all of a turn that the stopping host dropped, or nothing of it", async () => {
  const notice = "⚠️ Gateway is restarting. Please wait a few seconds and try again.";
  const notices: unknown[] = [];
  const road = start(200, {
    dispatch: async ({ replyOptions, delivery }) => {
      await replyOptions.turnAdoptionLifecycle.onAdopted();
      const { enqueue } = road.queue;
      let room = 1;
      road.queue.enqueue = async (...args) => {
        if (room-- === 0) throw new Error("database or disk is full");
        return await enqueue(...args);
      };
      notices.push(await delivery.preparePayload({ text: notice }, { kind: "final" }));
    },
  });
  for (const text of ["one", "two"]) await road.session.receive(dm(text));
  await waitFor(() => notices.length === 1, { what: "the notice" });
  expect(notices).toEqual([expect.objectContaining({ text: notice })]);
  await waitFor(() => settled(road), { what: "nothing to wait" });
  expect(road.turns).toHaveLength(1);
});
