/** What `openclaw security audit` and `openclaw doctor` have to say about an account. */
import type { ChannelPlugin, OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { createScopedDmSecurityResolver } from "openclaw/plugin-sdk/channel-config-helpers";
import { identityEntryAuthenticationClassifier } from "openclaw/plugin-sdk/channel-ingress-runtime";
import { xmppIngressIdentity } from "../inbound/ingress-identity.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { normalizeAllowEntry } from "../policy/allowlist.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { describeProblems } from "./account-problems.ts";
import { collectFileFindings } from "./security-files.ts";
import { collectFindings, hasWildcard, type Finding } from "./security-findings.ts";

export const security: NonNullable<ChannelPlugin<XmppAccount>["security"]> = {
  resolveDmPolicy: createScopedDmSecurityResolver<XmppAccount>({
    channelKey: CHANNEL_ID,
    // With "*" in the list any policy but "disabled" is open, which the host would call locked.
    resolvePolicy: ({ dmPolicy, allowFrom }) =>
      dmPolicy !== "disabled" && hasWildcard(allowFrom) ? "open" : dmPolicy,
    // "open" is complete without the entry "*" that other channels want beside it.
    resolveAllowFrom: ({ dmPolicy, allowFrom }) =>
      dmPolicy === "open" ? ["*", ...allowFrom] : allowFrom,
    policyPathSuffix: "dmPolicy",
    classifyEntryAuthentication: identityEntryAuthenticationClassifier(xmppIngressIdentity),
    normalizeEntry: normalizeAllowEntry,
  }),
  collectWarnings: ({ account }) => collectFindings(account),
  collectAuditFindings: ({ cfg, sourceConfig, account, orderedAccountIds }) => [
    ...collectFileFindings(account, sourceConfig),
    ...collectNotAudited(cfg, orderedAccountIds),
  ],
};

/** The host passes over an account that cannot start: what is wrong with it would show as nothing wrong. */
function collectNotAudited(cfg: OpenClawConfig, accountIds: readonly string[]): Finding[] {
  return accountIds
    .map((accountId) => resolveAccount(cfg, accountId))
    .filter(({ enabled, configured }) => enabled && !configured)
    .map(({ accountId, problems }) => ({
      checkId: "channels.xmpp.account_not_audited",
      severity: "info",
      title: "XMPP account could not be looked at",
      detail: `channels.${CHANNEL_ID} account "${accountId}" cannot start from here: ${describeProblems(problems)}.`,
    }));
}
