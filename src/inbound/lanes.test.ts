import { expect, it } from "vitest";
import { createLanes } from "./lanes.ts";

it("takes up one conversation in order, and conversations side by side", async () => {
  const seen: string[] = [];
  const lanes = createLanes(() => undefined);
  const gate = Promise.withResolvers<void>();
  lanes.push("alice", async () => {
    await gate.promise;
    seen.push("alice 1");
  });
  lanes.push("alice", async () => void seen.push("alice 2"));
  lanes.push("bob", async () => {
    seen.push("bob 1");
    gate.resolve();
  });
  await lanes.idle();
  expect(seen).toEqual(["bob 1", "alice 1", "alice 2"]);
});

it("goes on after a failure, which it reports", async () => {
  const errors: unknown[] = [];
  const seen: string[] = [];
  const lanes = createLanes((error) => errors.push(error));
  const failure = new Error("no");
  lanes.push("alice", async () => {
    throw failure;
  });
  lanes.push("alice", async () => void seen.push("after"));
  await lanes.idle();
  expect(errors).toEqual([failure]);
  expect(seen).toEqual(["after"]);
});

it("refuses the hundred and first that waits in one conversation, and nobody else's", async () => {
  const lanes = createLanes(() => undefined);
  const gate = Promise.withResolvers<void>();
  const wait = async () => await gate.promise;
  for (let i = 0; i < 100; i += 1) expect(lanes.push("alice", wait)).toBe(true);
  expect(lanes.push("alice", wait)).toBe(false);
  expect(lanes.push("bob", wait)).toBe(true);
  gate.resolve();
  await lanes.idle();
  expect(lanes.push("alice", wait)).toBe(true);
});
