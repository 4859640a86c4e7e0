import { parse } from "ltx";
import { describe, expect, it } from "vitest";
import { createFakeSession } from "../../test/support/fake-session.ts";
import type { Jid } from "../protocol/jid.ts";
import { createRate } from "../policy/rate.ts";
import { registerAdHocCommands, type AdHocCommand } from "./adhoc-commands.ts";
import { botIdentity, registerResponders } from "./responders.ts";

const COMMANDS = "http://jabber.org/protocol/commands";
const INFO = "http://jabber.org/protocol/disco#info";
const ITEMS = "http://jabber.org/protocol/disco#items";
const OWNER = "owner@example/pc";
const MINUTE = 60_000;

/** The owner may run two commands, one of them with a form; "guest" none of them, but another. */
function setUp() {
  const session = createFakeSession();
  session.goOnline();
  const ran: string[] = [];
  let allowed: AdHocCommand[] = [
    {
      node: "openclaw/status",
      name: "Status",
      run: async () => {
        ran.push("status");
        return { note: { type: "info", text: "fine" } };
      },
    },
    {
      node: "openclaw/join",
      name: "Join",
      questions: {
        title: "Join",
        fields: [
          { name: "room", label: "Room", type: "jid-single", isRequired: true },
          { name: "nick", label: "Nick", type: "text-single" },
        ],
      },
      run: async (values) => {
        ran.push(`join ${values.get("room")} ${values.get("nick")}`);
        if (values.get("room") === "no") throw new Error("no such room");
        return { note: { type: "info", text: "joined" } };
      },
    },
  ];
  const said: AdHocCommand = {
    node: "openclaw/said",
    name: "Said",
    isMessage: true,
    run: async () => ({}),
  };
  const rate = createRate(MINUTE);
  let at = 1_000_000;
  const stop = registerAdHocCommands({
    session,
    commandsFor: async ({ bare }: Jid) => {
      if (bare === "owner@example") return allowed;
      if (bare === "busy@example") return [said];
      return bare === "guest@example" ? allowed.slice(0, 1) : [];
    },
    isTooMany: (asker) => rate.take(asker, { each: 10 }, at) !== "granted",
    now: () => at,
  });
  registerResponders(session, {
    software: { name: "OpenClaw XMPP", version: "1" },
    identity: botIdentity("Claw"),
    features: [COMMANDS],
  });
  const ask = async (payload: string, { from = OWNER, type = "set" } = {}) =>
    await session.ask(`<iq id="7" type="${type}" ${from && `from="${from}"`}>${payload}</iq>`);
  const command = async (attributes: string, options: { from?: string; form?: string } = {}) =>
    await ask(
      `<command xmlns="${COMMANDS}" ${attributes}>${options.form ?? ""}</command>`,
      options.from === undefined ? {} : { from: options.from },
    );
  const open = async (from?: string) => {
    const answer = await command(`node="openclaw/join"`, from === undefined ? {} : { from });
    return String(parse(answer).attrs["sessionid"]);
  };
  return {
    ask,
    command,
    open,
    ran,
    session,
    stop,
    wait: (ms: number) => void (at += ms),
    revoke: () => void (allowed = []),
  };
}

const submit = (room: string, nick = "") =>
  `<x xmlns="jabber:x:data" type="submit"><field var="room"><value>${room}</value></field><field var="nick"><value>${nick}</value></field></x>`;
const query = (xmlns: string, node?: string) =>
  `<query xmlns="${xmlns}"${node === undefined ? "" : ` node="${node}"`}/>`;
const GET = { type: "get" };

describe("the menu", () => {
  it("lists to each what they may run, at our full JID", async () => {
    const { ask } = setUp();
    const item = (node: string, name: string) =>
      `<item jid="bot@example/openclaw" node="${node}" name="${name}"/>`;
    const list = (items: string) => `<query xmlns="${ITEMS}" node="${COMMANDS}">${items}</query>`;
    expect(await ask(query(ITEMS, COMMANDS), GET)).toBe(
      list(item("openclaw/status", "Status") + item("openclaw/join", "Join")),
    );
    expect(await ask(query(ITEMS, COMMANDS), { from: "guest@example/x", type: "get" })).toBe(
      list(item("openclaw/status", "Status")),
    );
  });

  it.each(["eve@example/x", "room@muc.example/owner", "owner@example@x/y", ""])(
    "is empty for %j",
    async (from) => {
      const { ask } = setUp();
      expect(await ask(query(ITEMS, COMMANDS), { from, type: "get" })).toBe(
        `<query xmlns="${ITEMS}" node="${COMMANDS}"/>`,
      );
      expect(await ask(query(INFO, "openclaw/status"), { from, type: "get" })).toBe("forbidden");
      expect(await ask(query(INFO, "openclaw/nothing"), { from, type: "get" })).toBe("forbidden");
    },
  );

  it("says what its node is, and what a command's is", async () => {
    const { ask } = setUp();
    const features = `<feature var="${COMMANDS}"/><feature var="jabber:x:data"/>`;
    expect(await ask(query(INFO, COMMANDS), GET)).toBe(
      `<query xmlns="${INFO}" node="${COMMANDS}"><identity category="automation" type="command-list" name="Commands"/>${features}</query>`,
    );
    expect(await ask(query(INFO, "openclaw/join"), GET)).toBe(
      `<query xmlns="${INFO}" node="openclaw/join"><identity category="automation" type="command-node" name="Join"/>${features}</query>`,
    );
    expect(await ask(query(INFO, "openclaw/nothing"), GET)).toBe("item-not-found");
    expect(await ask(query(INFO, "other"), GET)).toBe("item-not-found");
    expect(await ask(query(INFO), GET)).toContain('category="client"');
  });
});

describe("a command without a form", () => {
  it("runs at once", async () => {
    const { command, ran } = setUp();
    const answer = parse(await command(`node="openclaw/status" action="execute"`));
    expect(answer.attrs).toMatchObject({ node: "openclaw/status", status: "completed" });
    expect(answer.getChildText("note")).toBe("fine");
    expect(ran).toEqual(["status"]);
    const again = `node="openclaw/status" sessionid="${answer.attrs["sessionid"]}"`;
    expect(await command(again)).toContain("<session-expired");
    expect(ran).toEqual(["status"]);
  });

  it("is refused to whoever may run nothing, whatever they ask for", async () => {
    const { command, ran } = setUp();
    for (const from of ["eve@example/x", "room@muc.example/owner", ""]) {
      expect(await command(`node="openclaw/status"`, { from })).toBe("forbidden");
      expect(await command(`node="openclaw/nothing"`, { from })).toBe("forbidden");
      expect(await command(`action="dance"`, { from })).toBe("forbidden");
    }
    expect(ran).toEqual([]);
  });

  it("is not found where it is none of theirs", async () => {
    const { command } = setUp();
    expect(await command(`node="openclaw/join"`, { from: "guest@example/x" })).toBe(
      "item-not-found",
    );
    expect(await command(`node="other"`)).toBe("item-not-found");
    expect(await command(`action="execute"`)).toBe("bad-request");
  });
});

describe("a command with a form", () => {
  it.each([`action="complete"`, `action="execute"`, ""])("%s runs it once", async (action) => {
    const { command, open, ran } = setUp();
    const session = `node="openclaw/join" sessionid="${await open()}"`;
    const both = [submit("a@muc", "claw"), submit("a@muc", "claw")];
    const [first = "", second = ""] = await Promise.all(
      both.map(async (form) => await command(`${session} ${action}`, { form })),
    );
    expect(parse(first).attrs["status"]).toBe("completed");
    expect(second).toContain("<session-expired");
    expect(ran).toEqual(["join a@muc claw"]);
  });

  it("can be cancelled, also with a form", async () => {
    const { command, open, ran } = setUp();
    const session = `node="openclaw/join" sessionid="${await open()}"`;
    const answer = parse(await command(`${session} action="cancel"`, { form: submit("a@muc") }));
    expect(answer.attrs["status"]).toBe("canceled");
    expect(await command(session, { form: submit("a@muc") })).toContain("<session-expired");
    expect(ran).toEqual([]);
  });

  it("stays open where something is missing, and tells what", async () => {
    const { command, open, ran } = setUp();
    const session = `node="openclaw/join" sessionid="${await open()}"`;
    expect(await command(session)).toContain("<bad-payload");
    const blank = await command(session, { form: submit("  ") });
    expect(blank).toContain("<bad-payload");
    expect(blank).toContain("Room is missing");
    expect(await command(session, { form: submit("a@muc") })).toContain("completed");
    expect(ran).toEqual(["join a@muc undefined"]);
  });

  it("that fails is completed, and says why", async () => {
    const { command, open } = setUp();
    const session = `node="openclaw/join" sessionid="${await open()}"`;
    const answer = parse(await command(session, { form: submit("no") }));
    expect(answer.attrs["status"]).toBe("completed");
    expect(answer.getChild("note")?.toString()).toBe('<note type="error">no such room</note>');
  });

  it.each([
    ["prev", "bad-action"],
    ["next", "bad-action"],
    ["dance", "malformed-action"],
  ])("refuses the action %s as %s", async (action, fault) => {
    const { command, open } = setUp();
    const session = `node="openclaw/join" sessionid="${await open()}"`;
    expect(await command(`${session} action="${action}"`, { form: submit("a") })).toContain(
      `<${fault} xmlns="${COMMANDS}"/>`,
    );
    expect(await command(`node="openclaw/join" action="${action}"`)).toContain(`<${fault}`);
  });

  it("begins with execute: nothing can be completed or cancelled before", async () => {
    const { command } = setUp();
    for (const action of ["complete", "cancel"]) {
      expect(await command(`node="openclaw/join" action="${action}"`)).toContain("<bad-action");
    }
  });

  it("belongs to the one who began it, and to its node", async () => {
    const { command, open, ran } = setUp();
    const id = await open();
    const form = submit("a@muc");
    const session = `node="openclaw/join" sessionid="${id}"`;
    const tablet = { from: "owner@example/tablet", form };
    expect(await command(session, tablet)).toContain("<bad-sessionid");
    expect(await command(session, { from: "eve@example/x", form })).toBe("forbidden");
    expect(await command(`node="openclaw/status" sessionid="${id}"`)).toContain("<bad-sessionid");
    expect(await command(`node="openclaw/join" sessionid="made up"`, { form })).toContain(
      "<bad-sessionid",
    );
    expect(await command(`node="openclaw/join" sessionid=""`, { form })).toContain(
      "<bad-sessionid",
    );
    expect(ran).toEqual([]);
  });

  it("ends with the right to run it", async () => {
    const { command, open, ran, revoke } = setUp();
    const session = `node="openclaw/join" sessionid="${await open()}"`;
    revoke();
    expect(await command(session, { form: submit("a@muc") })).toBe("forbidden");
    expect(ran).toEqual([]);
  });

  it("expires", async () => {
    const { command, open, ran, wait } = setUp();
    const session = `node="openclaw/join" sessionid="${await open()}"`;
    wait(10 * MINUTE + 1);
    expect(await command(session, { form: submit("a@muc") })).toContain("<session-expired");
    expect(ran).toEqual([]);
  });

  it("is open five times at most for one person: the oldest ends", async () => {
    const { command, open } = setUp();
    const ids: string[] = [];
    for (let i = 0; i < 6; i++) ids.push(await open(`owner@example/${i}`));
    const complete = async (i: number) =>
      await command(`node="openclaw/join" sessionid="${ids[i]}"`, {
        from: `owner@example/${i}`,
        form: submit("a@muc"),
      });
    expect(await complete(0)).toContain("<session-expired");
    expect(await complete(1)).toContain("completed");
    expect(await complete(5)).toContain("completed");
  });
});

it("keeps a form that is open, however many commands others give meanwhile", async () => {
  const { command, open } = setUp();
  const id = await open();
  for (let i = 0; i < 250; i++) {
    await command(`node="openclaw/said"`, { from: "busy@example/x" });
  }
  const node = `node="openclaw/join" sessionid="${id}"`;
  expect(await command(node, { form: submit("a@muc") })).toContain("completed");
});

it("takes ten commands a minute of one person, from however many devices", async () => {
  const { command, ran, wait } = setUp();
  for (let i = 0; i < 10; i++) {
    await command(`node="openclaw/status"`, { from: `owner@example/${i}` });
  }
  expect(ran).toHaveLength(10);
  expect(await command(`node="openclaw/status"`)).toBe("policy-violation");
  expect(await command(`node="openclaw/join"`)).toBe("policy-violation");
  expect(await command(`node="openclaw/status"`, { from: "guest@example/x" })).toContain("fine");
  wait(MINUTE);
  expect(await command(`node="openclaw/status"`)).toContain("fine");
  // What is said for them counts where messages are counted.
  for (let i = 0; i < 20; i++) {
    const said = await command(`node="openclaw/said"`, { from: "busy@example/x" });
    expect(said).toContain("completed");
  }
});

it("leaves other questions to others, and all of them once it has ended", async () => {
  const { ask, stop } = setUp();
  expect(await ask(query(ITEMS), GET)).toBe(`<query xmlns="${ITEMS}"/>`);
  stop();
  expect(await ask(query(ITEMS, COMMANDS), GET)).toBe("item-not-found");
});
