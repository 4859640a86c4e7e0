import { expect, it } from "vitest";
import { createSessionTurns, type SessionTurn } from "./session-turns.ts";

/** What has entered so far, in order. */
function watch({ undisturbedMs = 0, longestSilenceMs = 60_000, sealedMs = 60_000 } = {}) {
  const turns = createSessionTurns({ undisturbedMs, longestSilenceMs, sealedMs });
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
  speak("two");
  expect(await soon()).toBe("one two");
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

/** A turn whose agent is at work for long, and `close` for what another one does beside it. */
async function open(timings: Parameters<typeof watch>[0] = {}) {
  const watched = watch(timings);
  const { turns, enter, end, speak, soon, turn } = watched;
  enter("one", "room");
  expect(await soon()).toBe("one");
  speak("one");
  enter("other", "room");
  await expect.poll(soon).toBe("one other");
  end("other");
  const close = (how: (one: SessionTurn, beside: SessionTurn) => unknown) => {
    const beside = turns.enterAtOnce("s", "room");
    how(turn("one"), beside);
    beside.end();
  };
  return { ...watched, close };
}

it.each<[string, (one: SessionTurn, beside: SessionTurn) => unknown]>([
  ["answered", (one) => one.answer()],
  ["not added to", (_, beside) => beside.sealOthers()],
])("lets nobody into a turn that is %s, until its end", async (_, how) => {
  const { close, enter, end, soon } = await open();
  close(how);
  enter("two", "room");
  expect(await soon()).toBe("one other");
  end("one");
  expect(await soon()).toBe("one other two");
});

it("asks a turn that took nothing in again after a while: it may ask something itself", async () => {
  const { close, enter, soon } = await open({ sealedMs: 20 });
  close((_, beside) => beside.sealOthers());
  enter("two", "room");
  expect(await soon()).toBe("one other");
  await expect.poll(soon).toBe("one other two");
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

it("lets the same place in at once where the agent waits for an answer", async () => {
  const { enter, turn, soon } = watch({ undisturbedMs: 60_000 });
  enter("one", "room");
  enter("two", "room");
  enter("direct", "direct");
  expect(await soon()).toBe("one");
  turn("one").speak();
  turn("one").listen();
  await expect.poll(soon).toBe("one two");
});
