/** `openclaw xmpp …`: every command asks the running Gateway, which owns the session. */
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { messageOf } from "../errors.ts";

type Program = Parameters<Parameters<OpenClawPluginApi["registerCli"]>[0]>[0]["program"];
type Options = { account?: string; json?: boolean };

/** The manifest's `cliCommands` row says the same (contract test). */
export const cliCommand = {
  name: "xmpp",
  description: "XMPP: connection, rooms and contacts of the running Gateway",
  hasSubcommands: true,
} as const;

/** `argument`: the parameter that the command's one argument is. */
const COMMANDS = [
  { name: "status", method: "xmpp.status", description: "Show the connection and its state" },
  { name: "rooms", method: "xmpp.rooms", description: "Show the rooms and whether we are in them" },
  {
    name: "leave <room>",
    method: "xmpp.leave",
    argument: "room",
    description: "Leave a room that the account was invited to or has bookmarked",
  },
  { name: "roster", method: "xmpp.roster", description: "Show the contacts" },
  {
    name: "known",
    method: "xmpp.known",
    description: "Show who wrote directly, and the nicks and occupant ids learnt of them",
  },
  {
    name: "forget <jid>",
    method: "xmpp.forget",
    argument: "jid",
    description: "Forget what was learnt of somebody, or (by its domain) of the server",
  },
] as const;

export function registerXmppCli(api: OpenClawPluginApi): void {
  api.registerCli(({ program }) => addCommands(program), { descriptors: [cliCommand] });
}

function addCommands(program: Program): void {
  const root = program.command(cliCommand.name).description(cliCommand.description);
  for (const { name, method, description, ...rest } of COMMANDS) {
    const command = root
      .command(name)
      .description(description)
      .option("--account <id>", "account (default: the default account)")
      .option("--json", "print JSON");
    if ("argument" in rest) {
      command.action((value: string, options: Options) =>
        ask(method, options, { [rest.argument]: value }),
      );
    } else command.action((options: Options) => ask(method, options));
  }
  root
    .command("msg <jid> <text...>")
    .description("Send a message (as openclaw message send does)")
    .option("--account <id>", "account (default: the default account)")
    .option("--json", "print JSON")
    .action((to: string, words: string[], options: Options) =>
      ask("send", options, {
        channel: "xmpp",
        to,
        message: words.join(" "),
        idempotencyKey: crypto.randomUUID(),
        ...(options.account ? { accountId: options.account } : {}),
      }),
    );
}

async function ask(method: string, options: Options, params: object = {}): Promise<void> {
  const { callGatewayFromCli } = await import("openclaw/plugin-sdk/gateway-runtime");
  try {
    const result = await callGatewayFromCli(
      method,
      { json: options.json },
      { ...params, ...(options.account && method !== "send" ? { account: options.account } : {}) },
      { progress: false },
    );
    process.stdout.write(`${options.json ? JSON.stringify(result, null, 2) : describe(result)}\n`);
  } catch (error) {
    process.stderr.write(`${messageOf(error)}\n`);
    process.exitCode = 1;
  }
}

/** Facts as lines of `key: value`; a list as one line an entry. */
function describe(result: Record<string, unknown>): string {
  return Object.entries(result)
    .map(([key, value]) => {
      if (!Array.isArray(value)) return `${key}: ${text(value)}`;
      const rows = value.map((row) => `  ${text(row)}`);
      return [`${key}: ${value.length}`, ...rows].join("\n");
    })
    .join("\n");
}

function text(value: unknown): string {
  if (typeof value !== "object" || value === null) return String(value);
  return Object.entries(value)
    .filter(([, part]) => part !== undefined)
    .map(
      ([key, part]) => `${key}=${typeof part === "object" ? JSON.stringify(part) : String(part)}`,
    )
    .join(" ");
}
