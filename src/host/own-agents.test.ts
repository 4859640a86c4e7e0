import type { OpenClawConfig, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import { resolveAgentRoute } from "openclaw/plugin-sdk/routing";
import { afterEach, describe, expect, it, vi } from "vitest";
import { createFakeLog } from "../../test/support/fake-session.ts";
import { prepared } from "../../test/support/xmpp-subjects.ts";
import { AGENTS_PER_MINUTE, dynamicAgentId } from "../policy/dynamic-agents.ts";
import { createOwnAgents } from "./own-agents.ts";

const ALICE = prepared("alice@chat.example");
const BOB = prepared("bob@chat.example");
const agentOf = (jid: typeof ALICE) => dynamicAgentId("default", jid);

/**
 * The host's configuration, of which a write is published a little later; `conflicts`: writes that fail first, and
 * `isWritten`: that are made all the same.
 */
function start(options: {
  settings?: object;
  keys?: object;
  agents?: object;
  conflicts?: number;
  isWritten?: boolean;
}) {
  const { settings, keys, agents, conflicts = 0, isWritten = false } = options;
  let cfg = {
    ...(agents ? { agents } : {}),
    channels: {
      xmpp: {
        jid: "bot@chat.example",
        password: "secret",
        dynamicAgentCreation: { enabled: true, ...settings },
        ...keys,
      },
    },
  } as OpenClawConfig;
  let written = cfg;
  const counts = { writes: 0, attempts: 0 };
  const runtime = {
    config: {
      current: () => cfg,
      async mutateConfigFile({ mutate }: { mutate: (draft: OpenClawConfig) => unknown }) {
        counts.attempts += 1;
        const isConflict = counts.attempts <= conflicts;
        if (isConflict && !isWritten) throw new Error("somebody else has written");
        const draft = structuredClone(written);
        const result = mutate(draft);
        // As the host does with the first write that makes several agents of one.
        const owner = draft.agents?.defaults?.systemAgent?.agentId;
        const isPinned = draft.bindings?.some(({ match }) => match.accountId === "*");
        if (owner && !isPinned) {
          const match = { channel: "xmpp", accountId: "*" };
          draft.bindings = [...(draft.bindings ?? []), { agentId: owner, match }];
        }
        counts.writes += 1;
        written = draft;
        if (isConflict) throw new Error("the answer was lost");
        setTimeout(() => (cfg = draft), 5);
        return { result };
      },
    },
  } as unknown as PluginRuntime;
  const log = createFakeLog();
  const made = createOwnAgents({ accountId: "default", runtime, log, made: [] });
  const own = {
    provide: async (
      jid: typeof ALICE,
      signal = new AbortController().signal,
      isAdmitted = async () => true,
    ) => await made.provide(jid, signal, isAdmitted),
  };
  const bind = (jid: string, agentId: string) => {
    const match = {
      channel: "xmpp",
      accountId: "default",
      peer: { kind: "direct" as const, id: jid },
    };
    written = { ...written, bindings: [...(written.bindings ?? []), { agentId, match }] };
    cfg = written;
  };
  const routeOf = (jid: string) =>
    resolveAgentRoute({
      cfg,
      channel: "xmpp",
      accountId: "default",
      peer: { kind: "direct", id: jid },
    });
  return { own, bind, counts, log, routeOf, read: () => cfg };
}

describe("dynamicAgentCreation", () => {
  it("gives everybody an agent, and whoever else writes the agent that there was", async () => {
    const { own, counts, read, routeOf } = start({
      settings: { workspaceTemplate: "/w/{agentId}", agentDirTemplate: "/a/{userId}" },
    });
    const results = await Promise.all([own.provide(ALICE), own.provide(BOB), own.provide(ALICE)]);
    for (const result of results) expect(result).toHaveProperty("cfg");
    expect(counts.writes).toBe(2);
    expect(routeOf(ALICE)).toMatchObject({ agentId: agentOf(ALICE), matchedBy: "binding.peer" });
    expect(routeOf(BOB).agentId).toBe(agentOf(BOB));
    expect(routeOf("carol@chat.example").agentId).toBe("main");
    expect(read().agents?.entries?.[agentOf(ALICE)]).toEqual({
      workspace: `/w/${agentOf(ALICE)}`,
      agentDir: `/a/${ALICE}`,
    });
  });

  it.each([
    ["one agent", { entries: { butler: {} } }],
    ["one agent of a legacy list", { list: [{ id: "butler", default: true }] }],
    [
      "several, and one for what belongs to none",
      {
        ownership: "explicit",
        defaults: { systemAgent: { agentId: "butler" } },
        entries: { butler: {}, maid: {} },
      },
    ],
  ])("leaves the others with whom they were: %s", async (_what, agents) => {
    const { own, routeOf } = start({ agents });
    await own.provide(ALICE);
    expect(routeOf(ALICE).agentId).toBe(agentOf(ALICE));
    expect(routeOf(BOB).agentId).toBe("butler");
  });

  it("makes no more than maxAgents, and counts no agent of the operator's", async () => {
    const agents = { entries: { main: {}, "xmpp-support": {} }, ownership: "explicit" };
    const defaults = { systemAgent: { agentId: "main" } };
    const { own, counts } = start({
      settings: { maxAgents: 1 },
      agents: { ...agents, defaults },
    });
    expect(await own.provide(ALICE)).toHaveProperty("cfg");
    expect(await own.provide(BOB)).toEqual({ refused: expect.stringContaining("maxAgents") });
    expect(await own.provide(ALICE)).toHaveProperty("cfg");
    expect(counts.writes).toBe(1);
  });

  it("writes nothing where the channel may not, or it is switched off", async () => {
    const locked = start({ keys: { configWrites: false } });
    expect(await locked.own.provide(ALICE)).toEqual({
      refused: expect.stringContaining("configWrites"),
    });
    const off = start({ settings: { enabled: false } });
    expect(await off.own.provide(ALICE)).toHaveProperty("refused");
    expect(locked.counts.writes + off.counts.writes).toBe(0);
  });

  it("leaves what it finds: an agent of that name, and what a try before it wrote", async () => {
    const mine = { workspace: "/mine", agentDir: "/mine/agent" };
    const agents = {
      ownership: "explicit",
      defaults: { systemAgent: { agentId: "main" } },
      entries: { main: {}, [agentOf(ALICE)]: mine },
    };
    const named = start({ agents });
    await named.own.provide(ALICE);
    expect(named.read().agents?.entries?.[agentOf(ALICE)]).toEqual(mine);
    const again = start({ conflicts: 2, isWritten: true });
    expect(await again.own.provide(ALICE)).toHaveProperty("cfg");
    const bound = again.read().bindings?.filter(({ agentId }) => agentId === agentOf(ALICE));
    expect(bound).toHaveLength(1);
  });

  it("tries again where somebody else writes, and says what is wrong in the end", async () => {
    expect(await start({ conflicts: 2 }).own.provide(ALICE)).toHaveProperty("cfg");
    const { own } = start({ conflicts: 3 });
    await expect(own.provide(ALICE)).rejects.toThrow("somebody else has written");
    expect(await own.provide(BOB)).toHaveProperty("cfg");
  });
});

describe("where many are new at once", () => {
  afterEach(() => void vi.useRealTimers());
  const crowd = (count: number) =>
    Array.from({ length: count }, (_, i) => prepared(`guest${i}@chat.example`));

  it("a few agents are made a minute; the others wait, in their order, and none is refused", async () => {
    vi.useFakeTimers();
    const { own, counts, log, routeOf } = start({});
    const guests = crowd(2 * AGENTS_PER_MINUTE + 1);
    const done: string[] = [];
    const all = guests.map(async (jid) => {
      expect(await own.provide(jid)).toHaveProperty("cfg");
      done.push(jid);
    });
    await vi.advanceTimersByTimeAsync(55_000);
    expect(done).toEqual(guests.slice(0, AGENTS_PER_MINUTE));
    expect(counts.writes).toBe(AGENTS_PER_MINUTE);
    expect(log.lines.join("\n")).toMatch(/guest6@chat\.example waits \d+ s for an agent/);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(done).toEqual(guests.slice(0, 2 * AGENTS_PER_MINUTE));
    await vi.advanceTimersByTimeAsync(60_000);
    await Promise.all(all);
    expect(done).toEqual(guests);
    expect(guests.map(routeOf).every(({ matchedBy }) => matchedBy === "binding.peer")).toBe(true);
  });

  it("who cannot get one at all hears so at once", async () => {
    vi.useFakeTimers();
    const { own, counts } = start({ settings: { maxAgents: AGENTS_PER_MINUTE } });
    const all = crowd(AGENTS_PER_MINUTE + 1).map(async (jid) => await own.provide(jid));
    await vi.advanceTimersByTimeAsync(5_000);
    const results = await Promise.all(all);
    expect(results.at(-1)).toEqual({ refused: expect.stringContaining("maxAgents") });
    expect(counts.attempts).toBe(AGENTS_PER_MINUTE);
  });

  it("whom policy lets in no more as their turn comes gets none, and is waited for by nobody", async () => {
    vi.useFakeTimers();
    const { own, counts, routeOf } = start({});
    let isOpen = true;
    const guests = crowd(AGENTS_PER_MINUTE + 3);
    const all = guests.map(async (jid) => await own.provide(jid, undefined, async () => isOpen));
    await vi.advanceTimersByTimeAsync(5_000);
    isOpen = false;
    await vi.advanceTimersByTimeAsync(60_000);
    for (const result of await Promise.all(all)) expect(result).toHaveProperty("cfg");
    expect(counts.attempts).toBe(AGENTS_PER_MINUTE);
    const shutOut = guests.slice(AGENTS_PER_MINUTE).map(routeOf);
    expect(shutOut.every(({ matchedBy }) => matchedBy === "binding.channel")).toBe(true);
  });

  it("who is shut out hears nothing of agents that there are not", async () => {
    const { own, counts } = start({ settings: { maxAgents: 0 } });
    expect(await own.provide(ALICE, undefined, async () => false)).toHaveProperty("cfg");
    expect(counts.attempts).toBe(0);
  });

  it("whom the operator has bound does not wait in line", async () => {
    vi.useFakeTimers();
    const { own, bind, routeOf } = start({});
    const stopping = new AbortController();
    const guests = crowd(AGENTS_PER_MINUTE + 2);
    const all = guests.map(async (jid) => await own.provide(jid, stopping.signal));
    await vi.advanceTimersByTimeAsync(5_000);
    bind(ALICE, "main");
    const provided = vi.fn<(result: object) => void>();
    void own.provide(ALICE).then(provided);
    await vi.advanceTimersByTimeAsync(0);
    expect(provided).toHaveBeenCalledWith(expect.objectContaining({ cfg: expect.anything() }));
    expect(routeOf(ALICE)).toMatchObject({ agentId: "main", matchedBy: "binding.peer" });
    stopping.abort();
    await Promise.allSettled(all);
  });

  it("an account that has stopped makes none", async () => {
    const { own, counts } = start({});
    await expect(own.provide(ALICE, AbortSignal.abort())).rejects.toThrow("aborted");
    expect(counts.attempts).toBe(0);
  });

  it("an account that stops waits no longer, and keeps nobody else waiting", async () => {
    vi.useFakeTimers();
    const { own, counts } = start({});
    const stopping = new AbortController();
    const guests = crowd(AGENTS_PER_MINUTE + 2);
    const all = guests.map(async (jid) => await own.provide(jid, stopping.signal));
    const settled = Promise.allSettled(all);
    await vi.advanceTimersByTimeAsync(5_000);
    stopping.abort();
    await vi.advanceTimersByTimeAsync(0);
    const results = await settled;
    expect(results.slice(-2).map(({ status }) => status)).toEqual(["rejected", "rejected"]);
    expect(counts.writes).toBe(AGENTS_PER_MINUTE);
    const next = own.provide(ALICE);
    await vi.advanceTimersByTimeAsync(60_000);
    expect(await next).toHaveProperty("cfg");
  });
});
