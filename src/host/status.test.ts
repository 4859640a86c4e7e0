import { afterEach, describe, expect, it } from "vitest";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { createFakeSession } from "../../test/support/fake-session.ts";
import { prepared } from "../../test/support/xmpp-subjects.ts";
import type { ConnectionState } from "../client/types.ts";
import type { FullJid } from "../protocol/jid.ts";
import { XmppConnectionError } from "../errors.ts";
import { createTally } from "../inbound/tally.ts";
import { createSentMessages } from "../outbound/sent-messages.ts";
import { resolveAccount } from "./account.ts";
import { addLiveAccount, type LiveAccount } from "./live-accounts.ts";
import { status } from "./status.ts";

const cfg = {
  channels: { xmpp: { jid: "bot@chat.example", password: "secret" } },
} as OpenClawConfig;
const account = resolveAccount(cfg);
const REFUSED = new XmppConnectionError("not-authorized", "the server says no: go away");

const sent = createSentMessages();
let remove = () => undefined as unknown;
afterEach(() => void remove());

function run(state: ConnectionState, hasArchive: boolean | undefined, roomHasArchive = true) {
  const rooms = [
    { room: prepared("den@rooms.example"), state: "joined", archive: roomHasArchive },
    { room: prepared("cave@rooms.example"), state: "lost", reason: "kicked out" },
  ];
  remove = addLiveAccount({
    account,
    session: { ...createFakeSession(), state },
    rooms: { list: () => rooms },
    sent,
    tally: createTally(),
    catchUp: { hasArchive },
  } as unknown as LiveAccount);
}

const snapshotOf = async () =>
  await status.buildAccountSnapshot?.({ account, cfg, runtime: undefined, probe: undefined });
const probe = async () => await status.probeAccount?.({ account, timeoutMs: 1_000, cfg });

describe("channels status", () => {
  it("shows the step of the connection, and where there is an archive", async () => {
    run({ kind: "authenticating" } as ConnectionState, undefined);
    expect(await snapshotOf()).toMatchObject({ connection: "authenticating" });
    expect(await snapshotOf()).not.toHaveProperty("archive");
    remove();
    run({ kind: "waiting" } as ConnectionState, true, false);
    expect(await snapshotOf()).toMatchObject({
      connection: "waiting",
      archive: true,
      rooms: [
        { room: "den@rooms.example", state: "joined", archive: false },
        { room: "cave@rooms.example", state: "lost", reason: "kicked out" },
      ],
      dropped: {},
    });
  });

  it("shows when a message was last said to have arrived, and to have been read", async () => {
    run({ kind: "waiting" } as ConnectionState, true);
    expect(await snapshotOf()).not.toHaveProperty("lastDeliveredAt");
    sent.add("a", "alice@example" as FullJid);
    sent.acknowledge("a", "eve@example/x" as FullJid, "displayed", 5);
    sent.acknowledge("b", "alice@example/x" as FullJid, "displayed", 6);
    expect(await snapshotOf()).not.toHaveProperty("lastDeliveredAt");
    sent.acknowledge("a", "alice@example/x" as FullJid, "delivered", 7);
    expect(await snapshotOf()).toMatchObject({ lastDeliveredAt: 7 });
    expect(await snapshotOf()).not.toHaveProperty("lastDisplayedAt");
    sent.acknowledge("a", "alice@example/y" as FullJid, "displayed", 8);
    expect(await snapshotOf()).toMatchObject({ lastDeliveredAt: 8, lastDisplayedAt: 8 });
  });

  it("shows nothing of that in a process where the account does not run", async () => {
    const snapshot = await snapshotOf();
    expect(snapshot).toMatchObject({ accountId: "default", jid: "bot@chat.example" });
    for (const key of ["connection", "archive", "rooms", "dropped"]) {
      expect(snapshot).not.toHaveProperty(key);
    }
  });

  it("warns of a missing archive, and of missing rooms", async () => {
    const issuesOf = async () => {
      const snapshot = await snapshotOf();
      if (!snapshot) throw new Error("no snapshot");
      return status.collectStatusIssues?.([snapshot]) ?? [];
    };
    run({ kind: "waiting" } as ConnectionState, true);
    expect((await issuesOf()).map(({ message }) => message)).toEqual([
      "not in 1 of 2 rooms: cave@rooms.example (lost: kicked out)",
    ]);
    remove();
    run({ kind: "waiting" } as ConnectionState, false);
    expect((await issuesOf())[0]).toMatchObject({
      message: expect.stringContaining("no archive"),
      fix: expect.stringContaining("XEP-0313"),
    });
  });

  it("with --probe: the step and the last error while it is not online, and no second login", async () => {
    run({ kind: "refused", error: REFUSED } as ConnectionState, true);
    expect(await probe()).toMatchObject({
      ok: false,
      error: "refused: the server says no: go away",
      archive: true,
    });
    remove();
    run({ kind: "connecting" } as ConnectionState, undefined);
    expect(await probe()).toMatchObject({ ok: false, error: "connecting" });
  });
});
