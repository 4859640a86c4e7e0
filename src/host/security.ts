/** What `openclaw security audit` and `openclaw doctor` have to say about an account. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { createScopedDmSecurityResolver } from "openclaw/plugin-sdk/channel-config-helpers";
import { identityEntryAuthenticationClassifier } from "openclaw/plugin-sdk/channel-ingress-runtime";
import { xmppIngressIdentity } from "../inbound/ingress-identity.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { normalizeAllowEntry } from "../policy/allowlist.ts";
import { resolveRoom } from "../policy/room.ts";
import type { XmppAccount } from "./account.ts";

type Finding = {
  checkId: string;
  severity: "info" | "warn" | "critical";
  title: string;
  detail: string;
  remediation?: string;
};

/** What the host does not find by itself: of an open DM policy it warns through `resolveDmPolicy`. */
export function collectFindings(account: XmppAccount): Finding[] {
  const findings: Finding[] = [];
  const where = `channels.${CHANNEL_ID} account "${account.accountId}"`;
  const ungated =
    account.groupPolicy === "disabled"
      ? []
      : account.rooms.filter((jid) => {
          const room = resolveRoom(account, jid);
          return room.senderPolicy === "open" && !room.requireMention;
        });
  if (ungated.length > 0) {
    findings.push({
      checkId: "channels.xmpp.groups.open_without_mention",
      severity: "warn",
      title: "XMPP rooms where every message of anybody reaches the agent",
      detail: `${where}: ${ungated.join(", ")} need no mention and list no senders.`,
      remediation: "Set requireMention: true, or list users in mucRooms (or groupAllowFrom).",
    });
  }
  if (account.autoJoin === "always") {
    findings.push({
      checkId: "channels.xmpp.autojoin_always",
      severity: "warn",
      title: "XMPP invitations of anybody are followed",
      detail: `${where}: anybody can bring the agent into any room, where it reads along.`,
      remediation: 'Set autoJoin: "allowlist", or "off".',
    });
  }
  if (account.sharedSessions === "identified") {
    findings.push({
      checkId: "channels.xmpp.shared_sessions",
      severity: "warn",
      title: "XMPP direct chats are continued in rooms",
      detail: `${where}: a room may hear what somebody told the agent in a direct chat.`,
      remediation: 'Set sharedSessions: "off", unless everybody in these rooms may know.',
    });
  }
  if (account.config.dangerouslyAllowPlaintext) {
    findings.push({
      checkId: "channels.xmpp.plaintext",
      severity: "warn",
      title: "XMPP login without TLS is allowed",
      detail: `${where}: dangerouslyAllowPlaintext permits unencrypted connections to loopback.`,
      remediation: "Remove dangerouslyAllowPlaintext.",
    });
  }
  return findings;
}

export const security: NonNullable<ChannelPlugin<XmppAccount>["security"]> = {
  resolveDmPolicy: createScopedDmSecurityResolver<XmppAccount>({
    channelKey: CHANNEL_ID,
    resolvePolicy: (account) => account.dmPolicy,
    // "open" is complete without the entry "*" that other channels want beside it.
    resolveAllowFrom: ({ dmPolicy, allowFrom }) =>
      dmPolicy === "open" ? ["*", ...allowFrom] : allowFrom,
    policyPathSuffix: "dmPolicy",
    classifyEntryAuthentication: identityEntryAuthenticationClassifier(xmppIngressIdentity),
    normalizeEntry: normalizeAllowEntry,
  }),
  collectWarnings: ({ account }) => collectFindings(account),
};
