import { Element } from "ltx";
import { afterEach, describe, expect, it, vi } from "vitest";
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
import { describeProbe, status } from "./status.ts";

const { askGateway } = vi.hoisted(() => ({
  askGateway: vi.fn<(method: string, params: object) => Promise<object>>(),
}));
vi.mock("./gateway-call.ts", () => ({ askGateway }));

const cfg = {
  channels: { xmpp: { jid: "bot@chat.example", password: "secret" } },
} as OpenClawConfig;
const account = resolveAccount(cfg);
const REFUSED = new XmppConnectionError("not-authorized", "the server says no: go away");

const sent = createSentMessages();
const tally = createTally();
const waiting = { waiting: 2, oldestAt: Date.now() - 90_000 };
let remove = () => undefined as unknown;
afterEach(() => void remove());

const ONLINE = {
  kind: "online",
  facts: {
    jid: "bot@chat.example/openclaw",
    since: 7,
    transport: "tcp",
    address: "chat.example:5222",
    tls: { version: "TLSv1.3", cipher: "TLS_AES_256_GCM_SHA384" },
    mechanism: "SCRAM-SHA-256-PLUS",
    channelBinding: "tls-exporter",
    resumed: true,
  },
} as ConnectionState;

function run(
  state: ConnectionState,
  hasArchive: boolean | undefined,
  roomHasArchive = true,
  request = async () => new Element("iq"),
) {
  const rooms = [
    { room: prepared("den@rooms.example"), state: "joined", archive: roomHasArchive },
    { room: prepared("cave@rooms.example"), state: "lost", reason: "kicked out" },
    { room: prepared("hut@rooms.example"), state: "refused", reason: "banned" },
  ];
  remove = addLiveAccount({
    account,
    session: { ...createFakeSession(), state, request },
    rooms: { list: () => rooms },
    sent,
    tally,
    catchUp: { hasArchive },
    waiting: { count: async () => waiting },
    services: { uploadService: () => ({ jid: "upload.example", maxFileSize: 2048 }) },
    lastTrouble: () => ({ message: "the server hung up", at: 0 }),
  } as unknown as LiveAccount);
}

type Snapshot = Parameters<NonNullable<typeof status.collectStatusIssues>>[0][number];
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
        { room: "hut@rooms.example", state: "refused", reason: "banned" },
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
      "not in 2 of 3 rooms: cave@rooms.example (lost: kicked out), hut@rooms.example (refused: banned)",
    ]);
    remove();
    run({ kind: "waiting" } as ConnectionState, false);
    expect((await issuesOf())[0]).toMatchObject({
      message: expect.stringContaining("no archive"),
      fix: expect.stringContaining("XEP-0313"),
    });
  });

  it("names five of the rooms that are missing, and counts the rest", async () => {
    const rooms = Array.from({ length: 7 }, (_, n) => ({
      room: `r${n}@rooms.example`,
      state: "lost",
    }));
    const snapshot = { accountId: "default", rooms } as unknown as Snapshot;
    expect(status.collectStatusIssues?.([snapshot])).toEqual([
      expect.objectContaining({
        message: expect.stringMatching(/^not in 7 of 7 rooms: r0@.* r4@\S+ \(lost\) and 2 more$/),
        fix: "see openclaw xmpp rooms",
      }),
    ]);
  });

  it("says what is wrong with an account that cannot start, and never its password", async () => {
    const broken = resolveAccount({
      channels: { xmpp: { jid: "@", password: "pencil" } },
    } as OpenClawConfig);
    const wrong = expect.stringContaining("channels.xmpp.jid");
    expect(await status.probeAccount?.({ account: broken, timeoutMs: 1_000, cfg })).toEqual({
      ok: false,
      error: wrong,
    });
    const params = { account: broken, cfg, runtime: undefined, probe: undefined };
    const snapshot = await status.buildAccountSnapshot?.(params);
    if (!snapshot) throw new Error("no snapshot");
    expect(status.collectStatusIssues?.([snapshot])).toMatchObject([
      { kind: "config", message: wrong },
    ]);
    expect(JSON.stringify(snapshot)).not.toContain("pencil");
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

  it("with --probe: a server that does not answer is no success", async () => {
    run(ONLINE, true, true, () => Promise.reject(new Error("no answer in time")));
    expect(await probe()).toMatchObject({ ok: false, error: "no answer in time" });
  });

  it("with --probe, of an account that runs in the Gateway: what that says of it, each time", async () => {
    const ours = { ok: false, error: "the line is down" };
    askGateway.mockResolvedValue({
      channelAccounts: {
        xmpp: [
          { accountId: "work", probe: { ok: true } },
          { accountId: "default", probe: ours },
        ],
      },
    });
    expect([await probe(), await probe()]).toEqual([ours, ours]);
    // A Gateway where it does not run asks itself: once.
    askGateway.mockImplementation(async () => ({
      channelAccounts: { xmpp: [{ accountId: "default", probe: await probe() }] },
    }));
    expect(await probe()).toMatchObject({
      ok: false,
      error: expect.stringContaining("not running"),
    });
    expect(askGateway).toHaveBeenCalledTimes(3);
  });

  it("with --probe: how it is connected, what waits, and what was not answered", async () => {
    run(ONLINE, true);
    tally.add("not-admitted", 2);
    tally.add("turns-limited", 2);
    for (const reason of ["queue-full", "commands-limited", "iqs-limited"] as const) {
      tally.add(reason);
    }
    tally.add("duplicate");
    const facts = {
      connection: "online",
      transport: "tcp",
      address: "chat.example:5222",
      tls: "TLSv1.3 TLS_AES_256_GCM_SHA384",
      mechanism: "SCRAM-SHA-256-PLUS",
      channelBinding: "tls-exporter",
      stream: "resumed",
      upload: { service: "upload.example", maxFileSize: 2048 },
      queue: { waiting: 2, oldestSeconds: 90 },
      refused: 2,
      rateLimited: 5,
      lastTrouble: { message: "the server hung up", at: 0 },
    };
    expect(await snapshotOf()).toMatchObject({
      ...facts,
      mode: "tcp TLSv1.3 TLS_AES_256_GCM_SHA384 SCRAM-SHA-256-PLUS resumed; archive; upload; rooms 1/3; queue 2; refused 2; limited 5",
    });
    const result = await probe();
    expect(result).toMatchObject({ ok: true, latencyMs: expect.any(Number), ...facts });
    expect(describeProbe(result).map(({ text }) => text)).toEqual([
      expect.stringMatching(/^Probe: ok \(ping \d+ ms\)$/),
      "Session: bot@chat.example/openclaw (resumed)",
      "Connection: tcp, chat.example:5222, TLSv1.3 TLS_AES_256_GCM_SHA384",
      "Login: SCRAM-SHA-256-PLUS, bound by tls-exporter",
      "Archive (XEP-0313): yes",
      "Upload (XEP-0363): upload.example, up to 2 KiB",
      "Queue: 2 waiting, the first for 90 s",
      "Not answered: not-admitted 2, turns-limited 2, queue-full 1, commands-limited 1, iqs-limited 1, duplicate 1",
      "Last trouble: the server hung up (1970-01-01T00:00:00.000Z)",
      "Room den@rooms.example: joined",
      "Room cave@rooms.example: lost (kicked out)",
      "Room hut@rooms.example: refused (banned)",
    ]);
  });
});
