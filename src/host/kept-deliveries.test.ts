/** What the host keeps is tried again when a connection has come up, and only this account's. */
import { beforeEach, expect, it, vi } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { createKeptDeliveries } from "./kept-deliveries.ts";

type Entry = { channel: string; id?: string; accountId?: string; to?: string };
type Drain = { drainKey: string; selectEntry: (entry: Entry) => object };
/** What the host has on its disk. */
let entries: Entry[] = [];
const tried: Entry[][] = [];
const underWay = new Set<string>();
let during = async () => {};
vi.mock("openclaw/plugin-sdk/infra-runtime", () => ({
  async drainPendingDeliveries({ drainKey, selectEntry }: Drain) {
    // As the host does.
    if (underWay.has(drainKey)) return;
    underWay.add(drainKey);
    tried.push(entries.filter((entry) => isMatch(selectEntry(entry))));
    await during();
    underWay.delete(drainKey);
  },
}));
/** Whether the host's own interval was passed over, try by try. */
const hurried: boolean[] = [];
function isMatch(verdict: object): boolean {
  hurried.push("bypassBackoff" in verdict && verdict.bypassBackoff === true);
  return "match" in verdict && verdict.match === true;
}

const kept = (id: string, to = "alice@localhost") => ({
  channel: "xmpp",
  accountId: "work",
  id,
  to,
});
const onTried = vi.fn(async () => false);

beforeEach(() => {
  entries = [];
  tried.length = hurried.length = 0;
  during = async () => {};
  onTried.mockClear();
  vi.useFakeTimers();
  return () => vi.useRealTimers();
});

const create = () =>
  createKeptDeliveries({
    accountId: "work",
    readConfig: () => ({}),
    onTried,
    log: createFakeLog(),
  });

/** Whether a turn of that place would begin. */
async function isFree(place: string): Promise<boolean> {
  let isSettled = false;
  void keptSends.settled(place).then(() => (isSettled = true));
  await vi.advanceTimersByTimeAsync(0);
  return isSettled;
}

it("is tried once a connection has lasted, and only this account's", async () => {
  entries = [
    kept("1"),
    { ...kept("2"), accountId: "home" },
    { channel: "xmpp", id: "3", to: "alice@localhost" },
    { ...kept("4"), channel: "matrix" },
  ];
  const deliveries = create();
  deliveries.onOnline();
  expect(tried).toHaveLength(0);
  await vi.advanceTimersByTimeAsync(1_000);
  expect(tried).toEqual([[kept("1")]]);
  expect(onTried).toHaveBeenCalledWith(new Set(["1"]));
  deliveries.onOffline();
  keptSends.settle("1");
});

it("is tried again until it is out, as the host may hold it for a while", async () => {
  entries = [kept("1")];
  const deliveries = create();
  deliveries.onOnline();
  await vi.advanceTimersByTimeAsync(6_000);
  expect(tried).toHaveLength(2);
  // The host gives up after five tries: only the first does not wait for its interval.
  expect(hurried).toEqual([true, false]);
  entries = [];
  await vi.advanceTimersByTimeAsync(60_000);
  expect(tried).toHaveLength(3);
});

it("is not tried where the connection is gone again", async () => {
  entries = [kept("1")];
  const deliveries = create();
  deliveries.onOnline();
  await vi.advanceTimersByTimeAsync(999);
  deliveries.onOffline();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(tried).toHaveLength(0);
});

it("holds its conversation from the first look until it is gone, and no other", async () => {
  entries = [kept("1"), kept("2", "room:team@muc.localhost")];
  const deliveries = create();
  await deliveries.look();
  expect(tried).toEqual([[]]);
  expect(onTried).not.toHaveBeenCalled();
  expect(await isFree("work alice@localhost")).toBe(false);
  expect(await isFree("work room:team@muc.localhost")).toBe(false);
  expect(await isFree("work bob@localhost")).toBe(true);
  entries = [kept("2", "room:team@muc.localhost")];
  deliveries.onOnline();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(await isFree("work alice@localhost")).toBe(true);
  expect(await isFree("work room:team@muc.localhost")).toBe(false);
  keptSends.settle("2");
  deliveries.onOffline();
});

it("is tried again as long as something else has to be", async () => {
  const deliveries = create();
  onTried.mockResolvedValueOnce(true);
  deliveries.onOnline();
  await vi.advanceTimersByTimeAsync(60_000);
  expect(tried).toHaveLength(2);
});

it("is tried again after the host could not", async () => {
  const deliveries = create();
  during = async () => await Promise.reject(new Error("locked"));
  deliveries.onOnline();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(onTried).not.toHaveBeenCalled();
  during = async () => {};
  await vi.advanceTimersByTimeAsync(60_000);
  expect(onTried).toHaveBeenCalledOnce();
});

it("is not taken for gone while an earlier try is under way", async () => {
  entries = [kept("1")];
  const deliveries = create();
  const first = Promise.withResolvers<void>();
  during = async () => await first.promise;
  deliveries.onOnline();
  await vi.advanceTimersByTimeAsync(1_000);
  deliveries.onOffline();
  during = async () => {};
  deliveries.onOnline();
  await vi.advanceTimersByTimeAsync(1_000);
  expect(onTried).toHaveBeenCalledWith(new Set(["1"]));
  expect(await isFree("work alice@localhost")).toBe(false);
  first.resolve();
  deliveries.onOffline();
  keptSends.settle("1");
});

it("holds its conversation once: what never gets out must not hold it for ever", async () => {
  entries = [kept("1")];
  const deliveries = create();
  deliveries.onOnline();
  await vi.advanceTimersByTimeAsync(5 * 60_000);
  expect(await isFree("work alice@localhost")).toBe(false);
  await vi.advanceTimersByTimeAsync(60_000);
  expect(await isFree("work alice@localhost")).toBe(true);
  deliveries.onOffline();
});
