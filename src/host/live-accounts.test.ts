/** Which accounts run in this process. */
import { expect, it } from "vitest";
import { parseJid } from "../protocol/jid.ts";
import { resolveAccount } from "./account.ts";
import {
  addLiveAccount,
  findLiveAccount,
  hasLiveAccount,
  isLiveAccount,
  requireLiveAccount,
  type LiveAccount,
} from "./live-accounts.ts";

const account = (keys: object = {}) =>
  resolveAccount({
    channels: { xmpp: { jid: "bot@example", password: "secret", server: "localhost", ...keys } },
  } as Parameters<typeof resolveAccount>[0]);
const run = () =>
  ({
    account: account(),
    rooms: { isReflection: (room: string, nick: string) => `${room}/${nick}` === "a@muc/bot" },
  }) as unknown as LiveAccount;

it("is the run that began last, until that one ends", () => {
  const [first, second] = [run(), run()];
  const [endFirst, endSecond] = [addLiveAccount(first), addLiveAccount(second)];
  // The host may end a run after it has begun the next.
  endFirst();
  expect(findLiveAccount("default")).toBe(second);
  endSecond();
  expect(findLiveAccount("default")).toBeUndefined();
  expect(hasLiveAccount()).toBe(false);
});

it.each([
  ["does not run", {}, "is not running"],
  ["is disabled", { enabled: false }, "is disabled"],
  ["has a problem", { jid: "@" }, "channels.xmpp.jid"],
])("is asked of one that %s: says so", (_, keys, message) => {
  expect(() => requireLiveAccount(account(keys))).toThrow(message);
});

it("knows its own accounts, and its occupants of rooms, from all others", () => {
  const end = addLiveAccount(run());
  const isOwn = (text: string) => isLiveAccount(parseJid(text)!);
  expect(["bot@example/phone", "a@muc/bot"].map(isOwn)).toEqual([true, true]);
  expect(["eve@example", "a@muc/eve", "a@muc"].map(isOwn)).toEqual([false, false, false]);
  end();
});
