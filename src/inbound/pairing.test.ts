import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { createRooms } from "../client/rooms.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { PendingPairings } from "../state/pending-pairings.ts";
import { createPairing } from "./pairing.ts";
import type { InboundMessage } from "./types.ts";

const EVE = "eve@example" as BareJid;

/** A host's pairing store, and what must survive a restart, in memory. */
function setUp(waiting: BareJid[] = []) {
  const session = createFakeSession();
  const log = createFakeLog();
  const requests = new Map<string, string>();
  const approved: string[] = [];
  const lookups: string[] = [];
  const runtime = {
    channel: {
      pairing: {
        readAllowFromStore: async () => approved,
        upsertPairingRequest: async ({ id }: { id: string }) => {
          lookups.push(id);
          const created = !requests.has(id);
          requests.set(id, `CODE${requests.size}`);
          return { code: requests.get(id), created };
        },
      },
    },
  };
  const pendingSet = new Map<BareJid, string | undefined>(waiting.map((jid) => [jid, undefined]));
  const pending: PendingPairings = {
    add: (jid, code) => void pendingSet.set(jid, code),
    codeOf: (jid) => pendingSet.get(jid),
    remove: (jid) => pendingSet.delete(jid),
    list: () => [...pendingSet.keys()],
  };
  const outbox = createOutbox(session, createRooms({ session, log, nick: "bot" }));
  const pairing = createPairing({
    accountId: "default",
    runtime: runtime as never,
    findOutbox: () => outbox,
    pending,
    readLimit: () => 3,
    log,
  });
  session.goOnline();
  return { session, pairing, approved, pending, lookups };
}

const saidBy = (jid: BareJid) =>
  ({
    conversation: { kind: "direct", peer: jid, replyTo: jid },
    sender: { id: jid, jid, peer: jid, label: jid },
  }) as unknown as InboundMessage;
const inbound = saidBy(EVE);

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

it("gives one code, then is silent", async () => {
  const { session, pairing } = setUp();
  await pairing.challenge(inbound);
  expect(session.takeSent().join()).toContain("CODE0");
  await pairing.challenge(inbound);
  expect(session.takeSent()).toEqual([]);
  pairing.stop();
});

it("gives no code to who is vouched for by nobody", async () => {
  const { session, pairing } = setUp();
  await pairing.challenge({ ...inbound, sender: { ...inbound.sender, jid: undefined } });
  expect(session.takeSent()).toEqual([]);
  pairing.stop();
});

it("tells of an approval once, also of one that came while the account was restarting", async () => {
  const { session, pairing, approved } = setUp([EVE]);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(session.takeSent()).toEqual([]);
  approved.push(EVE);
  await vi.advanceTimersByTimeAsync(20_000);
  const told = session.takeSent();
  expect(told).toHaveLength(1);
  expect(told[0]).toMatch(/to="eve@example".*approved/);
  pairing.stop();
});

it("tells later when it could not be sent, and nothing after the end", async () => {
  const { session, pairing, approved, pending } = setUp([EVE]);
  session.goOffline();
  approved.push(EVE);
  await vi.advanceTimersByTimeAsync(5_000);
  expect(pending.list()).toEqual([EVE]);
  session.goOnline();
  await vi.advanceTimersByTimeAsync(5_000);
  expect(session.takeSent()).toHaveLength(1);
  pairing.stop();
  pending.add(EVE);
  await vi.advanceTimersByTimeAsync(20_000);
  expect(session.takeSent()).toEqual([]);
});

it("gives the code at the next word when it could not be sent at first", async () => {
  const { session, pairing } = setUp();
  session.goOffline();
  const first = pairing.challenge(inbound);
  await vi.advanceTimersByTimeAsync(61_000);
  await first;
  session.goOnline();
  expect(session.takeSent()).toEqual([]);
  await pairing.challenge(inbound);
  expect(session.takeSent().join()).toContain("CODE0");
  await pairing.challenge(inbound);
  expect(session.takeSent()).toEqual([]);
  pairing.stop();
});

it("asks the host for so many strangers a minute, and for each once", async () => {
  const { pairing, session, lookups } = setUp();
  const strangers = Array.from({ length: 20 }, (_, index) => `eve${index}@example` as BareJid);
  for (let round = 0; round < 50; round += 1) {
    for (const jid of strangers) await pairing.challenge(saidBy(jid));
  }
  expect(lookups).toEqual(strangers.slice(0, 3));
  expect(session.takeSent()).toHaveLength(3);
  vi.advanceTimersByTime(60_000);
  await pairing.challenge(saidBy(EVE));
  expect(lookups.at(-1)).toBe(EVE);
  pairing.stop();
});
