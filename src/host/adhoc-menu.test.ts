/** Who finds which ad-hoc commands, by the host's own resolver; and what `/xmpp` says to whom. */
import { parse } from "ltx";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import {
  body,
  createRoadIn,
  enterRoom,
  message,
  withKeys,
  type RoadInOptions,
} from "../../test/support/road-in.ts";
import { ROOM, item } from "../../test/support/room-xml.ts";
import { registerAdHocCommands } from "../client/adhoc-commands.ts";
import { findCommander } from "../inbound/commanders.ts";
import type { PluginCommand } from "../inbound/plugin-commands.ts";
import { approvalPromptsOf, type Approval } from "../outbound/approval-prompts.ts";
import { parseJid, type BareJid, type Jid } from "../protocol/jid.ts";
import { COMMANDS } from "../protocol/xep-0050-commands.ts";
import { resolveAccount } from "./account.ts";
import { createApprovalDesk } from "./approval-desk.ts";
import { createAdHocMenu } from "./adhoc-menu.ts";
import { addLiveAccount, findLiveAccount, type LiveAccount } from "./live-accounts.ts";
import { runChatCommand } from "./run-chat-command.ts";

type Executed = Parameters<
  Extract<ReturnType<PluginCommand["prepareDispatch"]>, { kind: "plugin" }>["execute"]
>[0];

/** The Gateway's word on an answer. */
const { resolveApprovalOverGateway } = vi.hoisted(() => ({
  resolveApprovalOverGateway:
    vi.fn<(answer: { decision: string }) => Promise<{ applied: boolean; approval: object }>>(),
}));
vi.mock("openclaw/plugin-sdk/approval-gateway-runtime", () => ({ resolveApprovalOverGateway }));

let stop: () => void = () => undefined;
afterEach(() => stop());

const OWNER = { commands: { ownerAllowFrom: ["alice@example"] } };
const LISTED = { dmPolicy: "allowlist", allowFrom: ["alice@example", "bob@example"] };

type MenuOptions = RoadInOptions & {
  keys?: object;
  /** What plugins answer. */
  answer?: string;
};

function setUp({ keys = LISTED, cfg = OWNER, answer, ...options }: MenuOptions = {}) {
  const road = createRoadIn({ ...options, keys: { rooms: [ROOM], ...keys }, cfg });
  enterRoom(road);
  let config = withKeys({ rooms: [ROOM], ...keys }, cfg);
  const { session, rooms, outbox } = road;
  stop = addLiveAccount({
    ...outbox,
    account: resolveAccount(config),
    roster: { contacts: () => [] },
    membership: {
      originOf: (room: string) => (room === ROOM ? undefined : { kind: "operator" }),
      isWanted: (room: string) => room === ROOM,
      enter(room: BareJid, how: object) {
        rooms.join(room, how);
        return true;
      },
      leave(room: BareJid) {
        if (room !== ROOM) rooms.leave(room);
        return room !== ROOM;
      },
    },
    catchUp: { hasArchive: true },
    waiting: { count: async () => ({ waiting: 0 }), list: async () => [] },
    tally: road.tally,
  } as unknown as LiveAccount);
  const executed: Executed[] = [];
  const plugin = (name: string, facts: Partial<PluginCommand> = {}): PluginCommand =>
    ({
      name,
      description: `Does ${name}`,
      acceptsArgs: false,
      requireAuth: true,
      prepareDispatch: (args?: string) => ({
        kind: args && !facts.acceptsArgs ? "non-plugin" : "plugin",
        execute: async (context: Executed) => {
          executed.push(context);
          return { text: answer ?? `did ${name} ${args ?? ""}`.trim() };
        },
      }),
      ...facts,
    }) as unknown as PluginCommand;
  const menu = createAdHocMenu({
    accountId: "default",
    isInRoom: ({ bare, domain }) => rooms.get(bare) !== undefined || domain === "muc.example",
    isSibling: ({ bare }) => bare === "sibling@example",
    findCommander: (from) => findCommander(road.context, from),
    findLive: () => findLiveAccount("default"),
    listPluginCommands: () => [
      plugin("xmpp", { requireAuth: false, acceptsArgs: true }),
      plugin("pair", { acceptsArgs: true }),
      plugin("hello", { requireAuth: false }),
    ],
    readConfig: () => config,
    receive: road.receiver.receive,
  });
  const commandsOf = async (from: string) => await menu(parseJid(from) as Jid);
  /** Without the host's own, of which there are many. */
  const nodesOf = async (from: string) =>
    (await commandsOf(from))
      .filter(({ isMessage }) => !isMessage)
      .map(({ node }) => node.replace("openclaw/", ""));
  const run = async (from: string, node: string, values: Record<string, string> = {}) =>
    await (
      await commandsOf(from)
    )
      .find((each) => each.node === `openclaw/${node}`)
      ?.run(new Map(Object.entries(values)));
  const say = async (senderId: string | undefined, args?: string) =>
    await runChatCommand({ accountId: "default", args, config, senderId });
  const configure = (changed: object, hosts: object = cfg) => {
    config = withKeys({ rooms: [ROOM], ...keys, ...changed }, hosts);
  };
  const logged = () => JSON.stringify(outbox.log);
  return { ...road, session, menu, commandsOf, nodesOf, run, say, executed, configure, logged };
}

const STEERING = ["xmpp/status", "xmpp/rooms", "xmpp/join", "xmpp/leave", "xmpp/invite"];
/** Owners approve as long as nobody else is named. */
const OWN = [...STEERING, "approvals"];
const PLUGINS = ["command/pair", "command/hello"];

describe("the menu", () => {
  it("of the host's owner has everything", async () => {
    const { commandsOf, nodesOf } = setUp();
    expect(await nodesOf("alice@example/pc")).toEqual([...OWN, ...PLUGINS]);
    const nodes = (await commandsOf("alice@example/pc")).map(({ node }) => node);
    expect(nodes).toContain("openclaw/command/status");
    expect(nodes).toContain("openclaw/command/new");
    expect(new Set(nodes).size).toBe(nodes.length);
  });

  it("of the account's admin has what steers the account; the host obeys its own owners", async () => {
    const keys = { dmPolicy: "allowlist", adminJid: "bob@example" };
    const { commandsOf, nodesOf } = setUp({ keys });
    expect(await nodesOf("bob@example/pc")).toEqual([...OWN, "command/hello"]);
    expect((await commandsOf("bob@example/pc")).some(({ isMessage }) => isMessage)).toBe(false);
    expect(await setUp({ keys, cfg: {} }).nodesOf("bob@example/pc")).toEqual([...OWN, ...PLUGINS]);
  });

  it("of others whom policy lets in has what needs no standing", async () => {
    const { commandsOf } = setUp();
    const nodes = (await commandsOf("bob@example/pc")).map(({ node }) => node);
    expect(nodes).toEqual(["openclaw/command/hello"]);
    const approved = async () => ["carol@example"];
    const pairing = { pairing: { approved, challenge: async () => undefined } };
    const paired = setUp({ keys: { dmPolicy: "pairing" }, context: pairing as never });
    expect(await paired.nodesOf("carol@example/pc")).toEqual(["command/hello"]);
  });

  it("has no plugin's commands for whom shall have an agent of their own, until they have it", async () => {
    const keys = { ...LISTED, dynamicAgentCreation: { enabled: true } };
    expect(await setUp({ keys }).nodesOf("bob@example/pc")).toEqual([]);
    expect(await setUp({ keys }).nodesOf("alice@example/pc")).toEqual(OWN);
    const match = {
      channel: "xmpp",
      accountId: "default",
      peer: { kind: "direct", id: "bob@example" },
    };
    const agents = { ownership: "explicit", entries: { main: {}, bobs: {} } };
    const cfg = { ...OWNER, agents, bindings: [{ agentId: "bobs", match }] };
    expect(await setUp({ keys, cfg }).nodesOf("bob@example/pc")).toEqual(["command/hello"]);
  });

  it("is empty for strangers, who get no pairing code by asking", async () => {
    const { challenged, commandsOf } = setUp({ keys: { dmPolicy: "pairing" } });
    expect(await commandsOf("eve@example/pc")).toEqual([]);
    expect(challenged).toEqual([]);
  });

  it.each([
    ["an occupant of a room of ours", `${ROOM}/alice`],
    ["an occupant elsewhere at a room service", "other@muc.example/alice"],
    ["an account of this Gateway", "sibling@example/x"],
    ["a server", "example"],
  ])("is empty for %s, also where everybody is let in", async (_, from) => {
    const cfg = { commands: { ownerAllowFrom: [from.split("/")[0]] } };
    const { commandsOf } = setUp({ keys: { dmPolicy: "open" }, cfg });
    expect(await commandsOf(from)).toEqual([]);
  });

  it("is empty for the owner whom policy does not let in, but for what they are to approve", async () => {
    const { configure, nodesOf } = setUp({ keys: { dmPolicy: "disabled" } });
    expect(await nodesOf("alice@example/pc")).toEqual(["approvals"]);
    configure({ execApprovals: { approvers: ["carol@example"] } });
    expect(await nodesOf("alice@example/pc")).toEqual([]);
  });

  it.each([
    { keys: { dmPolicy: "open" }, cfg: { commands: { ownerAllowFrom: ["*@example"] } } },
    { keys: { dmPolicy: "open" }, cfg: { commands: { ownerAllowFrom: ["*"] } } },
    { keys: { dmPolicy: "open" }, cfg: {} },
  ])("has no owner where a pattern names everybody, or nobody is named: %j", async (options) => {
    const { nodesOf, say } = setUp(options);
    expect(await nodesOf("alice@example/pc")).not.toContain("xmpp/status");
    expect(await say("alice@example", "status")).toMatch(/^Only the owner/);
  });
});

describe("a command of the menu", () => {
  it("of a plugin is run by the host, with who gives it and where", async () => {
    const { executed, run } = setUp();
    expect(await run("alice@example/pc", "command/pair", { args: "qr" })).toEqual({
      note: { type: "info", text: "did pair qr" },
    });
    expect(executed).toMatchObject([
      {
        senderId: "alice@example",
        channel: "xmpp",
        isAuthorizedSender: true,
        senderIsOwner: true,
        commandBody: "/pair qr",
        accountId: "default",
        sessionKey: "agent:main:xmpp:direct:alice@example",
      },
    ]);
    expect(await run("bob@example/pc", "command/hello")).toBeDefined();
    expect(executed[1]).toMatchObject({ isAuthorizedSender: false, senderIsOwner: false });
  });

  it("of a plugin is no owner's because the host obeys who gives it", async () => {
    const keys = { dmPolicy: "allowlist", adminJid: "bob@example" };
    const { executed, run } = setUp({ keys, cfg: {} });
    await run("bob@example/pc", "command/pair");
    expect(executed).toMatchObject([{ isAuthorizedSender: true, senderIsOwner: false }]);
  });

  it("of a plugin is an owner's only as long as they are one", async () => {
    const { configure, executed, run } = setUp();
    await run("alice@example/pc", "command/pair");
    const [given] = executed;
    expect(() => given?.assertOwnerCurrent?.()).not.toThrow();
    configure({}, { commands: { ownerAllowFrom: ["carol@example"] } });
    expect(() => given?.assertOwnerCurrent?.()).toThrow("alice@example is no owner any more");
  });

  it("of a plugin is answered with the first of a long text, and where the rest is", async () => {
    const { run } = setUp({ answer: `${"x".repeat(3_999)}\u{1F600}${"y".repeat(100_000)}` });
    const { note } = (await run("alice@example/pc", "command/pair", { args: "qr" })) ?? {};
    expect(note?.text.length).toBeLessThan(4_200);
    expect(note?.text).toMatch(
      /^x{3999}…\n\(The first 4000 of 104001 characters\. Give \/pair in a chat for all/,
    );
    const brief = await setUp({ answer: "z".repeat(4_000) }).run(
      "alice@example/pc",
      "command/pair",
    );
    expect(brief?.note?.text).toBe("z".repeat(4_000));
  });

  it("of a plugin that takes no arguments gets none", async () => {
    const { executed, run } = setUp();
    await expect(run("alice@example/pc", "command/hello", { args: "x" })).rejects.toThrow(
      "/hello takes no arguments",
    );
    expect(executed).toEqual([]);
  });

  it("of the host goes in as a message of who gives it", async () => {
    const { receiver, run, turns } = setUp();
    await run("alice@example/pc", "command/think", { args: "high\u0000" });
    await receiver.idle();
    expect(turns).toMatchObject([
      { sender: { id: "alice@example" }, message: { commandBody: "/think high" } },
    ]);
  });

  it("of the account shows its state", async () => {
    const { run } = setUp();
    const status = await run("alice@example/pc", "xmpp/status");
    const fields = status?.payload?.getChildren("field") ?? [];
    const shown = fields.map((field) => [field.attrs["label"], field.getChildText("value")]);
    expect(shown).toContainEqual(["State", "online"]);
    expect(shown).toContainEqual(["Rooms", "1 of 1 joined"]);
    expect(shown).toContainEqual(["Transport", "tcp, not encrypted"]);
    const rooms = await run("alice@example/pc", "xmpp/rooms");
    const row = parse(String(rooms?.payload)).getChild("item");
    expect(row?.getChildren("field").map((field) => field.getChildText("value"))).toEqual([
      ROOM,
      "joined",
      "as bot, 1 present",
    ]);
  });

  it("of the account enters a room, invites to it, and leaves it", async () => {
    const { commandsOf, run, session } = setUp();
    const den = "den@muc.example";
    const told = (text: string) => ({ note: { type: "info", text } });
    const joining = run("alice@example/pc", "xmpp/join", { room: den, nick: "claw" });
    await expect.poll(() => session.takeSent().join("")).toContain(`to="${den}/claw"`);
    /** The rooms of the forms to join, to leave, to invite to. */
    const offered = async () =>
      (await commandsOf("alice@example/pc"))
        .flatMap(({ questions }) => questions?.fields.filter(({ name }) => name === "room") ?? [])
        .map(({ options }) => options?.map(({ value }) => value));
    expect(await offered()).toEqual([undefined, [den], [ROOM]]);
    await session.receive(
      `<presence from="${den}/claw"><x xmlns="http://jabber.org/protocol/muc#user">${item()}<status code="110"/></x></presence>`,
    );
    expect(await joining).toEqual(told(`In room ${den} as claw.`));
    expect(await offered()).toEqual([undefined, [den], [ROOM, den].toSorted()]);
    session.takeSent();
    const invitation = { room: den, jid: "carol@example", reason: "come in" };
    expect(await run("alice@example/pc", "xmpp/invite", invitation)).toEqual(
      told(`Invited carol@example to room ${den}.`),
    );
    expect(session.takeSent().join("")).toMatch(/<invite to="carol@example"><reason>come in</);
    expect(await run("alice@example/pc", "xmpp/leave", { room: den })).toEqual(
      told(`Left room ${den}.`),
    );
    expect(session.takeSent().join("")).toContain('type="unavailable"');
  });

  it("of the account fails in words", async () => {
    const { run } = setUp();
    await expect(run("alice@example/pc", "xmpp/leave", { room: ROOM })).rejects.toThrow(
      /is in the configuration/,
    );
    await expect(run("alice@example/pc", "xmpp/join", { room: "nowhere" })).rejects.toThrow(
      /is not a bare JID/,
    );
  });
});

describe("approvals in the menu", () => {
  const APPROVER = "carol@example/phone";
  const keys = { ...LISTED, execApprovals: { approvers: ["carol@example"] } };
  const told = (text: string) => ({ note: { type: "info", text } });
  const prompts = approvalPromptsOf("default");
  let count = 0;

  /** A request is shown to the approver. @returns its id */
  function request(facts: Partial<Approval> = {}): string {
    const approval: Approval = {
      approvalId: `request-${++count}`,
      kind: "exec",
      allowed: ["allow-once", "deny"],
      summary: "rm -rf /srv",
      expiresAt: Date.now() + 60_000,
      ...facts,
    };
    const to = parseJid("carol@example")!.bare;
    prompts.add(approval, {
      place: "carol",
      target: { kind: "user", jid: to },
      messageIds: [approval.approvalId],
    } as unknown as Parameters<typeof prompts.add>[1]);
    return approval.approvalId;
  }

  async function formOf({ commandsOf }: ReturnType<typeof setUp>, from = APPROVER) {
    const command = (await commandsOf(from)).find(({ node }) => node === "openclaw/approvals");
    const [requests, decisions] = command?.questions?.fields ?? [];
    return { requests: requests?.options, decisions: decisions?.options };
  }

  beforeEach(() => {
    resolveApprovalOverGateway.mockReset();
    resolveApprovalOverGateway.mockImplementation(async ({ decision }) => ({
      applied: true,
      approval: { status: decision === "deny" ? "denied" : "allowed", decision },
    }));
  });
  afterEach(() => {
    for (const { approvalId } of prompts.pending(0)) prompts.settle(approvalId, { text: "ended" });
  });

  it("show the approver what waits, and record the answer as theirs, once", async () => {
    const set = setUp({ keys });
    const [first, second] = [request(), request({ kind: "plugin", summary: "Send a report" })];
    expect(await set.nodesOf(APPROVER)).toEqual(["approvals"]);
    expect(await formOf(set)).toEqual({
      requests: [
        { value: first, label: "rm -rf /srv" },
        { value: second, label: "Send a report" },
      ],
      decisions: [
        { value: "deny", label: "Deny" },
        { value: "allow-once", label: "Allow once" },
      ],
    });
    const values = { request: first, decision: "allow-once" };
    expect(await set.run(APPROVER, "approvals", values)).toEqual(
      told("Recorded: it was allowed once by carol@example."),
    );
    expect(resolveApprovalOverGateway.mock.calls).toMatchObject([
      [
        {
          approvalId: first,
          approvalKind: "exec",
          decision: "allow-once",
          channel: "xmpp",
          accountId: "default",
          senderId: "carol@example",
        },
      ],
    ]);
    expect(await set.run(APPROVER, "approvals", { ...values, decision: "deny" })).toEqual(
      told("Too late: it was allowed once by carol@example."),
    );
    expect((await formOf(set)).requests).toEqual([{ value: second, label: "Send a report" }]);
    expect(resolveApprovalOverGateway).toHaveBeenCalledTimes(1);
    expect(set.logged()).toContain("carol@example answered an approval by menu, allow-once");
    expect(set.logged()).not.toContain("rm -rf");
  });

  it("say so where nothing waits", async () => {
    const set = setUp({ keys });
    request({ expiresAt: Date.now() - 1 });
    expect(await formOf(set)).toEqual({});
    expect(await set.run(APPROVER, "approvals")).toEqual(told("Nothing waits for you."));
  });

  it.each([
    ["an owner who is no approver", "alice@example/pc"],
    ["somebody whom policy lets in", "bob@example/pc"],
    ["a stranger", "eve@example/pc"],
    ["the approver's name in a room", `${ROOM}/carol@example`],
    ["the approver's server", "example"],
  ])("are not there for %s", async (_, from) => {
    const set = setUp({ keys });
    request();
    expect(await set.nodesOf(from)).not.toContain("approvals");
  });

  it("are not there for a room that is named as the approver, nor where nobody is asked", async () => {
    const room = setUp({ keys: { ...keys, execApprovals: { approvers: [ROOM] } } });
    expect(await room.nodesOf(`${ROOM}/carol`)).toEqual([]);
    stop();
    const off = setUp({
      keys: { ...keys, execApprovals: { enabled: false, approvers: ["carol@example"] } },
    });
    expect(await off.nodesOf(APPROVER)).toEqual([]);
  });

  it("take no answer from whom is no approver any more as the form comes back", async () => {
    const set = setUp({ keys });
    const id = request();
    const command = (await set.commandsOf(APPROVER)).find(({ questions }) => questions);
    set.configure({ execApprovals: { approvers: ["alice@example"] } });
    const values = new Map([
      ["request", id],
      ["decision", "allow-once"],
    ]);
    expect(await command?.run(values)).toEqual(told("There is no such request for you to answer."));
    expect(await set.nodesOf(APPROVER)).toEqual([]);
    expect(resolveApprovalOverGateway).not.toHaveBeenCalled();
  });

  it("are recorded for nobody who is no approver as the Gateway is asked", async () => {
    const readConfig = () => withKeys({ execApprovals: { approvers: ["carol@example"] } });
    const { prompts: own, resolve } = createApprovalDesk({ accountId: "default", readConfig });
    const asked = resolve(own.get(request())!, "allow-once", parseJid("eve@example")!.bare);
    await expect(asked).rejects.toThrow("eve@example is no approver any more");
    expect(resolveApprovalOverGateway).not.toHaveBeenCalled();
  });

  it("say what became of a request that is gone meanwhile", async () => {
    const set = setUp({ keys });
    const id = request();
    const allow = async (which: string) =>
      await set.run(APPROVER, "approvals", { request: which, decision: "allow-once" });
    resolveApprovalOverGateway.mockRejectedValueOnce(
      Object.assign(new Error("unknown or expired approval id"), {
        gatewayCode: "APPROVAL_NOT_FOUND",
      }),
    );
    expect(await allow(id)).toEqual(
      told("Too late: it was answered elsewhere, has expired, or is not yours to answer."),
    );
    resolveApprovalOverGateway.mockResolvedValueOnce({
      applied: false,
      approval: { status: "denied", decision: "deny" },
    });
    // Whoever decided: it was not the one who is told so.
    expect(await allow(request())).toEqual(told("Too late: it was denied."));
    expect(await allow("request-of-nobody")).toEqual(
      told("There is no such request for you to answer."),
    );
  });

  it("answer a form whose last request was settled while it was filled in", async () => {
    const { menu, session } = setUp({ keys });
    const id = request();
    const off = registerAdHocCommands({
      session,
      commandsFor: menu,
      isTooMany: () => false,
      now: Date.now,
    });
    const ask = async (attributes: string, form = "") =>
      parse(
        await session.ask(
          `<iq id="1" type="set" from="${APPROVER}"><command xmlns="${COMMANDS}" node="openclaw/approvals" ${attributes}>${form}</command></iq>`,
        ),
      );
    const { sessionid, status } = (await ask("")).attrs;
    expect(status).toBe("executing");
    prompts.settle(id, { text: "was denied by boss@example" });
    const form = `<x xmlns="jabber:x:data" type="submit"><field var="request"><value>${id}</value></field><field var="decision"><value>allow-once</value></field></x>`;
    const done = await ask(`sessionid="${sessionid}" action="complete"`, form);
    expect(done.attrs["status"]).toBe("completed");
    expect(done.getChildText("note")).toBe("Too late: it was denied by boss@example.");
    off();
  });

  it("take no decision that the request does not offer, nor any other word", async () => {
    const set = setUp({ keys });
    const [once, always] = [
      request(),
      request({ allowed: ["allow-once", "allow-always", "deny"] }),
    ];
    expect((await formOf(set)).decisions?.map(({ value }) => value)).toEqual([
      "deny",
      "allow-always",
      "allow-once",
    ]);
    const answer = async (id: string, decision: string) =>
      await set.run(APPROVER, "approvals", { request: id, decision });
    expect(await answer(once, "allow-always")).toEqual(told("You can answer: allow-once, deny."));
    await expect(answer(always, "yes")).rejects.toThrow(
      "is none of allow-once, allow-always, deny",
    );
    expect(resolveApprovalOverGateway).not.toHaveBeenCalled();
  });

  it("say that an answer was not recorded, and no more, where the Gateway fails", async () => {
    const set = setUp({ keys });
    const id = request();
    resolveApprovalOverGateway.mockRejectedValueOnce(new Error("connection to 127.0.0.1 lost"));
    const values = { request: id, decision: "deny" };
    await expect(set.run(APPROVER, "approvals", values)).rejects.toThrow(/^Your answer could not/);
    expect(await set.run(APPROVER, "approvals", values)).toEqual(
      told("Recorded: it was denied by carol@example."),
    );
  });

  it("show a command in one line that hides nothing", async () => {
    const set = setUp({ keys });
    request({ summary: "echo # \nrm -rf / \u202etxt" });
    request({ summary: "x".repeat(2_000) });
    const [lines, long] = (await formOf(set)).requests ?? [];
    expect(lines?.label).toBe("echo #  ⏎ rm -rf / \\u{202e}txt");
    expect(long?.label).toMatch(/^x{500}… \(cut: read its message before you answer\)$/);
  });
});

describe("/xmpp", () => {
  it.each([undefined, "bob@example", `${ROOM}#stay:1`, `${ROOM}#occupant:1`, ROOM])(
    "refuses %s in one sentence",
    async (sender) => {
      const { say, session } = setUp();
      session.takeSent();
      for (const args of [undefined, "status", `leave ${ROOM}`, "nonsense"]) {
        expect(await say(sender, args)).toBe(
          "Only the owner of this account may use /xmpp (commands.ownerAllowFrom, or the account's adminJid).",
        );
      }
      expect(session.takeSent()).toEqual([]);
    },
  );

  it("does for the owner what it is told, and says what it knows", async () => {
    const { say } = setUp();
    expect(await say("alice@example", "status")).toContain("State: online\n");
    expect(await say("alice@example", " ROOMS ")).toBe(`${ROOM} – joined – as bot, 1 present`);
    expect(await say("alice@example", `leave ${ROOM}`)).toMatch(/^Failed: .*configuration/);
    expect(await say("alice@example", "leave")).toBe("Usage: /xmpp leave <room>");
    expect(await say("alice@example", "leave a@b c")).toBe("Usage: /xmpp leave <room>");
    for (const args of [undefined, "", "dance"]) {
      expect(await say("alice@example", args)).toMatch(/^\/xmpp status – .*\n[^]*\/xmpp invite </);
    }
  });

  it("counts as a command, and as one with those of the menu", async () => {
    const { context, receiver, session, turns } = setUp();
    const now = Date.now();
    const policy = context.readConfig().policy;
    const owner = parseJid("alice@example")!.bare;
    for (let i = 0; i < 9; i++) context.turnLimits.takeCommand(owner, policy, now);
    for (const text of ["/status", "/status"]) {
      await session.receive(message("alice@example/pc", body(text)));
    }
    await receiver.idle();
    expect(turns).toHaveLength(1);
    expect(context.turnLimits.takeCommand(owner, policy, Date.now())).not.toBe("granted");
  });
});
