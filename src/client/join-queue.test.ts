import { afterEach, beforeEach, describe, expect, test, vi } from "vitest";
import {
  ROOM,
  codes,
  item,
  joinError,
  joinsIn,
  presence,
  setUpRooms,
} from "../../test/support/room-xml.ts";
import { type BareJid, bareJid } from "../protocol/jid.ts";
import { createJoinQueue } from "./join-queue.ts";

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp(limit = 8) {
  const begun: string[] = [];
  const queue = createJoinQueue<string>({
    limit,
    serviceOf: (entry) => entry.split("@")[1] ?? "",
    begin: (entry) => begun.push(entry),
  });
  queue.open();
  const take = () => begun.splice(0);
  const add = (count: number, service: string) => {
    for (let i = 0; i < count; i++) queue.add(`${i}@${service}`);
  };
  return { queue, take, add };
}

describe("the queue", () => {
  test("runs so many at once, the others in order", () => {
    const { queue, take, add } = setUp(3);
    add(5, "a");
    expect(take()).toEqual(["0@a", "1@a", "2@a"]);
    queue.end("1@a");
    expect(take()).toEqual(["3@a"]);
    queue.end("9@a");
    expect(take()).toEqual([]);
    queue.end("4@a");
    queue.end("0@a");
    queue.end("2@a");
    expect(take()).toEqual([]);
  });

  test("counts all services together", () => {
    const { queue, take, add } = setUp(3);
    add(2, "a");
    add(2, "b");
    expect(take()).toEqual(["0@a", "1@a", "0@b"]);
    queue.end("0@a");
    expect(take()).toEqual(["1@b"]);
  });

  test("held, it begins nothing, and goes on where it was", () => {
    const { queue, take, add } = setUp(2);
    add(4, "a");
    take();
    queue.hold();
    queue.end("0@a");
    expect(take()).toEqual([]);
    expect(queue.isRunning("1@a")).toBe(true);
    queue.open();
    expect(take()).toEqual(["2@a"]);
  });

  test("a service that complains gets a pause and half as many at once; others are not concerned", () => {
    const { queue, take, add } = setUp(8);
    add(20, "a");
    expect(take()).toHaveLength(8);
    queue.end("0@a", "too-fast");
    expect(take()).toEqual([]);
    queue.add("0@b");
    expect(take()).toEqual(["0@b"]);
    for (let i = 1; i < 8; i++) queue.end(`${i}@a`);
    vi.advanceTimersByTime(249);
    expect(take()).toEqual([]);
    vi.advanceTimersByTime(1);
    expect(take()).toHaveLength(4);
    queue.end("8@a", "too-fast");
    queue.end("9@a", "too-fast");
    for (const entry of ["10@a", "11@a"]) queue.end(entry);
    vi.advanceTimersByTime(1_000);
    expect(take()).toEqual(["12@a"]);
  });

  test("a service that lets us in gets one more each time", () => {
    const { queue, take, add } = setUp(4);
    add(30, "a");
    for (const entry of take()) queue.end(entry, "too-fast");
    vi.advanceTimersByTime(60_000);
    const sizes: number[] = [];
    for (let round = 0; round < 4; round++) {
      const running = take();
      sizes.push(running.length);
      for (const entry of running) queue.end(entry, "good");
    }
    expect(sizes[0]).toBe(1);
    expect(Math.max(...sizes)).toBeGreaterThan(1);
    expect(Math.max(...sizes)).toBeLessThanOrEqual(4);
  });

  test("closed, it forgets all, timers too", () => {
    const { queue, take, add } = setUp(2);
    add(4, "a");
    queue.end("0@a", "too-fast");
    queue.close();
    expect(vi.getTimerCount()).toBe(0);
    take();
    queue.open();
    expect(take()).toEqual([]);
  });
});

describe("five hundred rooms", () => {
  const all = Array.from({ length: 500 }, (_, i) => bareJid(`r${i}@chat.example`) as BareJid);
  const roomIn = (occupant: string) => occupant.slice(0, occupant.indexOf("/"));

  /** A room service that answers each join after 10 ms as `answer` says. */
  async function enterAll(answer: (room: string) => string, patienceMs: number) {
    const { session, rooms } = setUpRooms();
    let outstanding = 0;
    let most = 0;
    let asked = 0;
    const post = session.post.bind(session);
    session.post = (stanza) => {
      post(stanza);
      for (const occupant of joinsIn(session.takeSent())) {
        asked += 1;
        outstanding += 1;
        most = Math.max(most, outstanding);
        setTimeout(() => {
          outstanding -= 1;
          session.receive(answer(roomIn(occupant)).replace(ROOM, roomIn(occupant)));
        }, 10);
      }
    };
    for (const room of all) rooms.join(room);
    session.goOnline();
    await vi.advanceTimersByTimeAsync(patienceMs);
    const joined = rooms.list().filter(({ state }) => state === "joined").length;
    return { joined, most, asked, rooms };
  }

  const welcome = presence("bot", item() + codes(110));

  test("at no time are more than twenty joins outstanding", async () => {
    expect(await enterAll(() => welcome, 1_000)).toMatchObject({
      joined: 500,
      most: 20,
      asked: 500,
    });
  });

  test("a service that allows twenty a second has us all before long", async () => {
    let second = 0;
    let count = 0;
    const answer = () => {
      const now = Math.floor(Date.now() / 1_000);
      if (now !== second) count = 0;
      second = now;
      count += 1;
      return count > 20 ? joinError("policy-violation", "bot", "wait") : welcome;
    };
    const { joined, asked } = await enterAll(answer, 2 * 60_000);
    expect(joined).toBe(500);
    expect(asked).toBeLessThan(1_000);
  });

  test("a service that allows a hundred for good is asked less and less", async () => {
    const inside = new Set<string>();
    const answer = (room: string) => {
      if (inside.size >= 100) return joinError("resource-constraint", "bot", "wait");
      inside.add(room);
      return welcome;
    };
    const { joined, asked, rooms } = await enterAll(answer, 60 * 60_000);
    expect(joined).toBe(100);
    expect(asked).toBeLessThan(4_000);
    const rest = rooms.list().filter(({ state }) => state !== "joined");
    expect(
      rest.every(({ reason, state }) => state === "joining" || reason?.includes("too many")),
    ).toBe(true);
  });
});
