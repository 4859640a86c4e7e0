import { expect, it, vi } from "vitest";
import { claimLogin } from "./login-claims.ts";

const LOGIN = "bot@example.com/openclaw";
const never = new AbortController().signal;

it("one account at a time has a login, and the next gets it when it is free", async () => {
  const onWait = vi.fn();
  const first = await claimLogin(LOGIN, "one", never, onWait);
  expect(onWait).not.toHaveBeenCalled();
  const second = claimLogin(LOGIN, "two", never, onWait);
  const other = await claimLogin("bot@example.com/other", "three", never, onWait);
  expect(onWait.mock.calls).toEqual([["one"]]);
  first?.();
  const release = await second;
  const third = claimLogin(LOGIN, "one", never, onWait);
  expect(onWait.mock.calls).toEqual([["one"], ["two"]]);
  // Given back twice, it is not taken from the next.
  first?.();
  release?.();
  (await third)?.();
  other?.();
});

it("who is stopped while waiting has nothing, and keeps nobody waiting", async () => {
  const first = await claimLogin(LOGIN, "one", never, () => {});
  const stop = new AbortController();
  const second = claimLogin(LOGIN, "two", stop.signal, () => {});
  stop.abort();
  expect(await second).toBeUndefined();
  first?.();
  (await claimLogin(LOGIN, "three", never, () => expect.unreachable()))?.();
});
