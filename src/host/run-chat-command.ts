/** What `/xmpp …` does. */
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { messageOf } from "../errors.ts";
import { isCommandOwner } from "../inbound/command-owner.ts";
import { resolveAccount } from "./account.ts";
import { findLiveAccount, requireLiveAccount } from "./live-accounts.ts";
import {
  describeOutcome,
  OWNER_COMMANDS,
  type OwnerCommand,
  type Parameter,
} from "./owner-commands.ts";

type Context = Pick<
  Parameters<Parameters<OpenClawPluginApi["registerCommand"]>[0]["handler"]>[0],
  "accountId" | "args" | "config" | "senderId"
>;

const REFUSAL =
  "Only the owner of this account may use /xmpp (commands.ownerAllowFrom, or the account's adminJid).";

/** @returns what to say in the chat; never rejects */
export async function runChatCommand(context: Context): Promise<string> {
  const { accountId, args = "", config: cfg, senderId } = context;
  try {
    const account = resolveAccount(cfg, accountId ?? null);
    const { adminJid } = account.config;
    const owners = { cfg, accountId: account.accountId, adminJid };
    if (!isCommandOwner(owners, senderId)) {
      const log = findLiveAccount(account.accountId)?.log;
      log?.info(`refused /xmpp of ${senderId ?? "somebody unverified"}: not the owner`);
      return REFUSAL;
    }
    const [name = "", ...words] = args.trim().split(/\s+/);
    const command = OWNER_COMMANDS.find((each) => each.name === name.toLowerCase());
    if (!command) return usage();
    const values = readValues(command.parameters, words);
    if (!values) return `Usage: ${usageOf(command)}`;
    const live = requireLiveAccount(account);
    live.log.info(`command ${command.name} of ${senderId}, by text`);
    return describeOutcome(await command.run(live, values));
  } catch (error) {
    return `Failed: ${messageOf(error)}`;
  }
}

/** One word each; the last takes the rest. @returns undefined where one is missing, or some are too many */
export function readValues(
  parameters: readonly Parameter[],
  words: readonly string[],
): ReadonlyMap<string, string> | undefined {
  const values = new Map<string, string>();
  for (const [i, { name, isRequired, kind }] of parameters.entries()) {
    const isRest = i === parameters.length - 1 && kind === "text";
    const value = isRest ? words.slice(i).join(" ") : words[i];
    if (value) values.set(name, value);
    else if (isRequired) return undefined;
  }
  const takesRest = parameters.at(-1)?.kind === "text";
  return words.length > parameters.length && !takesRest ? undefined : values;
}

function usageOf({ name, parameters }: OwnerCommand): string {
  const words = parameters.map((each) => (each.isRequired ? `<${each.name}>` : `[${each.name}]`));
  return ["/xmpp", name, ...words].join(" ");
}

function usage(): string {
  return OWNER_COMMANDS.map((each) => `${usageOf(each)} – ${each.description}`).join("\n");
}
