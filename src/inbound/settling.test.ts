import { describe, expect, it } from "vitest";
import { createSettling } from "./settling.ts";

describe("a session in which an answer is on its way", () => {
  it("lets the next turn wait for all that hold it, and no other session", async () => {
    const settling = createSettling();
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    settling.hold("a", first.promise);
    settling.hold("a", second.promise);
    const order: string[] = [];
    const waiting = settling.settled("a").then(() => order.push("a"));
    await settling.settled("b");
    order.push("b");
    first.resolve();
    await first.promise;
    order.push("first");
    second.reject(new Error("lost"));
    await waiting;
    expect(order).toEqual(["b", "first", "a"]);
    await settling.settled("a");
  });

  it("waits also for what begins to hold it meanwhile", async () => {
    const settling = createSettling();
    const [first, second] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    settling.hold("a", first.promise);
    let isSettled = false;
    const waiting = settling.settled("a").then(() => (isSettled = true));
    settling.hold("a", second.promise);
    first.resolve();
    await new Promise(setImmediate);
    expect(isSettled).toBe(false);
    second.resolve();
    await waiting;
  });
});
