/**
 * What any queue of inbound events does that the road in may be built on: the host's and ours
 * (`src/state/ingress-queue.test.ts`, `test/contract/host-ingress-queue.test.ts`).
 */
import { describe, expect, it } from "vitest";
import type { IngressQueue } from "../../src/state/ingress-contract.ts";

export type QueueUnderTest = {
  queue: IngressQueue<{ text: string }>;
  /** Another handle on the same storage, as after a crash of the process. */
  reopen(): IngressQueue<{ text: string }>;
  /** Breaks the stored payload of an event. */
  corrupt(id: string): void;
};

/** @param open with a clock; each call has storage of its own */
export function describeIngressQueue(open: (now: () => number) => QueueUnderTest): void {
  function setUp() {
    const clock = { now: 1_000 };
    return { clock, ...open(() => clock.now) };
  }
  const hello = { text: "hello" };
  const claimed = async (queue: IngressQueue<{ text: string }>, id: string) => {
    const claim = await queue.claim(id, { ownerId: "me" });
    if (!claim) throw new Error(`${id} could not be claimed`);
    return claim;
  };
  const ids = (records: { id: string }[]) => records.map(({ id }) => id);

  describe("a queue of inbound events", () => {
    it("stores an event as it was given", async () => {
      const { queue, reopen } = setUp();
      const added = await queue.enqueue(" a ", hello, { laneKey: "l", receivedAt: 5 });
      const record = {
        id: "a",
        channelId: "xmpp",
        accountId: "default",
        queueName: '["xmpp","default"]',
        payload: hello,
        laneKey: "l",
        receivedAt: 5,
        updatedAt: 1_000,
        attempts: 0,
      };
      expect(added).toEqual({ kind: "accepted", duplicate: false, record });
      expect(await reopen().listPending()).toEqual([record]);
      await expect(queue.enqueue("  ", hello)).rejects.toThrow(/empty/);
    });

    it("knows an event again in every state, and keeps what it had first", async () => {
      const { queue, clock } = setUp();
      await queue.enqueue("a", hello);
      const again = () => queue.enqueue("a", { text: "other" });
      expect(await again()).toMatchObject({ kind: "pending", duplicate: true });
      const claim = await claimed(queue, "a");
      expect(await again()).toMatchObject({
        kind: "claimed",
        record: { payload: hello, claim: claim.claim },
      });
      clock.now = 2_000;
      await queue.complete(claim, { metadata: { turn: 1 } });
      expect(await again()).toMatchObject({
        kind: "completed",
        duplicate: true,
        record: { id: "a", completedAt: 2_000, metadata: { turn: 1 } },
      });
      await queue.enqueue("b", hello);
      await queue.fail("b", { reason: "broken", message: "as it is" });
      expect(await queue.enqueue("b", hello)).toMatchObject({
        kind: "failed",
        record: { id: "b", failedAt: 2_000, reason: "broken", message: "as it is" },
      });
      expect(await queue.listPending()).toEqual([]);
    });

    it("lists by the time of receipt, then by id, or by id alone", async () => {
      const { queue } = setUp();
      for (const [id, receivedAt] of [
        ["c", 1],
        ["b", 3],
        ["a", 3],
        ["d", 2],
      ] as const) {
        await queue.enqueue(id, hello, { receivedAt });
      }
      expect(ids(await queue.listPending())).toEqual(["c", "d", "a", "b"]);
      expect(ids(await queue.listPending({ orderBy: "id" }))).toEqual(["a", "b", "c", "d"]);
      expect(ids(await queue.listPending({ limit: 2 }))).toEqual(["c", "d"]);
      for (let n = 0; n < 150; n += 1) await queue.enqueue(`n${n}`, hello);
      expect(await queue.listPending()).toHaveLength(100);
      expect(await queue.listPending({ limit: "all" })).toHaveLength(154);
    });

    it("claims the first whose lane is free, each once", async () => {
      const { queue, clock } = setUp();
      await queue.enqueue("a1", hello, { laneKey: "a", receivedAt: 1 });
      await queue.enqueue("b1", hello, { laneKey: "b", receivedAt: 2 });
      await queue.enqueue("x", hello, { receivedAt: 3 });
      clock.now = 1_500;
      const first = await queue.claimNext({ blockedLaneKeys: ["a"], ownerId: "me" });
      expect(first).toMatchObject({
        id: "b1",
        updatedAt: 1_500,
        claim: { ownerId: "me", claimedAt: 1_500, token: expect.stringMatching(/./) },
      });
      expect(await queue.claimNext({ blockedLaneKeys: ["a"] })).toMatchObject({ id: "x" });
      expect(await queue.claimNext({ blockedLaneKeys: ["a"] })).toBeNull();
      expect(await queue.claimNext()).toMatchObject({ id: "a1" });
      expect(await queue.claim("a1")).toBeNull();
      expect(await queue.claim("nobody")).toBeNull();
      expect(ids(await queue.listClaims())).toEqual(["a1", "b1", "x"]);
      expect(await queue.listPending()).toEqual([]);
    });

    it("claims among candidates only, and none of a lane that one of them holds", async () => {
      const { queue } = setUp();
      await queue.enqueue("a1", hello, { laneKey: "a", receivedAt: 1 });
      await queue.enqueue("a2", hello, { laneKey: "a", receivedAt: 2 });
      await queue.enqueue("b1", hello, { laneKey: "b", receivedAt: 3 });
      expect(await queue.claimNext({ candidateIds: [] })).toBeNull();
      await claimed(queue, "a1");
      const candidateIds = ["a1", "a2", "b1"];
      expect(await queue.claimNext({ candidateIds })).toMatchObject({ id: "b1" });
      expect(await queue.claimNext({ candidateIds })).toBeNull();
      expect(await queue.claimNext({ candidateIds: ["a2"] })).toMatchObject({ id: "a2" });
    });

    it("finds a free lane behind many blocked ones", async () => {
      const { queue } = setUp();
      for (let n = 0; n < 5; n += 1) {
        await queue.enqueue(`a${n}`, hello, { laneKey: "a", receivedAt: n });
      }
      await queue.enqueue("b", hello, { laneKey: "b", receivedAt: 9 });
      const options = { blockedLaneKeys: ["a"], scanLimit: 2 };
      expect(await queue.claimNext(options)).toMatchObject({ id: "b" });
      expect(await queue.claimNext({ scanLimit: 0 })).toMatchObject({ id: "a0" });
    });

    it("derives the lanes that are not stored, and stores them", async () => {
      const { queue } = setUp();
      await queue.enqueue("a", { text: "lane-a" }, { receivedAt: 1 });
      await queue.enqueue("b", { text: "lane-b" }, { receivedAt: 2, laneKey: "kept" });
      const deriveLaneKey = ({ payload }: { payload: { text: string } }) => payload.text;
      const blockedLaneKeys = ["lane-a"];
      expect(await queue.claimNext({ deriveLaneKey, blockedLaneKeys })).toMatchObject({
        id: "b",
        laneKey: "kept",
      });
      expect(await queue.claimNext({ deriveLaneKey })).toMatchObject({ laneKey: "lane-a" });
      await queue.enqueue("c", { text: "new" }, { laneKey: "old" });
      const reconcileStoredLaneKey = (_: unknown, stored: string, derived: string) =>
        stored === "old" && derived === "new";
      expect(await queue.claimNext({ deriveLaneKey, reconcileStoredLaneKey })).toMatchObject({
        id: "c",
        laneKey: "new",
      });
    });

    it("lets nobody settle what another has claimed since", async () => {
      const { queue } = setUp();
      await queue.enqueue("a", hello);
      const old = await claimed(queue, "a");
      await queue.release(old);
      const claim = await claimed(queue, "a");
      expect(await queue.complete(old)).toBe(false);
      expect(await queue.release(old)).toBe(false);
      expect(await queue.fail(old, { reason: "x" })).toBe(false);
      expect(await queue.delete(old)).toBe(false);
      expect(await queue.refreshClaim(old)).toBe(false);
      expect(await queue.complete("a")).toBe(false);
      expect(await queue.release("a")).toBe(false);
      expect(await queue.fail("a", { reason: "x" })).toBe(false);
      expect(await queue.delete("a")).toBe(false);
      expect(await queue.refreshClaim(claim, { refreshedAt: 7_000 })).toBe(true);
      expect(await queue.listClaims()).toMatchObject([
        { updatedAt: 7_000, claim: { claimedAt: 7_000 } },
      ]);
      expect(await queue.complete(claim)).toBe(true);
      expect(await queue.complete(claim)).toBe(false);
    });

    it("counts attempts, unless it is told not to", async () => {
      const { queue } = setUp();
      await queue.enqueue("a", hello);
      await queue.release(await claimed(queue, "a"), { lastError: "busy", releasedAt: 1_100 });
      expect(await queue.listPending()).toMatchObject([
        { attempts: 1, lastAttemptAt: 1_100, lastError: "busy", updatedAt: 1_100 },
      ]);
      await queue.release(await claimed(queue, "a"), { recordAttempt: false, releasedAt: 1_200 });
      expect(await queue.listPending()).toMatchObject([
        { attempts: 1, lastAttemptAt: 1_100, lastError: "busy", updatedAt: 1_200 },
      ]);
    });

    it("completes what it has never seen, so that it is not taken later", async () => {
      const { queue } = setUp();
      expect(await queue.complete("a", { completedAt: 1 })).toBe(true);
      expect(await queue.complete("a")).toBe(false);
      expect(await queue.enqueue("a", hello)).toMatchObject({ kind: "completed" });
      await queue.enqueue("b", hello);
      expect(await queue.complete("b")).toBe(true);
    });

    it("deletes without a trace", async () => {
      const { queue } = setUp();
      await queue.enqueue("a", hello);
      expect(await queue.delete("a")).toBe(true);
      expect(await queue.delete("a")).toBe(false);
      expect(await queue.enqueue("a", hello)).toMatchObject({ kind: "accepted" });
      expect(await queue.delete(await claimed(queue, "a"))).toBe(true);
    });

    it("keeps what failed, and takes it up again when asked", async () => {
      const { queue, clock } = setUp();
      await queue.enqueue("a", hello, { laneKey: "l", receivedAt: 1 });
      await queue.release(await claimed(queue, "a"), { lastError: "busy" });
      clock.now = 3_000;
      await queue.fail(await claimed(queue, "a"), { reason: "given up", message: "busy" });
      const letter = {
        id: "a",
        payload: hello,
        laneKey: "l",
        attempts: 1,
        lastAttemptAt: 1_000,
        failedAt: 3_000,
        reason: "given up",
        message: "busy",
        receivedAt: 1,
        updatedAt: 3_000,
      };
      expect(await queue.listFailed()).toMatchObject([letter]);
      clock.now = 4_000;
      expect(await queue.resubmit("a")).toMatchObject({
        kind: "resubmitted",
        record: { id: "a", attempts: 0, receivedAt: 4_000, laneKey: "l", payload: hello },
        previous: letter,
      });
      expect((await queue.listPending())[0]).not.toHaveProperty("lastError");
      expect(await queue.resubmit("a")).toEqual({ kind: "active", status: "pending" });
      const claim = await claimed(queue, "a");
      expect(await queue.resubmit("a")).toEqual({ kind: "active", status: "claimed" });
      await queue.complete(claim);
      expect(await queue.resubmit("a")).toMatchObject({ kind: "completed" });
      expect(await queue.resubmit("b")).toEqual({ kind: "not-found" });
    });

    it("recovers claims whose owner is gone, and no others", async () => {
      const { queue, reopen, clock } = setUp();
      for (const id of ["old", "kept", "new"]) await queue.enqueue(id, hello);
      await claimed(queue, "old");
      await claimed(queue, "kept");
      clock.now = 5_000;
      await claimed(queue, "new");
      const other = reopen();
      const shouldRecover = ({ id }: { id: string }) => id !== "kept";
      expect(await other.recoverStaleClaims({ staleMs: 4_000, shouldRecover })).toBe(1);
      expect(await other.listPending()).toMatchObject([
        { id: "old", attempts: 1, lastAttemptAt: 5_000, updatedAt: 5_000 },
      ]);
      expect(await other.listPending()).not.toMatchObject([{ lastError: expect.anything() }]);
      expect(await other.recoverStaleClaims()).toBe(2);
      expect(await other.claimNext({ staleMs: 0 })).not.toBeNull();
    });

    it("sets an unreadable event aside, and goes on", async () => {
      const { queue, corrupt } = setUp();
      for (const id of ["a", "b", "c", "d", "e"]) await queue.enqueue(id, hello);
      await claimed(queue, "d");
      await claimed(queue, "e");
      for (const id of ["a", "b", "d"]) corrupt(id);
      expect(ids(await queue.listPending())).toEqual(["c"]);
      expect(ids(await queue.listClaims())).toEqual(["e"]);
      expect(await queue.enqueue("a", hello)).toMatchObject({
        kind: "failed",
        record: { reason: "corrupt_payload" },
      });
      expect(await queue.claimNext({ scanLimit: 1 })).toMatchObject({ id: "c" });
      await expect(queue.enqueue("d", hello)).rejects.toThrow(/d/);
      expect(await queue.recoverStaleClaims({ shouldRecover: () => true })).toBe(2);
      expect(
        await queue.recoverStaleClaims({
          shouldRecover: () => false,
          shouldRecoverCorrupt: () => true,
        }),
      ).toBe(1);
      expect(ids(await queue.listFailed()).toSorted()).toEqual(["a", "b", "d"]);
      expect((await queue.listFailed())[0]).not.toHaveProperty("payload");
      expect(await queue.resubmit("d")).toMatchObject({ kind: "unrecoverable" });
    });

    it("prunes by age and by number, and spares what it is told to", async () => {
      const { queue, clock } = setUp();
      expect(await queue.prune()).toBe(0);
      for (const n of [1, 2, 3, 4]) {
        clock.now = n * 1_000;
        for (const kind of ["p", "c", "f"]) await queue.enqueue(`${kind}${n}`, hello);
        await queue.complete(`c${n}`);
        await queue.fail(`f${n}`, { reason: "x" });
      }
      expect(await queue.prune({ pendingTtlMs: 2_500, now: 4_000, protectIds: ["p1"] })).toBe(0);
      expect(await queue.prune({ pendingTtlMs: 1_500, now: 4_000, protectIds: ["p1"] })).toBe(1);
      expect(ids(await queue.listPending())).toEqual(["p1", "p3", "p4"]);
      expect(await queue.prune({ completedMaxEntries: 2, failedTtlMs: 1_000 })).toBe(4);
      expect(ids(await queue.listFailed())).toEqual(["f3", "f4"]);
      expect(await queue.enqueue("c2", hello)).toMatchObject({ kind: "accepted" });
      expect(await queue.enqueue("c3", hello)).toMatchObject({ kind: "completed" });
      expect(
        await queue.prune({
          pendingMaxEntries: 0,
          failedMaxEntries: 0,
          completedTtlMs: -1,
          now: 9_999,
        }),
      ).toBe(8);
      expect(await queue.listPending()).toEqual([]);
    });
  });
}
