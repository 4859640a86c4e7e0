import type { OpenClawPluginApi, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createFakeSession } from "../../test/support/fake-session.ts";
import { prepared } from "../../test/support/xmpp-subjects.ts";
import type { BareJid } from "../protocol/jid.ts";
import { resolveAccount } from "./account.ts";
import { registerGatewayMethods } from "./gateway-methods.ts";
import { addLiveAccount, type LiveAccount } from "./live-accounts.ts";
import { setRuntime } from "./runtime.ts";

const config = {
  channels: { xmpp: { jid: "bot@chat.example", password: "secret" } },
} as OpenClawPluginApi["config"];
const HOME = prepared("chat.example");
const ALICE = prepared("alice@chat.example");
const BOB = prepared("bob@chat.example");

type Handler = Parameters<OpenClawPluginApi["registerGatewayMethod"]>[1];

function start(known: { server?: boolean } = {}) {
  const methods = new Map<string, { handler: Handler; scope: unknown }>();
  registerGatewayMethods({
    registerGatewayMethod: (name: string, handler: Handler, how?: { scope?: unknown }) =>
      void methods.set(name, { handler, scope: how?.scope }),
  } as unknown as OpenClawPluginApi);
  setRuntime({ config: { current: () => config } } as unknown as PluginRuntime);
  const servers = new Set<BareJid>(known.server === false ? [] : [HOME]);
  const people = new Set<BareJid>([ALICE]);
  const session = createFakeSession();
  const logIn = vi.spyOn(session, "start");
  const now = Date.now();
  const waiting = [
    ...Array.from({ length: 600 }, (_, n) => ({
      conversation: ALICE,
      receivedAt: now - 9_000 + n,
    })),
    // Taken up again after the clock was set back.
    { conversation: BOB, receivedAt: now + 60_000 },
  ];
  const clear = vi.fn(async (_conversation?: string) => ({ cleared: 1, kept: 0 }));
  const rename = vi.fn(async (_jid: string, _name: string) => undefined);
  const remove = addLiveAccount({
    account: resolveAccount(config),
    session,
    serverMemory: { forget: (domain: BareJid) => servers.delete(domain) },
    knownUsers: { forget: (jid: BareJid) => people.delete(jid) },
    waiting: { list: async () => waiting, clear },
    roster: { contact: () => undefined, rename },
    readAccount: () => resolveAccount(config),
  } as unknown as LiveAccount);
  stop = remove;
  const call = async (name: string, params: Record<string, unknown>) => {
    const answers: unknown[][] = [];
    const respond = (...answer: unknown[]) => void answers.push(answer);
    await methods.get(name)?.handler({ params, respond } as unknown as Parameters<Handler>[0]);
    expect(answers).toHaveLength(1);
    const [isOk, result, error] = answers[0] ?? [];
    return { isOk, result, error };
  };
  const scopeOf = (name: string) => methods.get(name)?.scope;
  return { call, clear, logIn, people, rename, scopeOf, servers };
}

let stop = () => undefined as unknown;
afterEach(() => void stop());

describe("openclaw xmpp forget", () => {
  it("by the own domain: what the server was, and the login that was refused for it is tried again", async () => {
    const { call, logIn, people, scopeOf, servers } = start();
    expect(scopeOf("xmpp.forget")).toBe("operator.admin");
    expect(await call("xmpp.forget", { jid: HOME })).toMatchObject({
      isOk: true,
      result: { forgotten: HOME },
    });
    expect([...servers]).toEqual([]);
    expect([...people]).toEqual([ALICE]);
    expect(logIn).toHaveBeenCalledOnce();
  });

  it("by a domain that was never logged in to: an error, and no login", async () => {
    const { call, logIn } = start({ server: false });
    expect(await call("xmpp.forget", { jid: HOME })).toMatchObject({
      isOk: false,
      error: { message: "chat.example is not known" },
    });
    expect(logIn).not.toHaveBeenCalled();
  });

  it("by a bare JID: that person, once; no login", async () => {
    const { call, logIn, servers } = start();
    expect(await call("xmpp.forget", { jid: ALICE })).toMatchObject({ isOk: true });
    expect(await call("xmpp.forget", { jid: ALICE })).toMatchObject({ isOk: false });
    expect([...servers]).toEqual([HOME]);
    expect(logIn).not.toHaveBeenCalled();
  });

  it.each(["other.example", `${ALICE}/phone`, "", undefined, 7])(
    "by anything else: an error that says what it takes: %j",
    async (jid) => {
      const { call, logIn, people, servers } = start();
      expect(await call("xmpp.forget", { jid })).toMatchObject({
        isOk: false,
        error: { message: expect.stringContaining("is not a bare JID") },
      });
      expect([servers.size, people.size]).toEqual([1, 1]);
      expect(logIn).not.toHaveBeenCalled();
    },
  );
});

describe("openclaw xmpp poll, queue, clear", () => {
  it("poll shows the oldest of what waits, of all or of one, and counts the rest", async () => {
    const { call } = start();
    const poll = async (params: object = {}) =>
      (await call("xmpp.poll", { ...params })).result as { total: number; messages: unknown[] };
    const all = await poll();
    expect([all.total, all.messages.length]).toEqual([601, 500]);
    const [message, ...others] = (await poll({ conversation: BOB })).messages;
    expect(others).toEqual([]);
    expect(message).toMatchObject({ conversation: BOB, ageMs: 0 });
  });

  it("queue tells for how long the first of each waits", async () => {
    const { result } = await start().call("xmpp.queue", {});
    const { waiting, conversations } = result as {
      waiting: number;
      conversations: { conversation: string; waiting: number; oldestMs: number }[];
    };
    expect(waiting).toBe(601);
    const counts = conversations.map(({ oldestMs: _oldest, ...facts }) => facts);
    expect(counts).toEqual([
      { conversation: ALICE, waiting: 600 },
      { conversation: BOB, waiting: 1 },
    ]);
    expect(conversations[0]?.oldestMs).toBeGreaterThanOrEqual(9_000);
  });

  it("clear takes out what it names, and all only where it names nothing", async () => {
    const { call, clear } = start();
    await call("xmpp.clear", { conversation: ALICE });
    await call("xmpp.clear", {});
    expect(clear.mock.calls).toEqual([[ALICE], [undefined]]);
  });
});

describe("openclaw xmpp nick", () => {
  it("names others, in one line, and never the account itself", async () => {
    const { call, rename } = start();
    expect(await call("xmpp.nick", { jid: "bot@chat.example", name: "Me" })).toMatchObject({
      isOk: false,
      error: { message: expect.stringContaining("own account") },
    });
    expect(await call("xmpp.nick", { jid: ALICE, name: "Alice\u0007\n the first " })).toMatchObject(
      {
        result: { jid: ALICE, name: "Alice the first", added: true },
      },
    );
    expect(rename.mock.calls).toEqual([[ALICE, "Alice the first"]]);
  });
});

describe("an account", () => {
  it("is the one that is named, and no other in its place", async () => {
    const { call, servers } = start();
    expect(await call("xmpp.forget", { jid: HOME, account: "work" })).toMatchObject({
      isOk: false,
      error: { code: "UNAVAILABLE" },
    });
    expect([...servers]).toEqual([HOME]);
    expect(await call("xmpp.forget", { jid: HOME, account: "default" })).toMatchObject({
      isOk: true,
    });
  });
});

describe("who may do what", () => {
  it.each([
    ["operator.read", "status rooms occupants roster known poll queue ping disco vcard"],
    ["operator.write", "join leave invite nick upload"],
    ["operator.admin", "clear forget"],
    ["operator.pairing", "pairing.approved pairing.pending pairing.deny"],
  ])("%s", (scope, names) => {
    const { scopeOf } = start();
    for (const name of names.split(" ")) {
      expect({ name, scope: scopeOf(`xmpp.${name}`) }).toEqual({ name, scope });
    }
  });
});

describe("what cannot be meant is an error that names the parameter", () => {
  it.each([
    ["xmpp.join", { room: "muc.example" }, "room"],
    ["xmpp.join", { room: "a@muc.example", nick: 7 }, "nick"],
    ["xmpp.invite", { room: "a@muc.example", jid: `${ALICE}/phone` }, "jid"],
    ["xmpp.nick", { jid: ALICE }, "name"],
    ["xmpp.nick", { jid: ALICE, name: "x".repeat(5_000) }, "name"],
    ["xmpp.poll", { conversation: "@" }, "conversation"],
    ["xmpp.clear", { conversation: 1 }, "conversation"],
    ["xmpp.disco", {}, "jid"],
    ["xmpp.upload", {}, "file"],
    ["xmpp.pairing.deny", {}, "code"],
  ])("%s %j", async (method, params, name) => {
    const { call } = start();
    expect(await call(method, params)).toMatchObject({
      isOk: false,
      error: { code: "INVALID_REQUEST", message: expect.stringContaining(name) },
    });
  });
});
