import { expect, it } from "vitest";
import { createSessionTurns } from "./session-turns.ts";

/** What has entered so far, in order. `undisturbedMs`: see createSessionTurns. */
function watch(undisturbedMs = 0) {
  const turns = createSessionTurns(undisturbedMs);
  const entered: string[] = [];
  const ends = new Map<string, () => void>();
  const enter = (name: string, place: string, session = "s") =>
    void turns.enter(session, place).then((end) => {
      entered.push(name);
      ends.set(name, end);
    });
  const end = (name: string) => ends.get(name)?.();
  const soon = async () => {
    await new Promise((resolve) => setTimeout(resolve, 2));
    return entered.join(" ");
  };
  return { turns, enter, end, soon };
}

it("lets the same place in after the end, or where the agent is at work for long", async () => {
  const { enter, end, soon } = watch(60_000);
  enter("one", "room");
  enter("two", "room");
  enter("three", "room");
  expect(await soon()).toBe("one");
  end("one");
  expect(await soon()).toBe("one two");
  end("two");
  expect(await soon()).toBe("one two three");
  const impatient = watch(1);
  impatient.enter("one", "room");
  impatient.enter("two", "room");
  await expect.poll(impatient.soon).toBe("one two");
});

it("lets the same place and other sessions in, and holds back another place until the end", async () => {
  const { enter, end, soon } = watch();
  enter("room1", "room");
  expect(await soon()).toBe("room1");
  enter("room2", "room");
  enter("direct", "direct");
  enter("other", "direct", "other");
  await expect.poll(soon).toBe("room1 room2 other");
  end("room1");
  expect(await soon()).toBe("room1 room2 other");
  end("room2");
  expect(await soon()).toBe("room1 room2 other direct");
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
  const { turns, enter, soon } = watch();
  enter("alice", "alice");
  const end = turns.enterAtOnce("s", "bob");
  enter("again", "alice");
  expect(await soon()).toBe("alice");
  end();
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
