/** `openclaw xmpp …`: every command asks the running Gateway, which owns the session. */
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { messageOf } from "../errors.ts";
import { COMMANDS, GROUPS, type Asked, type CliCommand, type Options } from "./cli-commands.ts";

type Program = Parameters<Parameters<OpenClawPluginApi["registerCli"]>[0]>[0]["program"];

/** The manifest's `cliCommands` row says the same (contract test). */
export const cliCommand = {
  name: "xmpp",
  description: "XMPP: connection, rooms and contacts of the running Gateway",
  hasSubcommands: true,
} as const;

export function registerXmppCli(api: OpenClawPluginApi): void {
  api.registerCli(({ program }) => addCommands(program), { descriptors: [cliCommand] });
}

function addCommands(program: Program): void {
  const root = program.command(cliCommand.name).description(cliCommand.description);
  const groups = new Map(
    Object.entries(GROUPS).map(([name, description]) => [
      name,
      root.command(name).description(description),
    ]),
  );
  for (const command of COMMANDS) add(groups.get(command.group ?? "") ?? root, command);
}

function add(parent: Program, { usage, description, options = [], ask }: CliCommand): void {
  const command = parent.command(usage).description(description);
  for (const [flags, text] of options) command.option(flags, text);
  command
    .option("--account <id>", "account (default: the default account)")
    .option("--json", "print JSON")
    .action(async (...given: unknown[]) => {
      // Commander gives the arguments, the options, and the command itself.
      const args = given.slice(0, -2);
      const chosen = given.at(-2) as Options;
      await run(chosen, async () => await ask(args, chosen));
    });
}

/** Prints the answer; or what is wrong to stderr, with exit code 1 and nothing on stdout. */
async function run(options: Options, ask: () => Promise<Asked> | Asked): Promise<void> {
  try {
    const { method, params, timeoutMs } = await ask();
    const [{ callGatewayFromCli }, { printable }] = await Promise.all([
      import("openclaw/plugin-sdk/gateway-runtime"),
      import("./cli-output.ts"),
    ]);
    const result = await callGatewayFromCli(
      method,
      { json: options.json, ...(timeoutMs === undefined ? {} : { timeout: String(timeoutMs) }) },
      {
        ...params,
        ...(options.account && method !== "send" ? { account: options.account } : {}),
      },
      { progress: false },
    );
    process.stdout.write(`${printable(method, result, options.json === true)}\n`);
  } catch (error) {
    const { printableError } = await import("./cli-output.ts");
    process.stderr.write(`${printableError(messageOf(error))}\n`);
    process.exitCode = 1;
  }
}
