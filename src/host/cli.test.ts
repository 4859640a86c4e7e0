/** What the commands of `openclaw xmpp` ask of the Gateway, and how they end. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { afterEach, beforeEach, describe, expect, it, onTestFinished, vi } from "vitest";
import { registerXmppCli } from "./cli.ts";

const { callGatewayFromCli } = vi.hoisted(() => ({
  callGatewayFromCli: vi.fn<(...call: unknown[]) => Promise<object>>(),
}));
vi.mock("openclaw/plugin-sdk/gateway-runtime", () => ({ callGatewayFromCli }));

type Action = (...given: unknown[]) => Promise<void>;

/** The actions by the usage of their command, as Commander would find them. */
const actions = new Map<string, Action>();
function program(usage: string) {
  const command = {
    command: (name: string) => program(`${usage} ${name}`.trim()),
    description: () => command,
    option: () => command,
    action: (action: Action) => (actions.set(usage, action), command),
  };
  return command;
}
registerXmppCli({
  registerCli: (add: (host: { program: unknown }) => void) => add({ program: program("") }),
} as unknown as OpenClawPluginApi);

let written: { stdout: string; stderr: string };
beforeEach(() => {
  written = { stdout: "", stderr: "" };
  callGatewayFromCli.mockReset();
  callGatewayFromCli.mockResolvedValue({});
  for (const name of ["stdout", "stderr"] as const) {
    vi.spyOn(process[name], "write").mockImplementation((text) => {
      written[name] += String(text);
      return true;
    });
  }
});
afterEach(() => {
  vi.restoreAllMocks();
  process.exitCode = undefined;
});

/** @returns what the Gateway was asked: method and parameters */
async function run(usage: string, args: unknown[], options: object = {}) {
  const action = actions.get(`xmpp ${usage}`);
  if (!action) throw new Error(`no command ${usage}`);
  await action(...args, options, {});
  const [method, , params] = callGatewayFromCli.mock.lastCall ?? [];
  return { method, params };
}

describe("openclaw xmpp", () => {
  it("asks the account that is named, and no other", async () => {
    expect(await run("clear [conversation]", [undefined], { account: "work" })).toEqual({
      method: "xmpp.clear",
      params: { account: "work" },
    });
    expect(await run("clear [conversation]", ["alice@example"])).toEqual({
      method: "xmpp.clear",
      params: { conversation: "alice@example" },
    });
    const { params } = await run("msg <jid> <text...>", ["alice@example", ["two", "words"]], {
      account: "work",
    });
    expect(params).toMatchObject({ to: "alice@example", message: "two words", accountId: "work" });
  });

  it("tells whom it denies only where that is asked for", async () => {
    const usage = "pairing deny <code>";
    expect((await run(usage, ["CODE"])).params).toEqual({ code: "CODE" });
    expect((await run(usage, ["CODE"], { notify: true })).params).toEqual({
      code: "CODE",
      notify: true,
    });
  });

  it("takes a room's password from the first line of a file", async () => {
    const folder = mkdtempSync(join(tmpdir(), "openclaw-xmpp-cli-"));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const passwordFile = join(folder, "password");
    writeFileSync(passwordFile, "open sesame \r\nand more\n");
    const usage = "join <room> [nick]";
    expect((await run(usage, ["team@muc.example", undefined], { passwordFile })).params).toEqual({
      room: "team@muc.example",
      password: "open sesame ",
    });
    writeFileSync(passwordFile, "\n");
    callGatewayFromCli.mockClear();
    await run(usage, ["team@muc.example", undefined], { passwordFile });
    expect(callGatewayFromCli).not.toHaveBeenCalled();
    expect(written.stderr).toContain("holds no password");
  });

  it("that fails says why, and nothing else, and ends so", async () => {
    callGatewayFromCli.mockRejectedValue(new Error("no such room \u001b[2J"));
    await run("rooms", [], { json: true });
    expect(written).toEqual({ stdout: "", stderr: "no such room  [2J\n" });
    expect(process.exitCode).toBe(1);
  });
});
