/** Who may answer a request for approval, how, and what everybody else sees. */
import { parse } from "ltx";
import { describe, expect, it, vi } from "vitest";
import { body, createRoadIn, enterRoom, message } from "../../test/support/road-in.ts";
import { item, occupantId, presence, ROOM } from "../../test/support/room-xml.ts";
import {
  createApprovalPrompts,
  type Approval,
  type Outcome,
} from "../outbound/approval-prompts.ts";
import type { Place } from "../outbound/recent-messages.ts";
import { encodeBody, sendMessage } from "../outbound/send.ts";
import type { Target } from "../outbound/target.ts";
import type { Decision } from "../policy/approval-answer.ts";
import { bareJid, type FullJid } from "../protocol/jid.ts";
import { STANZA_IDS } from "../protocol/xep-0359-ids.ts";
import { OCCUPANT_ID } from "../protocol/xep-0421-occupant-id.ts";
import type { ApprovalDesk } from "./approval-answers.ts";

const APPROVAL: Approval = {
  approvalId: "1a-2b",
  kind: "exec",
  allowed: ["allow-once", "deny"],
  summary: "rm -rf /",
  expiresAt: Date.now() + 60_000,
};
const ALICE = bareJid("alice@example")!;
const EVE = bareJid("eve@example")!;
const MUC = "groupchat";

const reactions = (id: string, ...signs: string[]) =>
  `<reactions xmlns="urn:xmpp:reactions:0" id="${id}">${signs.map((sign) => `<reaction>${sign}</reaction>`).join("")}</reactions>`;
const reply = (id: string, text: string) =>
  `${body(text)}<reply xmlns="urn:xmpp:reply:0" id="${id}"/>`;
const quoting = (id: string, text: string) => {
  const quote = "> rm -rf /\n";
  const range = `<body start="0" end="${quote.length}"/>`;
  return `${body(`&gt; rm -rf /\n${text}`)}<reply xmlns="urn:xmpp:reply:0" id="${id}"/><fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:reply:0">${range}</fallback>`;
};

/** alice approves; alice and eve may talk to the agent. */
function setUp(resolve?: ApprovalDesk["resolve"]) {
  const recorded: { decision: Decision; sender: string }[] = [];
  const prompts = createApprovalPrompts();
  const approvals: ApprovalDesk = {
    prompts,
    isApprover: (jid) => jid === ALICE,
    resolve:
      resolve ??
      (async (_approval, decision, sender) => {
        recorded.push({ decision, sender });
        return { isApplied: true, outcome: { text: `was settled by ${sender}`, decision } };
      }),
  };
  const road = createRoadIn({
    context: { approvals },
    keys: {
      dmPolicy: "allowlist",
      allowFrom: ["alice@example", "eve@example"],
      groupPolicy: "open",
      rooms: [ROOM],
      reactionNotifications: "all",
    },
  });
  const { outbox, session, receiver } = road;
  session.takeSent();
  const ask = async (target: Target, place: Place, id: string, approval = APPROVAL) => {
    prompts.add(approval, { place, target, messageIds: [id] });
    await sendMessage(outbox, target, encodeBody(target, id, "May I?", {}));
    session.takeSent();
  };
  const toAlice: Target = { kind: "direct", to: ALICE as string as FullJid };
  const say = async (from: string, inside: string, type = "chat") => {
    await session.receive(message(from, inside, type));
    await receiver.idle();
  };
  /** What was said to people since. */
  const told = () =>
    session
      .takeSent()
      .map((xml) => parse(xml).getChildText("body"))
      .filter(Boolean);
  return { ...road, ask, toAlice, say, told, recorded, prompts };
}

async function asked(resolve?: ApprovalDesk["resolve"]) {
  const road = setUp(resolve);
  await road.ask(road.toAlice, ALICE, "prompt");
  return road;
}

describe("an approver answers", () => {
  it.each([
    ["by a reaction", reactions("prompt", "👍"), "allow-once"],
    ["by another", reactions("prompt", "👎"), "deny"],
    ["by a reply", reply("prompt", "yes"), "allow-once"],
    ["by a reply that quotes", quoting("prompt", "deny"), "deny"],
    ["by command", body("/approve 1a-2b allow-once"), "allow-once"],
  ])("%s; the agent hears nothing of it", async (_, inside, decision) => {
    const { say, recorded, turns, events, told } = await asked();
    await say("alice@example/phone", inside);
    expect(recorded).toEqual([{ decision, sender: "alice@example" }]);
    expect([turns, events, told()]).toEqual([[], [], []]);
  });

  it("once: a second answer is too late, the same sign again says nothing", async () => {
    const { say, recorded, told } = await asked();
    await Promise.all([
      say("alice@example/phone", reactions("prompt", "👍")),
      say("alice@example/laptop", reply("prompt", "no")),
    ]);
    expect(recorded).toHaveLength(1);
    expect(told()).toEqual(["Too late: it was settled by alice@example."]);
    await say("alice@example/phone", reactions("prompt", "👍", "🎉"));
    await say("alice@example/phone", reactions("prompt"));
    expect([recorded.length, told()]).toEqual([1, []]);
  });

  it("too late where somebody was first, or it has expired", async () => {
    const outcome: Outcome = { text: "was denied", decision: "deny" };
    const { say, told, prompts } = await asked(async () => ({ isApplied: false, outcome }));
    await say("alice@example/phone", reply("prompt", "yes"));
    expect(told()).toEqual(["Too late: it was denied."]);
    expect(prompts.pending(Date.now())).toEqual([]);
  });

  it("in vain where the Gateway does not take it; another answer is taken", async () => {
    const answers = [
      { isApplied: false, isOpen: true, outcome: { text: "was answered elsewhere" } },
      { isApplied: true, outcome: { text: "was denied", decision: "deny" as const } },
    ];
    const { say, told, prompts } = await asked(async () => answers.shift()!);
    await say("alice@example/phone", reply("prompt", "yes"));
    expect(told()).toEqual(["Too late: it was answered elsewhere."]);
    expect(prompts.get("1a-2b")?.outcome).toBeUndefined();
    await say("alice@example/phone", reactions("prompt", "👎"));
    expect(prompts.get("1a-2b")?.outcome?.text).toBe("was denied");
  });

  it("with what is not offered, and is told what is", async () => {
    const { say, recorded, told } = await asked();
    await say("alice@example/phone", reply("prompt", "always"));
    expect([recorded, told()]).toEqual([
      [],
      ["That cannot be answered here. You can answer: allow-once, deny."],
    ]);
  });

  it("and is told where the Gateway fails; then again", async () => {
    let fails = true;
    const { context, say, told, prompts } = await asked(async (_, decision) => {
      if (fails) throw new Error("no Gateway");
      return { isApplied: true, outcome: { text: "allowed", decision } };
    });
    await say("alice@example/phone", reply("prompt", "yes"));
    expect(told()).toEqual([
      "Your answer could not be recorded. Please try again, or use the Control UI.",
    ]);
    const logged = JSON.stringify(context.log);
    expect(logged).toContain("no Gateway");
    expect(logged).not.toContain("rm -rf");
    fails = false;
    await say("alice@example/phone", reply("prompt", "yes"));
    expect(prompts.get("1a-2b")?.outcome?.text).toBe("allowed");
  });

  it("twice, while the first answer is still being told: the second waits, and so does nobody else", async () => {
    const { say, told, session, receiver } = await asked(async () => {
      throw new Error("no Gateway");
    });
    const { send } = session;
    const isLeaving = Promise.withResolvers<void>();
    const mayLeave = Promise.withResolvers<void>();
    session.send = async (stanza) => {
      isLeaving.resolve();
      await mayLeave.promise;
      await send(stanza);
    };
    const first = say("alice@example/phone", reply("prompt", "yes"));
    await isLeaving.promise;
    // Whoever waits without an end in sight takes the whole process: rather fails here.
    const { get } = Map.prototype;
    let reads = 0;
    const counted = vi.spyOn(Map.prototype, "get").mockImplementation(function (
      this: Map<unknown, unknown>,
      key,
    ) {
      reads += 1;
      if (reads > 100_000) throw new Error("it spins");
      return get.call(this, key) as unknown;
    });
    const second = say("alice@example/laptop", reply("prompt", "yes"));
    setImmediate(mayLeave.resolve);
    await Promise.all([first, second]).finally(() => counted.mockRestore());
    await receiver.idle();
    expect(told()).toHaveLength(2);
  });

  it("only by a plain word: whatever else replies to it is for the agent", async () => {
    const { say, recorded, turns } = await asked();
    await say("alice@example/phone", reply("prompt", "what does it do?"));
    expect([recorded, turns.length]).toEqual([[], 1]);
  });
});

describe("nobody else", () => {
  it.each([
    ["by command", "eve@example/x", body("/approve 1a-2b allow-once")],
    ["by a reply with a word", "eve@example/x", reply("own", "yes")],
  ])("decides anything %s, and is told so", async (_, from, inside) => {
    const { ask, say, recorded, told, turns } = await asked();
    await ask({ kind: "direct", to: EVE as string as FullJid }, EVE, "own");
    await say(from, inside);
    expect([recorded, turns]).toEqual([[], []]);
    expect(told()).toEqual(["You may not answer this request: only its approvers can."]);
  });

  it("is told so more than five times a minute", async () => {
    const { say, told } = await asked();
    for (let i = 0; i < 8; i += 1) {
      await say(`eve@example/${i}`, body("/approve 1a-2b allow-once"));
    }
    expect(told()).toHaveLength(5);
  });

  it("decides by a reaction, of which the agent does not hear either", async () => {
    const { ask, say, recorded, told, events } = await asked();
    await ask({ kind: "direct", to: EVE as string as FullJid }, EVE, "own");
    await say("eve@example/x", reactions("own", "👍"));
    expect([recorded, told(), events]).toEqual([[], [], []]);
  });

  it("is told anything whom policy does not let speak", async () => {
    const { say, recorded, told } = await asked();
    await say("mallory@example/x", body("/approve 1a-2b allow-once"));
    expect([recorded, told()]).toEqual([[], []]);
  });

  it("answers for another chat than the one that was asked", async () => {
    const { say, recorded } = await asked();
    await say("eve@example/x", reactions("prompt", "👍"));
    await say("alice@example/x", reactions("unknown", "👍"));
    expect(recorded).toEqual([]);
  });
});

describe("in a room", () => {
  async function inRoom({ showsJids = true, givesIds = true } = {}) {
    const road = setUp();
    enterRoom(road, [
      ...(givesIds ? [STANZA_IDS] : []),
      ...(showsJids ? ["muc_nonanonymous"] : []),
      OCCUPANT_ID,
    ]);
    const jid = (text: string) => item(showsJids ? text : "");
    await road.session.receive(presence("alice", jid("alice@example/x"), "", occupantId("a")));
    await road.session.receive(presence("eve", jid("eve@example/x"), "", occupantId("e")));
    const { send } = road.session;
    road.session.send = async (stanza) => {
      await send(stanza);
      const id = String(stanza.attrs["id"]);
      const stanzaId = `<stanza-id xmlns="${STANZA_IDS}" by="${ROOM}" id="room-${id}"/>`;
      const reflected = message(`${ROOM}/bot`, body("x") + stanzaId, MUC);
      void road.session.receive(reflected.replace("<message ", `<message id="${id}" `));
    };
    await road.ask({ kind: "room", room: ROOM, to: ROOM }, ROOM, "prompt");
    const sayThere = async (nick: string, inside: string) =>
      await road.say(`${ROOM}/${nick}`, inside + occupantId(nick[0] ?? ""), MUC);
    return { ...road, sayThere };
  }

  it("an approver answers by what the room calls the request, without naming the agent", async () => {
    for (const inside of [reactions("room-prompt", "👍"), reply("room-prompt", "yes")]) {
      const { sayThere, recorded } = await inRoom();
      await sayThere("alice", inside);
      expect(recorded).toEqual([{ decision: "allow-once", sender: "alice@example" }]);
    }
  });

  it("nobody else does, whatever their nick", async () => {
    const { sayThere, recorded, told } = await inRoom();
    await sayThere("eve", reactions("room-prompt", "👍"));
    await sayThere("eve", reply("room-prompt", "yes"));
    await sayThere("eve", body("/approve 1a-2b allow-once"));
    expect(recorded).toEqual([]);
    expect(told()[0]).toBe("eve: You may not answer this request: only its approvers can.");
  });

  it("nobody does where the room hides who they are, or is not believed", async () => {
    const { sayThere, recorded } = await inRoom({ showsJids: false });
    await sayThere("alice", reactions("room-prompt", "👍"));
    await sayThere("alice", body("/approve 1a-2b allow-once"));
    const doubted = await inRoom();
    doubted.context.isBelieved = () => false;
    await doubted.sayThere("alice", reply("room-prompt", "yes"));
    expect([recorded, doubted.recorded]).toEqual([[], []]);
  });

  it("nobody does out of the room's archive, where nobody vouches for the author as surely", async () => {
    const { receiver, recorded } = await inRoom();
    const inside = reply("room-prompt", "yes") + occupantId("a") + item("alice@example/x");
    const stanza = parse(message(`${ROOM}/alice`, inside, MUC));
    await receiver.receive(stanza, { by: ROOM, id: "1", stamp: new Date() });
    await receiver.idle();
    expect(recorded).toEqual([]);
  });

  it("an id that the room did not give means nothing: anybody can write one", async () => {
    const road = await inRoom();
    await road.sayThere("alice", reactions("prompt", "👍"));
    const without = await inRoom({ givesIds: false });
    await without.sayThere("alice", reactions("room-prompt", "👍"));
    await without.sayThere("alice", reactions("prompt", "👍"));
    expect([road.recorded, without.recorded]).toEqual([[], []]);
  });
});
