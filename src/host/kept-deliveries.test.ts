/** What the host keeps is tried again when a connection has come up, and only this account's. */
import { beforeEach, expect, it, vi } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import { createKeptDeliveries } from "./kept-deliveries.ts";

type Drain = { selectEntry: (entry: object) => object };
const drains: Drain[] = [];
vi.mock("openclaw/plugin-sdk/infra-runtime", () => ({
  drainPendingDeliveries: async (options: Drain) => void drains.push(options),
}));

beforeEach(() => {
  drains.length = 0;
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

const create = () =>
  createKeptDeliveries({ accountId: "work", readConfig: () => ({}), log: createFakeLog() });

it("is tried once a connection has lasted, whenever it was due", () => {
  const kept = create();
  kept.onOnline();
  expect(drains).toHaveLength(0);
  vi.advanceTimersByTime(1_000);
  expect(drains).toHaveLength(1);
  const select = (channel: string, accountId: string) =>
    drains[0]?.selectEntry({ channel, accountId });
  expect(select("xmpp", "work")).toEqual({ match: true, bypassBackoff: true });
  expect(select("xmpp", "home")).toMatchObject({ match: false });
  expect(drains[0]?.selectEntry({ channel: "xmpp" })).toMatchObject({ match: false });
  expect(select("matrix", "work")).toMatchObject({ match: false });
});

it("is not tried where the connection is gone again", () => {
  const kept = create();
  kept.onOnline();
  vi.advanceTimersByTime(999);
  kept.onOffline();
  vi.advanceTimersByTime(5_000);
  expect(drains).toHaveLength(0);
});
