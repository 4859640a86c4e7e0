import { expect, it, vi } from "vitest";
import { createKeptSends } from "./kept-sends.ts";

const soon = () => new Promise<string>((resolve) => setTimeout(() => resolve("waits"), 5));

it("holds a conversation until all that is kept for it is out", async () => {
  const kept = createKeptSends();
  kept.keep("alice", "1");
  kept.keep("alice", "2");
  kept.keep("alice", "2");
  const settled = kept.settled("alice").then(() => "free");
  expect(await Promise.race([kept.settled("bob").then(() => "free"), soon()])).toBe("free");
  kept.settle("1");
  expect(await Promise.race([settled, soon()])).toBe("waits");
  kept.settle("2");
  expect(await settled).toBe("free");
});

it("does not hold it for ever: the host may have given it up", async () => {
  const kept = createKeptSends(5);
  kept.keep("alice", "1");
  expect(await kept.settled("alice").then(() => "free")).toBe("free");
});

it("holds it for as long when the same one is kept anew", async () => {
  vi.useFakeTimers();
  const kept = createKeptSends(100);
  kept.keep("alice", "1");
  vi.advanceTimersByTime(60);
  kept.settle("1");
  kept.keep("alice", "1");
  let isFree = false;
  void kept.settled("alice").then(() => (isFree = true));
  await vi.advanceTimersByTimeAsync(99);
  expect(isFree).toBe(false);
  await vi.advanceTimersByTimeAsync(1);
  expect(isFree).toBe(true);
  vi.useRealTimers();
});
