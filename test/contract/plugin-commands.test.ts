/** The host's registry of plugin commands, as `/xmpp` and the menu of ad-hoc commands rely on it. */
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { hasControlCommand } from "openclaw/plugin-sdk/command-detection";
import { clearPluginCommands, registerPluginCommand } from "openclaw/plugin-sdk/plugin-runtime";
import { afterEach, describe, expect, it } from "vitest";
import { registerChatCommand } from "../../src/host/chat-command.ts";
import { isPluginCommand, listPluginCommands } from "../../src/inbound/plugin-commands.ts";

type Definition = Parameters<OpenClawPluginApi["registerCommand"]>[0];

afterEach(clearPluginCommands);

const register = (definition: Partial<Definition>) =>
  registerPluginCommand("greeter", {
    name: "greet",
    description: "Greets",
    handler: ({ args }) => ({ text: JSON.stringify(args) }),
    ...definition,
  });

/** As the menu runs it, for somebody whom the host obeys, or not. */
async function run(name: string, args?: string, isAuthorizedSender = true): Promise<string> {
  const command = listPluginCommands().find((each) => each.name === name);
  const prepared = command?.prepareDispatch(args);
  if (prepared?.kind !== "plugin") return "not run";
  const { text = "" } = await prepared.execute({
    senderId: "alice@example",
    channel: "xmpp",
    isAuthorizedSender,
    commandBody: `/${name} ${args ?? ""}`.trim(),
    config: {},
    accountId: "default",
  });
  return text;
}

describe("/xmpp", () => {
  it("is taken by the host, for this channel, with arguments and for everybody", () => {
    registerChatCommand({
      registerCommand: (definition: Definition) =>
        expect(registerPluginCommand("xmpp", definition)).toEqual({ ok: true }),
    } as unknown as OpenClawPluginApi);
    expect(listPluginCommands()).toMatchObject([
      { name: "xmpp", acceptsArgs: true, requireAuth: false },
    ]);
    for (const text of ["/xmpp", "/XMPP status", "/xmpp\nstatus", "/ xmpp rooms", " /xmpp x"]) {
      expect(isPluginCommand(text)).toBe(true);
      // Or it would be dropped without a word, in rooms, where it is not the owner's.
      expect(hasControlCommand(text, {})).toBe(false);
    }
    for (const text of ["xmpp", "/xmppp", "say /xmpp", "/", ""]) {
      expect(isPluginCommand(text)).toBe(false);
    }
  });
});

describe("the host's registry", () => {
  it("refuses names of its own commands, and what is no name", () => {
    for (const name of ["status", "new", "help", "1st", "two words", ""]) {
      expect(register({ name }).ok).toBe(false);
    }
    expect(register({}).ok).toBe(true);
    expect(register({ name: "GREET" }).ok).toBe(false);
  });

  it("gives arguments to whom they are meant for, without what controls terminals", async () => {
    register({ acceptsArgs: true });
    register({ name: "plain" });
    expect(await run("greet", "Bob\u0007\u001b[31m\n\t!")).toBe(JSON.stringify("Bob[31m\n\t!"));
    expect((await run("greet", "x".repeat(5_000))).length).toBe(4_096 + 2);
    expect(await run("plain", "Bob")).toBe("not run");
    expect(isPluginCommand("/plain Bob")).toBe(true);
  });

  it("refuses whom the host does not obey, unless the command is for everybody", async () => {
    register({ handler: () => ({ text: "done" }) });
    register({ name: "open", requireAuth: false, handler: () => ({ text: "done" }) });
    expect(await run("greet", undefined, false)).toMatch(/requires authorization/);
    expect(await run("open", undefined, false)).toBe("done");
  });

  it("tells nothing of why a command failed", async () => {
    register({
      handler: () => {
        throw new Error("the secret reason");
      },
    });
    const told = await run("greet");
    expect(told).toMatch(/failed/i);
    expect(told).not.toContain("secret");
  });

  it("has those of this channel only", () => {
    register({ channels: ["telegram"] });
    expect(listPluginCommands()).toEqual([]);
  });
});
