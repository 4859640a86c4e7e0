/** Takes an account out of the configuration; on the server it stays. */
import { deleteAccountFromConfigSection } from "openclaw/plugin-sdk/core";
import {
  normalizeAccountId,
  type OpenClawConfig,
  type WizardPrompter,
} from "openclaw/plugin-sdk/setup";
import { CHANNEL_ID } from "../../policy/account-policy.ts";
import { resolveAccount } from "../account.ts";
import { OWN_KEYS } from "../config-schema.ts";

/** @returns undefined where it is to stay */
export async function removeAccount(
  prompter: Pick<WizardPrompter, "confirm">,
  cfg: OpenClawConfig,
  accountId: string,
): Promise<OpenClawConfig | undefined> {
  const { jid } = resolveAccount(cfg, accountId);
  const isSure = await prompter.confirm({
    message: `Remove the account "${accountId}" (${jid ?? "no JID"}) from the configuration? On the server it stays.`,
    initialValue: false,
  });
  if (!isSure) return undefined;
  const next = deleteAccountFromConfigSection({
    cfg,
    sectionKey: CHANNEL_ID,
    accountId,
    clearBaseFields: OWN_KEYS,
  });
  const section = next.channels?.[CHANNEL_ID] as { defaultAccount?: string } | undefined;
  if (!section?.defaultAccount || normalizeAccountId(section.defaultAccount) !== accountId) {
    return next;
  }
  const { defaultAccount: _gone, ...rest } = section;
  return { ...next, channels: { ...next.channels, [CHANNEL_ID]: rest } };
}
