/** An account's configuration while it runs: read anew when the host publishes another. */
import { afterEach, beforeEach, expect, it, vi } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import { resolveAccount } from "./account.ts";
import { LIVE_PREFIXES, onceChanged, watchConfig } from "./live-config.ts";

type Config = Parameters<typeof resolveAccount>[0];

const XMPP = {
  jid: "bot@example",
  password: "secret",
  server: "localhost",
  dmPolicy: "open",
  groupPolicy: "open",
  roomOwnerBypass: true,
  autoJoin: "always",
  rooms: ["team@muc.example"],
};
const withKeys = (keys: object) => ({ channels: { xmpp: { ...XMPP, ...keys } } }) as Config;

beforeEach(() => void vi.useFakeTimers());
afterEach(() => void vi.useRealTimers());

function setUp() {
  let published = withKeys({});
  const log = createFakeLog();
  const onChange = vi.fn<() => void>();
  const runtime = { config: { current: () => published } };
  const config = watchConfig({
    runtime: runtime as unknown as Parameters<typeof watchConfig>[0]["runtime"],
    cfg: published,
    account: resolveAccount(published),
    log,
  });
  config.onChange(onChange);
  const publish = (keys: object) => (published = withKeys(keys));
  return { config, log, onChange, publish, current: () => published };
}

const SHUT = {
  dmPolicy: "disabled",
  groupPolicy: "disabled",
  roomOwnerBypass: false,
  autoJoin: "off",
};

it("is what the host published last, from the next reading on", () => {
  const { config, onChange, publish, current } = setUp();
  expect(config.read()).toMatchObject({ cfg: current(), account: { groupPolicy: "open" } });
  publish({ groupPolicy: "allowlist" });
  const { cfg, account } = config.read();
  expect(cfg).toBe(current());
  expect(account.groupPolicy).toBe("allowlist");
  expect(onChange).toHaveBeenCalledTimes(1);
});

it("is looked at without anybody reading it, and resolved once for each that is published", () => {
  const { config, onChange, publish } = setUp();
  const { account } = config.read();
  vi.advanceTimersByTime(10_000);
  expect(onChange).not.toHaveBeenCalled();
  expect(config.read().account).toBe(account);
  publish({ rooms: [] });
  vi.advanceTimersByTime(10_000);
  expect(onChange).toHaveBeenCalledTimes(1);
  expect(config.read().account.rooms).toEqual([]);
});

it("lets nobody in while it is broken, leaves no room for that, and opens again once it is mended", () => {
  const { config, log, publish } = setUp();
  publish({ groupAllowFrom: ["everybody"], rooms: ["nowhere"] });
  expect(config.read().account).toMatchObject({ ...SHUT, rooms: ["team@muc.example"] });
  expect([...config.read().account.roomsToJoin.keys()]).toEqual(["team@muc.example"]);
  expect(log.lines).toHaveLength(1);
  expect(log.lines[0]).toMatch(/nobody is answered.*groupAllowFrom.*everybody/);
  publish({ groupAllowFrom: ["everybody"], rooms: [] });
  expect(config.read().account).toMatchObject({ ...SHUT, rooms: ["team@muc.example"] });
  publish({ rooms: [] });
  expect(config.read().account).toMatchObject({
    dmPolicy: "open",
    groupPolicy: "open",
    roomOwnerBypass: true,
    autoJoin: "always",
    rooms: [],
  });
});

it("reaches everybody who listens, and every reader, whoever of them fails", () => {
  const { config, log, onChange, publish, current } = setUp();
  const last = vi.fn<() => void>();
  onChange.mockImplementation(() => {
    throw new Error("no such room");
  });
  config.onChange(last);
  publish({ rooms: [] });
  expect(config.read().cfg).toBe(current());
  expect(last).toHaveBeenCalledTimes(1);
  expect(log.lines.join("\n")).toContain("no such room");
  publish({});
  expect(() => vi.advanceTimersByTime(10_000)).not.toThrow();
  expect(last).toHaveBeenCalledTimes(2);
});

it("is not looked at any more once it is stopped", () => {
  const { config, onChange, publish } = setUp();
  config.stop();
  publish({ rooms: [] });
  vi.advanceTimersByTime(10_000);
  expect(onChange).not.toHaveBeenCalled();
  expect(vi.getTimerCount()).toBe(0);
});

it("names the keys that need no restart at the root and for each account", () => {
  expect(LIVE_PREFIXES).toContain("channels.xmpp.mucRooms");
  expect(LIVE_PREFIXES).toContain("channels.xmpp.allowFrom");
  expect(LIVE_PREFIXES).toContain("channels.xmpp.accounts.*.mucRooms");
  for (const key of ["limits", "catchUp", "profile", "xml"]) {
    expect(LIVE_PREFIXES).toContain(`channels.xmpp.accounts.*.${key}`);
  }
  for (const key of ["jid", "password", "server", "tls", "nick", "accounts"]) {
    expect(LIVE_PREFIXES).not.toContain(`channels.xmpp.${key}`);
  }
});

it("tells that a value of it changed by what the value says", () => {
  const onChange = vi.fn<() => void>();
  const look = onceChanged<object | undefined>({ name: "Puck" }, onChange);
  look({ name: "Puck" });
  expect(onChange).not.toHaveBeenCalled();
  look({ name: "Robin" });
  look({ name: "Robin" });
  look(undefined);
  look(undefined);
  expect(onChange).toHaveBeenCalledTimes(2);
});
