/** What is wrong between accounts, none of which is wrong by itself: nothing here keeps one from starting. */
import { normalizeAccountId, type OpenClawConfig } from "openclaw/plugin-sdk/account-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { knownAccounts, listAccountIds, resolveAccount, type XmppAccount } from "./account.ts";
import type { ConfigProblem } from "./account-problems.ts";

/** The full JID that the account logs in with; undefined where it has none. */
export function loginOf({ jid, resource }: XmppAccount): string | undefined {
  return jid && `${jid}/${resource}`;
}

/** Of two sessions with one JID and resource each puts out the other (RFC 6120 §7.7.2.2). */
export function sameLogin(other: string, login: string): string {
  return `the account "${other}" has the same JID and resource (${login}); give each another \`jid\` or \`resource\``;
}

/** Twins of one login, and a `defaultAccount` that is none. */
export function accountSetProblems(cfg: OpenClawConfig): ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  const first = new Map<string, string>();
  for (const accountId of listAccountIds(cfg)) {
    const account = resolveAccount(cfg, accountId);
    const login = account.enabled ? loginOf(account) : undefined;
    if (login === undefined) continue;
    const other = first.get(login);
    if (other === undefined) first.set(login, accountId);
    else {
      const path = `channels.${CHANNEL_ID}.accounts.${accountId}.resource`;
      problems.push({ path, problem: sameLogin(other, login) });
    }
  }
  const named = (cfg.channels?.[CHANNEL_ID] as { defaultAccount?: unknown } | undefined)
    ?.defaultAccount;
  if (typeof named === "string" && named.trim()) {
    if (!listAccountIds(cfg).includes(normalizeAccountId(named))) {
      problems.push({
        path: `channels.${CHANNEL_ID}.defaultAccount`,
        problem: `"${named}" is no account; there is ${knownAccounts(cfg)}`,
      });
    }
  }
  return problems;
}
