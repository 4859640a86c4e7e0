import { expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../policy/limits.ts";
import type { BareJid } from "../protocol/jid.ts";
import { createStrangers } from "./strangers.ts";

const ALICE = "alice@example" as BareJid;
const stranger = (n: number) => `stranger${n}@evil.example` as BareJid;

function setUp(policy: { dmPolicy?: "open" | "pairing" | "allowlist"; allowFrom?: string[] } = {}) {
  const clock = { ms: 1_000_000 };
  const approved: string[] = [];
  let looks = 0;
  const { mayBeStored, find } = createStrangers({
    readPolicy: () => ({
      dmPolicy: "pairing",
      allowFrom: [ALICE],
      limits: { ...DEFAULT_LIMITS, pairingsPerMinute: 4 },
      ...policy,
    }),
    approved: async () => {
      looks += 1;
      return approved;
    },
    now: () => clock.ms,
  });
  const stored = async (peers: readonly BareJid[]) =>
    (await Promise.all(peers.map((peer) => mayBeStored(peer)))).filter(Boolean).length;
  return { clock, approved, stored, find, looks: () => looks };
}

const times = (n: number, peer: (index: number) => BareJid) =>
  Array.from({ length: n }, (_, index) => peer(index));

it("of 10,000 strangers only so many reach the disk in a minute; whoever is listed always does", async () => {
  const { clock, stored } = setUp();
  expect(await stored(times(10_000, stranger))).toBe(20);
  expect(await stored(times(1_000, () => ALICE))).toBe(1_000);
  clock.ms += 60_000;
  expect(await stored(times(10_000, stranger))).toBe(20);
});

it("one stranger does not use up what is there for all", async () => {
  const { stored } = setUp();
  expect(await stored(times(1_000, () => stranger(0)))).toBe(5);
  expect(await stored([stranger(1)])).toBe(1);
});

it("whoever was approved is none, also while others ask; the host is asked once in a while", async () => {
  const { approved, clock, stored, looks } = setUp();
  await stored(times(10_000, stranger));
  expect(await stored([stranger(77)])).toBe(0);
  expect(looks()).toBe(1);
  approved.push(stranger(77));
  clock.ms += 2_000;
  expect(await stored(times(10, () => stranger(77)))).toBe(10);
  expect(looks()).toBe(2);
});

it("of those who wrote while we were away, strangers are told from the others", async () => {
  const { approved, find } = setUp();
  approved.push(stranger(1));
  const isStranger = await find();
  expect([ALICE, stranger(1), stranger(2)].map(isStranger)).toEqual([false, false, true]);
});

it.each([
  ["everybody may write", { dmPolicy: "open" }],
  ["a list names everybody", { allowFrom: ["*"] }],
  ["a list names the domain", { allowFrom: ["*@evil.example"] }],
  ["a list names a group of the host's", { allowFrom: ["accessGroup:friends"] }],
] as const)("nobody is a stranger where %s", async (_, policy) => {
  const { stored } = setUp({
    ...policy,
    allowFrom: [...("allowFrom" in policy ? policy.allowFrom : [])],
  });
  expect(await stored(times(1_000, stranger))).toBe(1_000);
});

it("a list that cannot be read lets nobody over the bound", async () => {
  const { mayBeStored } = createStrangers({
    readPolicy: () => ({ dmPolicy: "pairing", allowFrom: [], limits: DEFAULT_LIMITS }),
    approved: () => Promise.reject(new Error("locked")),
    now: () => 0,
  });
  const answers = await Promise.all(times(6, () => ALICE).map((peer) => mayBeStored(peer)));
  expect(answers).toEqual([true, true, true, true, true, false]);
});
