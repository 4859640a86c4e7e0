import { describe, expect, it, vi } from "vitest";
import { body, createRoadIn, enterRoom, message, withKeys } from "../../test/support/road-in.ts";
import { ROOM, item, presence } from "../../test/support/room-xml.ts";
import { waitFor } from "../../test/support/wait.ts";
import type { OwnAgents } from "./own-agent.ts";

const ALICE = "alice@example";
const OPEN = {
  dmPolicy: "open",
  allowFrom: ["*"],
  groups: { "*": { requireMention: false } },
  dynamicAgentCreation: { enabled: true },
};
const MINE = {
  agents: {
    ownership: "explicit",
    defaults: { systemAgent: { agentId: "main" } },
    entries: { main: {}, mine: {} },
  },
  bindings: [
    {
      agentId: "mine",
      match: { channel: "xmpp", accountId: "default", peer: { kind: "direct", id: ALICE } },
    },
  ],
};

function start(keys: object, provide: OwnAgents["provide"], cfg: object = {}) {
  const ownAgents = { provide: vi.fn(provide) };
  const road = createRoadIn({ keys, cfg, context: { ownAgents } });
  return { ...road, asked: ownAgents.provide };
}
const made: OwnAgents["provide"] = async () => ({ cfg: withKeys(OPEN, MINE) });

describe("a direct message of somebody who shall have an agent of their own", () => {
  it("goes to that agent, once, by the configuration that has it", async () => {
    const { asked, configs, dispatches, receiver, session } = start(OPEN, made);
    await session.receive(message(`${ALICE}/x`, body("hello")));
    await receiver.idle();
    expect(asked.mock.calls).toEqual([[ALICE, expect.any(AbortSignal), expect.any(Function)]]);
    expect(dispatches.map(({ route }) => route.agentId)).toEqual(["mine"]);
    expect(configs).toEqual([expect.objectContaining({ bindings: MINE.bindings })]);
  });

  it("is answered by nobody else where there is none, and they are told", async () => {
    const { dispatches, log, receiver, session, tally } = start(OPEN, async () => ({
      refused: "there are 1 already (dynamicAgentCreation.maxAgents)",
    }));
    session.takeSent();
    await session.receive(message(`${ALICE}/x`, body("hello")));
    await receiver.idle();
    expect(dispatches).toEqual([]);
    expect(session.takeSent().join("")).toContain("cannot take on anybody new");
    expect(tally.read()).toEqual({ "not-admitted": 1 });
    expect(log.lines.join("\n")).toMatch(/dropped: .*alice@example.*maxAgents/);
    expect(log.lines.join("\n")).not.toContain("hello");
  });
});

it.each(["hello", "stop", "/stop"])(
  "who writes too much is not told more often than others that there is none: %s",
  async (text) => {
    const keys = { ...OPEN, limits: { turnsPerMinute: 2, commandsPerMinute: 2 } };
    const { asked, receiver, session } = start(keys, async () => ({
      refused: "there are too many",
    }));
    session.takeSent();
    for (let i = 0; i < 6; i += 1) {
      await session.receive(message(`${ALICE}/x`, body(text)));
      await receiver.idle();
    }
    expect(asked).toHaveBeenCalledTimes(2);
    const told = session.takeSent().filter((xml) => xml.includes("<body"));
    expect(told.map((xml) => xml.includes("cannot take on anybody"))).toEqual([true, true, false]);
  },
);

it("who waits for theirs is not lost as the account stops: the message comes again", async () => {
  const { dispatches, queue, receiver, session } = start(OPEN, async (_jid, signal) => {
    const { promise, reject } = Promise.withResolvers<never>();
    signal.addEventListener("abort", () => reject(new Error("aborted")));
    return await promise;
  });
  await session.receive(message(`${ALICE}/x`, body("hello")));
  await waitFor(async () => (await queue.listClaims()).length > 0, { what: "the turn" });
  await receiver.stop();
  expect(dispatches).toEqual([]);
  expect(await queue.listPending()).toMatchObject([{ attempts: 0 }]);
});

it.each([
  ["allowlist", "dm_policy_not_allowlisted"],
  ["disabled", "dm_policy_disabled"],
  ["pairing", ""],
])("who waits for theirs is judged by what is the policy then: %s", async (dmPolicy, said) => {
  const keys: Record<string, unknown> = { ...OPEN };
  const verdicts: boolean[] = [];
  const road = start(keys, async (_jid, _signal, isAdmitted) => {
    verdicts.push(await isAdmitted());
    Object.assign(keys, { dmPolicy, allowFrom: [] });
    verdicts.push(await isAdmitted());
    return { cfg: withKeys(keys, MINE) };
  });
  road.session.takeSent();
  await road.session.receive(message(`${ALICE}/x`, body("hello")));
  await road.receiver.idle();
  expect(verdicts).toEqual([true, false]);
  expect(road.dispatches).toEqual([]);
  expect(road.session.takeSent().join("")).not.toContain("<body");
  expect(road.log.lines.join("\n")).toContain(said);
  expect(road.challenged).toEqual(dmPolicy === "pairing" ? [ALICE] : []);
  expect(road.tally.read()).toEqual({ "not-admitted": 1 });
});

describe("no agent is made", () => {
  it.each([
    ["it is off, as by default", { ...OPEN, dynamicAgentCreation: undefined }, {}],
    ["policy does not let them in", { ...OPEN, dmPolicy: "allowlist", allowFrom: [] }, {}],
    ["they have one already", OPEN, MINE],
  ])("where %s", async (_why, keys, cfg) => {
    const { asked, receiver, session } = start(keys, made, cfg);
    await session.receive(message(`${ALICE}/x`, body("hello")));
    await receiver.idle();
    expect(asked).not.toHaveBeenCalled();
  });

  it("for what is said in a room, or privately there", async () => {
    const road = start({ ...OPEN, groupPolicy: "open", rooms: [ROOM] }, made);
    enterRoom(road);
    await road.session.receive(presence("alice", item(`${ALICE}/x`)));
    await road.session.receive(message(`${ROOM}/alice`, body("bot: hello"), "groupchat"));
    const inRoom = `${body("psst")}<x xmlns="http://jabber.org/protocol/muc#user"/>`;
    await road.session.receive(message(`${ROOM}/alice`, inRoom));
    await road.receiver.idle();
    expect(road.dispatches.length).toBeGreaterThan(0);
    expect(road.asked).not.toHaveBeenCalled();
  });
});
