import { expect, it } from "vitest";
import { createSessionTurns, type SessionTurn } from "./session-turns.ts";

/** What has entered so far, in order. */
function watch({ undisturbedMs = 0, longestSilenceMs = 60_000, retreatMs = 1 } = {}) {
  const turns = createSessionTurns({ undisturbedMs, longestSilenceMs, retreatMs });
  const entered: string[] = [];
  const begun = new Map<string, SessionTurn>();
  const enter = (name: string, place: string, session = "s") =>
    void turns.enter(session, place).then((turn) => {
      entered.push(name);
      begun.set(name, turn);
    });
  const turn = (name: string) => begun.get(name)!;
  const end = (name: string) => turn(name).end();
  const speak = (name: string) => turn(name).speak();
  const soon = async () => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return entered.join(" ");
  };
  return { turns, enter, end, speak, soon, turn };
}

it("lets each of the same place in after the end of the one before", async () => {
  const { enter, end, soon } = watch();
  for (const name of ["one", "two", "three"]) enter(name, "room");
  enter("other", "room", "other");
  expect(await soon()).toBe("one other");
  end("one");
  expect(await soon()).toBe("one other two");
  end("two");
  expect(await soon()).toBe("one other two three");
});

it("lets the same place in where the agent is at work for long, and nobody else", async () => {
  const { enter, end, speak, soon } = watch();
  enter("one", "room");
  enter("two", "room");
  enter("direct", "direct");
  expect(await soon()).toBe("one");
  speak("one");
  await expect.poll(soon).toBe("one two");
  end("one");
  expect(await soon()).toBe("one two");
  end("two");
  expect(await soon()).toBe("one two direct");
});

it("lets nobody in for a while from the first word on", async () => {
  const { enter, speak, soon } = watch({ undisturbedMs: 60_000 });
  enter("one", "room");
  enter("two", "room");
  expect(await soon()).toBe("one");
  speak("one");
  speak("one");
  expect(await soon()).toBe("one");
});

it("does not wait for a first word for ever", async () => {
  const { enter, soon } = watch({ longestSilenceMs: 1 });
  enter("one", "room");
  enter("two", "room");
  await expect.poll(soon).toBe("one two");
});

it("waits for longer each time that a turn runs which is none of ours, until one is answered", async () => {
  const { turns, enter, turn, soon } = watch({ retreatMs: 10 });
  const waitAfterRetreat = async (name: string) => {
    const since = performance.now();
    turns.enterAtOnce("s", "room").end();
    enter(name, "room");
    await expect.poll(async () => (await soon()).split(" ").at(-1)).toBe(name);
    turn(name).retreat();
    turn(name).end();
    return performance.now() - since;
  };
  for (const name of ["one", "two", "three"]) await waitAfterRetreat(name);
  // After the third it is 40 ms.
  expect(await waitAfterRetreat("four")).toBeGreaterThan(35);
  turn("four").answer();
  enter("five", "room");
  enter("six", "room");
  await expect.poll(soon).toBe("one two three four five");
});

it.each<[string, (turn: SessionTurn, command: SessionTurn) => unknown]>([
  ["answered", (turn) => turn.answer()],
  ["not added to", (_, command) => command.retreat()],
])("lets nobody into a turn that is %s", async (_, close) => {
  const { turns, enter, end, speak, soon, turn } = watch();
  enter("one", "room");
  expect(await soon()).toBe("one");
  speak("one");
  const command = turns.enterAtOnce("s", "room");
  close(turn("one"), command);
  command.end();
  enter("two", "room");
  expect(await soon()).toBe("one");
  end("one");
  expect(await soon()).toBe("one two");
});

it("lets in one of several that wait, when they come at once as well", async () => {
  const { enter, end, soon } = watch();
  for (const name of ["alice", "bob", "carol"]) enter(name, name);
  expect(await soon()).toBe("alice");
  end("alice");
  expect(await soon()).toBe("alice bob");
  end("bob");
  expect(await soon()).toBe("alice bob carol");
});

it("a command enters at once, and holds others back all the same", async () => {
  const { turns, enter, end, soon } = watch();
  enter("alice", "alice");
  const command = turns.enterAtOnce("s", "bob");
  enter("again", "alice");
  expect(await soon()).toBe("alice");
  command.end();
  end("alice");
  expect(await soon()).toBe("alice again");
});

it("lets nobody in while the host has put a turn of the session off", async () => {
  const { turns, enter, end, soon } = watch();
  const first = Promise.withResolvers<void>();
  const second = Promise.withResolvers<void>();
  enter("begun", "room");
  expect(await soon()).toBe("begun");
  turns.putOff("s", first.promise);
  turns.putOff("s", second.promise);
  enter("next", "room");
  enter("other", "room", "other");
  end("begun");
  first.resolve();
  expect(await soon()).toBe("begun other");
  second.reject(new Error("given up"));
  expect(await soon()).toBe("begun other next");
});
