import { afterEach, expect, it, vi } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import type { SessionOptions } from "../client/types.ts";
import type { AccountBasis } from "./account-basis.ts";
import { createAccountSession } from "./account-session.ts";
import { resolveAccount } from "./account.ts";

const created: SessionOptions[] = [];
vi.mock("../client/session.ts", () => ({
  createSession: (options: SessionOptions) => created.push(options),
}));
afterEach(() => vi.unstubAllEnvs());

it("its wire is logged as the configuration says now, and as the environment does where that says nothing", () => {
  const read = (keys: object) => {
    const xmpp = { jid: "bot@example", password: "secret", ...keys };
    return resolveAccount({ channels: { xmpp } } as Parameters<typeof resolveAccount>[0]);
  };
  let account = read({});
  const listeners: (() => void)[] = [];
  const basis = {
    account,
    config: { onChange: (listener: () => void) => void listeners.push(listener) },
    log: createFakeLog(),
    readAccount: () => account,
    stores: {},
  };
  createAccountSession(basis as unknown as AccountBasis, () => false);
  const isLogged = (keys: object) => {
    account = read(keys);
    for (const listener of listeners) listener();
    return created[0]?.isWireLogged?.();
  };
  expect(created[0]?.isWireLogged?.()).toBe(false);
  expect(isLogged({ xml: true })).toBe(true);
  expect(isLogged({})).toBe(false);
  vi.stubEnv("OPENCLAW_XMPP_XML", "1");
  expect(isLogged({})).toBe(true);
  expect(isLogged({ xml: false })).toBe(false);
});
