/**
 * What must not wait for the turn that it is about: `/stop`, `/approve`, `/status` and whatever else the host
 * answers by itself. Not every text that begins like a command is that: `/skill weather` and `/think high, tell
 * me …` are prompts, and `/steer` speaks to the running turn. They wait like any message, or the host would hand
 * them to a turn whose answer goes elsewhere; so does each command that the host says nothing of.
 */
import { resolveCommandAuthorization } from "openclaw/plugin-sdk/command-auth-native";
import {
  isAbortRequestText,
  isBtwRequestText,
} from "openclaw/plugin-sdk/command-primitives-runtime";
import { listChatCommands } from "openclaw/plugin-sdk/native-command-registry";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { Admitted } from "./turn-context.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/** No words behind them reach the agent; of these the host's registry does not say it. */
const TAKES_ANY_WORDS = new Set(["approve", "context", "models", "subagents", "tools"]);

/** On one line: what stands on further ones the host may take for a prompt. */
const COMMAND = /^(\/[a-z_-]+)(?:[ \t]+(.*))?$/i;

/** "Halt" is a word to the agent from those whose commands are not obeyed. */
export function isObeyedStop(
  context: InboundContext,
  inbound: InboundMessage,
  admitted: Admitted,
): boolean {
  return isAbortRequestText(admitted.addressing.text) && isObeyed(context, inbound, admitted);
}

/** Whether a command never reaches the agent, whoever gives it: where it may not, the host says nothing. */
export function isAnsweredByHost(text: string): boolean {
  if (isBtwRequestText(text)) return true;
  const [, alias = "", args = ""] = COMMAND.exec(text.trim()) ?? [];
  const command = listChatCommands().find(({ textAliases }) =>
    textAliases.includes(alias.toLowerCase()),
  );
  if (!command) return false;
  const { activeRunSafe = false, category, key, modelIndependent } = command;
  if (TAKES_ANY_WORDS.has(key)) return activeRunSafe;
  if (typeof modelIndependent === "function") return modelIndependent(args.trim());
  // Options are a prompt's, too, and nothing but text from those who may not set them.
  const isOption = category === "options";
  return args === "" && !isOption && (activeRunSafe || modelIndependent !== undefined);
}

/** As the host decides on a request to stop, of which it makes a prompt where it does not obey. */
function isObeyed(
  { accountId, cfg }: InboundContext,
  { sender }: InboundMessage,
  { access, host, route }: Admitted,
): boolean {
  const { isAuthorizedSender } = resolveCommandAuthorization({
    ctx: {
      Provider: CHANNEL_ID,
      Surface: CHANNEL_ID,
      AccountId: route.accountId ?? accountId,
      ChatType: host.kind,
      SenderId: sender.id,
    },
    cfg,
    commandAuthorized: access.commandAccess.authorized,
  });
  return isAuthorizedSender;
}
