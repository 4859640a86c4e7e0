/** An account's password: written out, a SecretRef, a file, or the environment. */
import { DEFAULT_ACCOUNT_ID } from "openclaw/plugin-sdk/account-core";
import { tryReadSecretFileSync } from "openclaw/plugin-sdk/channel-core";
import { messageOf } from "../errors.ts";
import type { ConfigProblem, KeyPath } from "./account-problems.ts";
import { resolveSecret } from "./account-secret.ts";
import type { XmppAccountConfig } from "./config-schema.ts";

export const ENV_PASSWORD = "XMPP_PASSWORD";

export type PasswordSource = "config" | "env" | "passwordFile" | "none";

type PasswordResolution = {
  password: string;
  source: PasswordSource;
  problem?: ConfigProblem;
};

/**
 * The first source that is there decides, even if it yields nothing: a wrong one is never stepped over.
 */
export function resolvePassword(
  config: XmppAccountConfig,
  accountId: string,
  path: KeyPath,
): PasswordResolution {
  const fromConfig = resolveSecret(config.password, path("password"));
  if (fromConfig.kind === "available") return { password: fromConfig.value, source: "config" };
  if (fromConfig.kind === "unavailable") {
    return { password: "", source: "config", problem: fromConfig.problem };
  }
  const noPassword = (problem: string): PasswordResolution => ({
    password: "",
    source: "passwordFile",
    problem: { path: path("passwordFile"), problem },
  });
  const file = config.passwordFile?.trim();
  if (file) {
    try {
      const password = tryReadSecretFileSync(file, "XMPP password", { rejectSymlink: true });
      if (password) return { password, source: "passwordFile" };
    } catch (error) {
      return noPassword(messageOf(error));
    }
    return noPassword(`no password in ${file}; write the password, and nothing else, into it`);
  }
  const fromEnv = accountId === DEFAULT_ACCOUNT_ID ? process.env[ENV_PASSWORD]?.trim() : undefined;
  if (fromEnv) return { password: fromEnv, source: "env" };
  return { password: "", source: "none" };
}
