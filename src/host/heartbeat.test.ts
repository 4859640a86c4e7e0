import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { afterEach, describe, expect, it } from "vitest";
import { createFakeSession } from "../../test/support/fake-session.ts";
import { resolveAccount } from "./account.ts";
import { heartbeat } from "./heartbeat.ts";
import { addLiveAccount, type LiveAccount } from "./live-accounts.ts";

const cfg = {
  channels: { xmpp: { jid: "bot@chat.example", password: "secret" } },
} as OpenClawConfig;
let stop = () => undefined as unknown;
afterEach(() => void stop());

function run() {
  const session = createFakeSession();
  stop = addLiveAccount({
    account: resolveAccount(cfg),
    session,
    sent: { last: () => undefined },
    rooms: { list: () => [], get: () => undefined },
  } as unknown as LiveAccount);
  return session;
}

describe("a heartbeat", () => {
  it("waits for the connection", async () => {
    expect(await heartbeat.checkReady?.({ cfg })).toEqual({
      ok: false,
      reason: "xmpp-not-running",
    });
    const session = run();
    expect(await heartbeat.checkReady?.({ cfg })).toEqual({ ok: false, reason: "xmpp-idle" });
    session.goOnline();
    expect(await heartbeat.checkReady?.({ cfg })).toEqual({ ok: true, reason: "ok" });
  });

  it("shows that the agent writes, to whom it is for", async () => {
    const session = run();
    session.goOnline();
    session.takeSent();
    await heartbeat.sendTyping?.({ cfg, to: "alice@chat.example" });
    expect(session.takeSent()).toEqual([
      expect.stringMatching(/to="alice@chat.example".*composing/),
    ]);
    await heartbeat.sendTyping?.({ cfg, to: "no target" });
    expect(session.takeSent()).toEqual([]);
  });
});
