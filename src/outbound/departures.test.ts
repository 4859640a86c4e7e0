import { expect, it } from "vitest";
import type { BareJid } from "../protocol/jid.ts";
import { createDepartures } from "./departures.ts";

const ALICE = "alice@example.com" as BareJid;
const BOB = "bob@example.com" as BareJid;
const patient = { patienceMs: 60_000 };

it("sends one after the other to one, side by side to several", async () => {
  const { inOrder } = createDepartures();
  const seen: string[] = [];
  const slow = Promise.withResolvers<void>();
  const first = inOrder(ALICE, patient, async () => {
    await slow.promise;
    seen.push("alice 1");
  });
  const second = inOrder(ALICE, patient, async () => void seen.push("alice 2"));
  await inOrder(BOB, patient, async () => void seen.push("bob"));
  slow.resolve();
  await Promise.all([first, second]);
  expect(seen).toEqual(["bob", "alice 1", "alice 2"]);
});

it("goes on after a failure, and after somebody who gave up or was called off", async () => {
  const departures = createDepartures();
  const { inOrder } = departures;
  const slow = Promise.withResolvers<void>();
  const failing = inOrder(ALICE, patient, async () => {
    await slow.promise;
    throw new Error("no");
  });
  const sent: string[] = [];
  const send = (name: string) => async () => void sent.push(name);
  await expect(inOrder(ALICE, { patienceMs: 1 }, send("impatient"))).rejects.toThrow(/waiting/);
  const off = new AbortController();
  const aborted = inOrder(ALICE, { ...patient, signal: off.signal }, send("aborted"));
  const last = inOrder(ALICE, patient, send("last"));
  expect(departures.count).toBe(3);
  off.abort(new Error("called off"));
  await expect(aborted).rejects.toThrow("called off");
  expect(sent).toEqual([]);
  slow.resolve();
  await expect(failing).rejects.toThrow("no");
  await last;
  expect(sent).toEqual(["last"]);
  expect(departures.count).toBe(0);
});

it("waits for as long as an operator may allow", async () => {
  const { inOrder } = createDepartures();
  const slow = Promise.withResolvers<void>();
  const first = inOrder(ALICE, patient, async () => await slow.promise);
  const monthMs = 30 * 24 * 60 * 60_000;
  const second = inOrder(ALICE, { patienceMs: monthMs }, async () => "sent");
  setTimeout(slow.resolve, 20);
  await first;
  expect(await second).toBe("sent");
});

it("lets a second's worth leave at once, the rest evenly", async () => {
  // 20 a second: 20 at once, 5 more take a quarter of a second.
  const { pace } = createDepartures();
  const started = performance.now();
  let left = 0;
  const all = Promise.all(
    Array.from({ length: 25 }, async (_, n) => {
      await pace(n % 2 ? ALICE : BOB, 20);
      left += 1;
    }),
  );
  await Promise.resolve();
  await Promise.resolve();
  expect(left).toBe(20);
  await all;
  expect(performance.now() - started).toBeGreaterThanOrEqual(240);
});

it("pauses longer each time for who asks for it, and for nobody else", async () => {
  let now = 0;
  const departures = createDepartures(() => now);
  const isHeld = async (to: BareJid) => {
    const over = departures.pace(to, 1_000).then(() => false);
    return await Promise.race([over, new Promise((done) => setTimeout(() => done(true), 20))]);
  };
  departures.holdOff(ALICE);
  expect(await isHeld(ALICE)).toBe(true);
  expect(await isHeld(BOB)).toBe(false);
  now = 2_000;
  expect(await isHeld(ALICE)).toBe(false);
  departures.holdOff(ALICE);
  now = 4_500;
  expect(await isHeld(ALICE)).toBe(true);
  now = 6_000;
  expect(await isHeld(ALICE)).toBe(false);
});
