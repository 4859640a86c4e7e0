import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { afterAll, afterEach, beforeEach, expect, it, vi } from "vitest";
import type { ConnectionState } from "../client/types.ts";
import { XmppConnectionError } from "../errors.ts";
import { resolveAccount } from "./account.ts";
import { createLivePassword } from "./live-password.ts";

const folder = mkdtempSync(join(tmpdir(), "openclaw-xmpp-password-"));
const passwordFile = join(folder, "password");
const hold = (password: string) => writeFileSync(passwordFile, `${password}\n`, { mode: 0o600 });
const log = { info: vi.fn(), warn: () => {}, error: () => {} };
const REFUSED: ConnectionState = {
  kind: "refused",
  error: new XmppConnectionError("not-authorized", "wrong password"),
};

beforeEach(() => vi.useFakeTimers());
afterEach(() => vi.useRealTimers());
afterAll(() => rmSync(folder, { recursive: true }));

function livePassword(source: object) {
  const xmpp = { jid: "bot@example.com", ...source };
  const account = resolveAccount({ channels: { xmpp } } as OpenClawConfig);
  const live = createLivePassword(account, log);
  let tell: (state: ConnectionState) => void = () => {};
  const start = vi.fn();
  const stop = live.watch({ start, onState: (listener) => ((tell = listener), () => {}) });
  return { read: live.read, start, stop, tell: (state: ConnectionState) => tell(state) };
}

it("is read from its file for each login", () => {
  hold("one");
  const { read } = livePassword({ passwordFile });
  expect(read()).toBe("one");
  hold("two");
  expect(read()).toBe("two");
  rmSync(passwordFile);
  expect(read).toThrow(passwordFile);
});

it("is tried again where it was refused, once it is another one", () => {
  hold("one");
  const { read, start, stop, tell } = livePassword({ passwordFile });
  read();
  tell(REFUSED);
  rmSync(passwordFile);
  vi.advanceTimersByTime(5_000);
  hold("one");
  vi.advanceTimersByTime(5_000);
  expect(start).not.toHaveBeenCalled();
  hold("two");
  vi.advanceTimersByTime(1_000);
  expect(start).toHaveBeenCalledOnce();
  expect(log.info.mock.lastCall?.[0]).not.toContain("two");
  read();
  // Wrong as well: a server may lock out whoever goes on trying it.
  tell(REFUSED);
  vi.advanceTimersByTime(5_000);
  expect(start).toHaveBeenCalledOnce();
  tell({ kind: "connecting" });
  hold("three");
  vi.advanceTimersByTime(5_000);
  expect(start).toHaveBeenCalledOnce();
  tell(REFUSED);
  stop();
  vi.advanceTimersByTime(5_000);
  expect(start).toHaveBeenCalledOnce();
});

it("of the configuration stays what it was: the host restarts the account for another", () => {
  const { read, start, tell } = livePassword({ password: "secret" });
  tell(REFUSED);
  vi.advanceTimersByTime(5_000);
  expect(read()).toBe("secret");
  expect(start).not.toHaveBeenCalled();
});
