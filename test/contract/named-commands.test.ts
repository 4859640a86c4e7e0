/**
 * Commands that our pages name within a sentence: those of `openclaw xmpp` are read by the host's own parser of command
 * lines, as we register them; scripts and files are there. docs.e2e.ts looks after the host's commands.
 */
import { existsSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, it } from "vitest";
import { registerXmppCli } from "../../src/host/cli.ts";
import packageJson from "../../package.json" with { type: "json" };
import { REPOSITORY } from "../support/gateway.ts";
import {
  commandsOf,
  namedCommandsOf,
  ourPages,
  wordsOf,
  type PageCommand,
} from "../support/page-commands.ts";

type Api = Parameters<typeof registerXmppCli>[0];
type Program = Parameters<Parameters<Api["registerCli"]>[0]>[0]["program"];

const fromHost = createRequire(join(REPOSITORY, "node_modules/openclaw/package.json"));
const { Command } = fromHost("commander") as { Command: new () => Program };

const all = ourPages()
  .flatMap((page) => [...commandsOf(page), ...namedCommandsOf(page)])
  .flatMap(({ page, line }) => line.split(" && ").map((one) => ({ page, line: one })));
const beginning = (begins: string) =>
  all.filter(({ line }) => line === begins || line.startsWith(`${begins} `));

function xmpp(): Program {
  const program = new Command().exitOverride();
  registerXmppCli({
    registerCli: (register: (host: { program: Program }) => void) => register({ program }),
  } as unknown as Api);
  return program;
}

/** What is wrong with a command, or undefined. A verb without any arguments only names the command. */
function faultOf({ page, line }: PageCommand): string | undefined {
  let command = xmpp();
  const [, ...words] = wordsOf(line);
  while (words.length > 0) {
    const next = command.commands.find((each) => each.name() === words[0]);
    if (next === undefined) break;
    command = next;
    words.shift();
  }
  if (words.length === 0 || words.includes("--help")) return undefined;
  if (command.commands.length > 0) return `${page}: ${line}: no command ${words[0]}`;
  try {
    const { operands, unknown } = command.exitOverride().parseOptions(words);
    if (unknown.length > 0) return `${page}: ${line}: no option ${unknown.join(" ")}`;
    const { registeredArguments: wanted } = command;
    const least = wanted.filter(({ required }) => required).length;
    const most = wanted.some(({ variadic }) => variadic) ? Infinity : wanted.length;
    const fits = operands.length >= least && operands.length <= most;
    return fits ? undefined : `${page}: ${line}: ${operands.length} arguments`;
  } catch (error) {
    return `${page}: ${line}: ${String(error)}`;
  }
}

it("openclaw xmpp has the commands, options and arguments that the pages give it", () => {
  const named = beginning("openclaw xmpp");
  expect(named.length).toBeGreaterThan(20);
  expect(named.map(faultOf).filter(Boolean)).toEqual([]);
});

it("what is no such command is found out", () => {
  const lines = ["jion room@service", "rooms --jsno", "leave", "ping a@b c@d", "pairing approve X"];
  const wrong = lines.map((line) => faultOf({ page: "", line: `openclaw xmpp ${line}` }));
  expect(wrong.map((fault) => fault !== undefined)).toEqual([true, true, false, true, true]);
});

it("scripts, programs and files are there", () => {
  const { scripts } = packageJson as { scripts: Record<string, string> };
  const missing = beginning("npm run").filter(({ line }) => !scripts[wordsOf(line)[2] ?? ""]);
  const programs = beginning("npx").filter(
    ({ line }) => !existsSync(join(REPOSITORY, "node_modules/.bin", wordsOf(line)[1] ?? "")),
  );
  expect(beginning("npx").length).toBeGreaterThan(0);
  const files = beginning("node").filter(
    ({ line }) => !existsSync(join(REPOSITORY, wordsOf(line)[1] ?? "")),
  );
  expect([...missing, ...programs, ...files]).toEqual([]);
});
