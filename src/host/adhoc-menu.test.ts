/** Who finds which ad-hoc commands, by the host's own resolver; and what `/xmpp` says to whom. */
import { parse } from "ltx";
import { afterEach, describe, expect, it } from "vitest";
import {
  body,
  createRoadIn,
  enterRoom,
  message,
  withKeys,
  type RoadInOptions,
} from "../../test/support/road-in.ts";
import { ROOM, item } from "../../test/support/room-xml.ts";
import { findCommander } from "../inbound/commanders.ts";
import type { PluginCommand } from "../inbound/plugin-commands.ts";
import { parseJid, type BareJid, type Jid } from "../protocol/jid.ts";
import { resolveAccount } from "./account.ts";
import { createAdHocMenu } from "./adhoc-menu.ts";
import { addLiveAccount, findLiveAccount, type LiveAccount } from "./live-accounts.ts";
import { runChatCommand } from "./run-chat-command.ts";

type Executed = Parameters<
  Extract<ReturnType<PluginCommand["prepareDispatch"]>, { kind: "plugin" }>["execute"]
>[0];

let stop: () => void = () => undefined;
afterEach(() => stop());

const OWNER = { commands: { ownerAllowFrom: ["alice@example"] } };
const LISTED = { dmPolicy: "allowlist", allowFrom: ["alice@example", "bob@example"] };

function setUp({ keys = LISTED, cfg = OWNER, ...options }: RoadInOptions & { keys?: object } = {}) {
  const road = createRoadIn({ ...options, keys: { rooms: [ROOM], ...keys }, cfg });
  enterRoom(road);
  const config = withKeys({ rooms: [ROOM], ...keys }, cfg);
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
    waiting: { list: async () => [] },
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
          return { text: `did ${name} ${args ?? ""}`.trim() };
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
  return { ...road, session, commandsOf, nodesOf, run, say, executed };
}

const OWN = ["xmpp/status", "xmpp/rooms", "xmpp/join", "xmpp/leave", "xmpp/invite"];
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

  it("is empty for the owner whom policy does not let in", async () => {
    expect(await setUp({ keys: { dmPolicy: "disabled" } }).commandsOf("alice@example/pc")).toEqual(
      [],
    );
  });

  it.each([
    { keys: { dmPolicy: "open", adminJid: "*@example" }, cfg: {} },
    { keys: { dmPolicy: "open", adminJid: "*" }, cfg: {} },
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
    await session.receive(
      `<presence from="${den}/claw"><x xmlns="http://jabber.org/protocol/muc#user">${item()}<status code="110"/></x></presence>`,
    );
    expect(await joining).toEqual(told(`In room ${den} as claw.`));
    const questions = (await commandsOf("alice@example/pc")).flatMap(
      (command) => command.questions?.fields.filter(({ name }) => name === "room") ?? [],
    );
    expect(questions.map(({ options }) => options?.map(({ value }) => value))).toEqual([
      undefined,
      [den],
      [ROOM, den].toSorted(),
    ]);
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
