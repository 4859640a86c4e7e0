/** What a running account says of itself in one look. */
import { expect, it } from "vitest";
import { createFakeSession } from "../../test/support/fake-session.ts";
import type { WaitingMessages } from "../inbound/waiting.ts";
import type { LiveAccount } from "./live-accounts.ts";
import { describeStatus } from "./live-status.ts";

function setUp(count: WaitingMessages["count"]) {
  const session = createFakeSession();
  const live = {
    account: { accountId: "default", jid: "bot@example" },
    session,
    rooms: { list: () => [{ state: "joined" }, { state: "lost" }] },
    roster: { contacts: () => [{}] },
    tally: { read: () => ({ cleared: 2 }) },
    catchUp: { hasArchive: true },
    waiting: { count },
  } as unknown as LiveAccount;
  return { live, session };
}

it("counts what there is, and how long it waits", async () => {
  const { live, session } = setUp(async () => ({ waiting: 2, oldestAt: Date.now() - 60_000 }));
  session.goOnline();
  const status = await describeStatus(live);
  expect(status).toMatchObject({
    account: "default",
    state: "online",
    connection: { transport: "tcp" },
    rooms: 2,
    roomsJoined: 1,
    contacts: 1,
    archive: true,
    queued: 2,
    dropped: { cleared: 2 },
  });
  expect("oldestQueuedMs" in status && status.oldestQueuedMs).toBeGreaterThanOrEqual(60_000);
});

it("tells that it is offline, and that the queue cannot be read", async () => {
  const { live } = setUp(async () => await Promise.reject(new Error("the disk is full")));
  const status = await describeStatus(live);
  expect(status).toMatchObject({ state: "idle", queueError: "the disk is full" });
  expect(status).not.toHaveProperty("connection");
});
