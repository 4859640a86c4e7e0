/** Who the agent is: its JID and its password. */
import {
  promptSingleChannelSecretInput,
  WizardCancelledError,
  type OpenClawConfig,
} from "openclaw/plugin-sdk/setup";
import type { WizardPrompter } from "openclaw/plugin-sdk/setup";
import { resolveConfiguredSecretInputString } from "openclaw/plugin-sdk/secret-input-runtime";
import { tryReadSecretFileSync } from "openclaw/plugin-sdk/channel-core";
import { messageOf } from "../../errors.ts";
import { CHANNEL_ID } from "../../policy/account-policy.ts";
import type { BareJid, Jid } from "../../protocol/jid.ts";
import { parseAccountJid } from "../account-address.ts";
import type { XmppAccount } from "../account.ts";
import type { PasswordAnswer } from "./answers.ts";

type AccountJid = Jid & { local: string };

export async function askJid(
  prompter: Pick<WizardPrompter, "text">,
  current: string | undefined,
): Promise<AccountJid> {
  const written = await prompter.text({
    message: "JID of the agent's account",
    placeholder: "bot@example.com",
    ...(current === undefined ? {} : { initialValue: current }),
    validate: (value) => {
      const jid = parseAccountJid(value.trim());
      return "problem" in jid ? jid.problem : undefined;
    },
  });
  const jid = parseAccountJid(written.trim());
  if ("problem" in jid) throw new TypeError(jid.problem); // `validate` has said it already
  return jid;
}

/** What is wrong with an account; a reference that the Gateway has yet to resolve is not. */
export function problemsHere({ problems, tokenStatus, passwordSource }: XmppAccount) {
  const isReference = tokenStatus === "configured_unavailable" && passwordSource === "config";
  return isReference ? problems.filter(({ path }) => !path.endsWith(".password")) : problems;
}

/** The password as the account has it now; undefined where it cannot be read, or is not there. */
export async function readPassword(
  cfg: OpenClawConfig,
  account: XmppAccount,
): Promise<string | undefined> {
  if (account.password) return account.password;
  const { password } = account.config;
  if (password === undefined) return undefined;
  const path = `channels.${CHANNEL_ID}.password`;
  // An unresolved SecretRef: the Gateway resolves it at its start, we do it here.
  const read = await resolveConfiguredSecretInputString({
    config: cfg,
    env: process.env,
    value: password,
    path,
  }).catch(() => ({ value: undefined }));
  return read.value;
}

/**
 * @param account as it is now; its password is offered to be kept where it has one
 * @param jid whose password is asked for; of another JID than the account's, the one that is set is most likely wrong
 */
export async function askPassword(
  prompter: WizardPrompter,
  cfg: OpenClawConfig,
  account: XmppAccount,
  jid: BareJid,
  mode: "plaintext" | "ref" | undefined,
): Promise<PasswordAnswer> {
  const hasOne =
    account.passwordSource !== "none" ||
    account.config.password !== undefined ||
    account.config.passwordFile !== undefined;
  const isAnothers = account.jid !== undefined && account.jid !== jid;
  const keep = account.passwordSource === "env" ? "Use XMPP_PASSWORD" : "Keep the one that is set";
  const kept = {
    value: "keep" as const,
    label: isAnothers ? `${keep}, for ${account.jid}` : keep,
  };
  const how = await prompter.select<"keep" | "type" | "ref" | "file">({
    message: "Password of the agent's account",
    options: [
      ...(hasOne && !isAnothers ? [kept] : []),
      ...(mode === "ref"
        ? []
        : [{ value: "type" as const, label: "Type it", hint: "kept in the configuration" }]),
      {
        value: "ref",
        label: "Reference to a secret",
        hint: "an environment variable, or another source of secrets",
      },
      { value: "file", label: "File that holds it" },
      ...(hasOne && isAnothers ? [kept] : []),
    ],
    initialValue: hasOne && !isAnothers ? "keep" : mode === "ref" ? "ref" : "type",
  });
  switch (how) {
    case "keep":
      return { kind: "keep", resolved: await readPassword(cfg, account) };
    case "ref":
      try {
        return await askReference(prompter, cfg);
      } catch (error) {
        if (error instanceof WizardCancelledError) throw error;
        await prompter.note(messageOf(error), "That reference leads nowhere");
        return await askPassword(prompter, cfg, account, jid, mode);
      }
    case "file":
      return await askFile(prompter, account.config.passwordFile);
    case "type": {
      const value = await prompter.text({
        message: "Password (hidden)",
        sensitive: true,
        validate: (text) => (text === "" ? "Type the password" : undefined),
      });
      return { kind: "value", value, resolved: value };
    }
  }
}

/** The host's own questions for a SecretRef of any source. */
async function askReference(
  prompter: WizardPrompter,
  cfg: OpenClawConfig,
): Promise<PasswordAnswer> {
  const answer = await promptSingleChannelSecretInput({
    cfg,
    prompter,
    providerHint: CHANNEL_ID,
    credentialLabel: "XMPP password",
    secretInputMode: "ref",
    accountConfigured: false,
    canUseEnv: false,
    hasConfigToken: false,
    envPrompt: "",
    keepPrompt: "",
    inputPrompt: "Password (hidden)",
    preferredEnvVar: "XMPP_PASSWORD",
  });
  if (answer.action !== "set") return { kind: "keep", resolved: undefined };
  return { kind: "value", value: answer.value, resolved: answer.resolvedValue };
}

async function askFile(
  prompter: Pick<WizardPrompter, "text">,
  current: string | undefined,
): Promise<PasswordAnswer> {
  const read = (path: string): string | { problem: string } => {
    try {
      const text = tryReadSecretFileSync(path, "XMPP password", { rejectSymlink: true });
      return (
        text || { problem: `no password in ${path}; write it into that file, and nothing else` }
      );
    } catch (error) {
      return { problem: messageOf(error) };
    }
  };
  const written = await prompter.text({
    message: "File that holds the password, and nothing else",
    placeholder: "/home/me/.openclaw/xmpp-password",
    ...(current === undefined ? {} : { initialValue: current }),
    validate: (value) => {
      const found = read(value.trim());
      return typeof found === "string" ? undefined : found.problem;
    },
  });
  const path = written.trim();
  const found = read(path);
  return { kind: "file", path, resolved: typeof found === "string" ? found : "" };
}
