/**
 * Which of the host's commands do not wait for a running turn (src/inbound/at-once.ts), by the host's own registry:
 * a new command, or one that the host says something new of, shows here, and is to be looked at.
 */
import { listChatCommands } from "openclaw/plugin-sdk/native-command-registry";
import { expect, it } from "vitest";
import { isAnsweredByHost } from "../../src/inbound/at-once.ts";

const entering = (words: string) =>
  listChatCommands()
    .flatMap(({ textAliases }) => textAliases)
    .filter((alias) => isAnsweredByHost(`${alias}${words}`))
    .map((alias) => alias.slice(1))
    .join(" ");

it("with words behind them, only those of which none reaches the agent", () => {
  expect(entering(" tell me of Paris")).toBe("tools approve context btw side subagents acp models");
  expect(entering("\ntell me of Paris")).toBe("btw side");
});

it("alone, those that the host marks so, and no options", () => {
  expect(entering("")).toBe(
    "help commands tools skill loop status goal diagnostics login openclaw tasks allowlist approve context btw side export-session export export-trajectory trajectory tts whoami id session subagents acp agents steer tell config mcp plugins plugin debug stop restart update activation send reset new name models bash",
  );
});
