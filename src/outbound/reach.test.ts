import { afterEach, expect, it, vi } from "vitest";
import type { ConnectionState } from "../client/types.ts";
import type { BareJid } from "../protocol/jid.ts";
import { reach } from "./reach.ts";
import type { Outbox } from "./send.ts";
import type { Target } from "./target.ts";

const ALICE: Target = { kind: "direct", to: "alice@example.com" as BareJid };
const ROOM = "coven@chat.example" as BareJid;
const IN_ROOM: Target = { kind: "room", room: ROOM, to: ROOM };

afterEach(() => vi.useRealTimers());

function outbox(state: ConnectionState["kind"], room?: string): Outbox {
  const rooms = { get: () => room && { state: room } };
  return { session: { state: { kind: state } }, rooms } as unknown as Outbox;
}

/** Finds one after the other, then always the last. */
function finding(...found: (Outbox | undefined)[]) {
  let looks = 0;
  return {
    find: () => found[Math.min(looks++, found.length - 1)],
    looks: () => looks,
  };
}

it("waits for a connection, and takes the session that has one", async () => {
  const live = outbox("online");
  const { find, looks } = finding(outbox("online"), live);
  expect(await reach(find, ALICE, 1_000)).not.toBe(live);
  expect(looks()).toBe(1);
  const restarting = finding(outbox("stopped"), undefined, outbox("connecting"), live);
  expect(await reach(restarting.find, ALICE, 5_000)).toBe(live);
});

it("waits for the room to be entered", async () => {
  const joined = outbox("online", "joined");
  expect(await reach(finding(outbox("online", "joining"), joined).find, IN_ROOM, 5_000)).toBe(
    joined,
  );
});

it("does not wait for what will not come", async () => {
  for (const [found, target] of [
    [outbox("refused"), ALICE],
    [outbox("online", "refused"), IN_ROOM],
    [outbox("online"), IN_ROOM],
  ] as const) {
    const { find, looks } = finding(found);
    expect(await reach(find, target, 60_000)).toBe(found);
    expect(looks()).toBe(1);
  }
});

it("does not wait for an account that stays away, longer than a restart takes", async () => {
  vi.useFakeTimers();
  const live = outbox("online");
  let found: Outbox | undefined;
  const HOUR_MS = 60 * 60_000;
  const restarted = reach(() => found, ALICE, HOUR_MS);
  await vi.advanceTimersByTimeAsync(5_000);
  found = live;
  await vi.advanceTimersByTimeAsync(200);
  expect(await restarted).toBe(live);
  found = undefined;
  const gone = reach(() => found, ALICE, HOUR_MS);
  await vi.advanceTimersByTimeAsync(15_000);
  expect(await gone).toBeUndefined();
});

it("ends after its time with what there is", async () => {
  const waiting = outbox("waiting");
  expect(await reach(() => waiting, ALICE, 0)).toBe(waiting);
  expect(await reach(() => undefined, ALICE, 0)).toBeUndefined();
});
