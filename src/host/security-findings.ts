/** What an account's settings let happen, for `openclaw security audit` and `openclaw doctor`. */
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { parseAllowEntry } from "../policy/allowlist.ts";
import { resolveRoom } from "../policy/room.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { XmppAccount } from "./account.ts";

export type Finding = {
  checkId: string;
  severity: "info" | "warn" | "critical";
  title: string;
  detail: string;
  remediation?: string;
};

/** How a finding calls the account that it is about. */
export function whose({ accountId }: XmppAccount): string {
  return `channels.${CHANNEL_ID} account "${accountId}"`;
}

/** What the host does not find by itself: of an open DM policy it warns through `resolveDmPolicy`. */
export function collectFindings(account: XmppAccount): Finding[] {
  return [...directFindings(account), ...roomFindings(account), ...connectionFindings(account)];
}

function directFindings(account: XmppAccount): Finding[] {
  const { dmPolicy, allowFrom } = account;
  if (dmPolicy === "open" || dmPolicy === "disabled") return [];
  const where = whose(account);
  const entries = allowFrom.map(parseAllowEntry);
  const domains = entries.flatMap((entry) => (entry?.kind === "domain" ? [entry.domain] : []));
  const findings: Finding[] = [];
  if (hasWildcard(allowFrom)) {
    findings.push({
      checkId: "channels.xmpp.dm.wildcard",
      severity: "critical",
      title: "XMPP allowFrom lets everybody in",
      detail: `${where}: allowFrom holds "*", so anybody on any server may write, although dmPolicy is "${dmPolicy}".`,
      remediation: 'Take "*" out of allowFrom, and list JIDs or *@domain.',
    });
  }
  if (domains.length > 0) {
    findings.push({
      checkId: "channels.xmpp.dm.domain_wildcard",
      severity: "info",
      title: "XMPP allowFrom lets whole domains in",
      detail: `${where}: every account of ${domains.join(", ")} may write. Where a server lets anybody register, that is anybody.`,
      remediation: "List single JIDs, unless you know who gives out accounts there.",
    });
  }
  return findings;
}

/** Whether a list names everybody. */
export function hasWildcard(entries: readonly string[]): boolean {
  return entries.some((entry) => parseAllowEntry(entry)?.kind === "any");
}

function roomFindings(account: XmppAccount): Finding[] {
  const where = whose(account);
  const findings: Finding[] = [];
  const open = openRooms(account);
  const ungated = open.filter((jid) => !resolveRoom(account, jid).requireMention);
  const gated = open.filter((jid) => !ungated.includes(jid));
  if (ungated.length > 0) {
    findings.push({
      checkId: "channels.xmpp.groups.open_without_mention",
      severity: "warn",
      title: "XMPP rooms where every message of anybody reaches the agent",
      detail: `${where}: ${ungated.join(", ")} need no mention, and let everybody in.`,
      remediation:
        "Set requireMention: true, or list users in the rooms' groups entries, or groupAllowFrom.",
    });
  }
  if (gated.length > 0) {
    findings.push({
      checkId: "channels.xmpp.groups.open",
      severity: "warn",
      title: "XMPP rooms where anybody may address the agent",
      detail: `${where}: in ${gated.join(", ")} everybody who mentions the agent is answered.`,
      remediation:
        "List users in the rooms' groups entries, or groupAllowFrom, unless the rooms are closed.",
    });
  }
  if (account.roomOwnerBypass) {
    findings.push({
      checkId: "channels.xmpp.groups.owner_bypass",
      severity: "info",
      title: "XMPP room owners pass the lists",
      detail: `${where}: roomOwnerBypass lets a room's owners address the agent, whatever the lists say.`,
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
  return findings;
}

/** The configured rooms that let everybody in: where nobody is listed, or "*" is. */
function openRooms(account: XmppAccount): BareJid[] {
  return account.rooms.filter((jid) => {
    const { listed, senderPolicy, allowFrom } = resolveRoom(account, jid);
    if (!listed) return false;
    return senderPolicy === "open" || (senderPolicy === "allowlist" && hasWildcard(allowFrom));
  });
}

function connectionFindings(account: XmppAccount): Finding[] {
  const { config } = account;
  const where = whose(account);
  const findings: Finding[] = [];
  if (config.dangerouslyAllowPlaintext) {
    findings.push({
      checkId: "channels.xmpp.plaintext",
      severity: "warn",
      title: "XMPP login without TLS is allowed",
      detail: `${where}: dangerouslyAllowPlaintext permits unencrypted connections to loopback.`,
      remediation: "Remove dangerouslyAllowPlaintext.",
    });
  }
  if (config.sasl?.allowPlain) {
    findings.push({
      checkId: "channels.xmpp.sasl.plain",
      severity: "warn",
      title: "XMPP login may hand the password itself to the server",
      detail: `${where}: sasl.allowPlain permits PLAIN (behind TLS), so whoever runs or breaks into the server reads the password.`,
      remediation: "Remove sasl.allowPlain, once the server offers SCRAM.",
    });
  }
  if (config.sasl?.downgradeProtection === "off") {
    findings.push({
      checkId: "channels.xmpp.sasl.downgrade",
      severity: "warn",
      title: "XMPP login is not protected against a downgrade",
      detail: `${where}: sasl.downgradeProtection is "off", so a server that suddenly offers less is believed.`,
      remediation:
        "Remove sasl.downgradeProtection; openclaw xmpp forget <domain> accepts one change.",
    });
  }
  if (config.sasl?.channelBinding === "off") {
    findings.push({
      checkId: "channels.xmpp.sasl.channel_binding",
      severity: "info",
      title: "XMPP login is not bound to its TLS connection",
      detail: `${where}: sasl.channelBinding is "off", so only the certificate tells the server from somebody in between.`,
      remediation: "Remove sasl.channelBinding, unless the server's TLS ends at a proxy.",
    });
  }
  if (config.xml) {
    findings.push({
      checkId: "channels.xmpp.xml_log",
      severity: "warn",
      title: "XMPP stanzas are logged",
      detail: `${where}: xml puts what people write into the log.`,
      remediation: "Remove xml when you are done with it.",
    });
  }
  if (process.env["NODE_TLS_REJECT_UNAUTHORIZED"] === "0") {
    findings.push({
      checkId: "channels.xmpp.tls.verification_disabled",
      severity: "critical",
      title: "Certificates are not checked in this environment",
      detail:
        "NODE_TLS_REJECT_UNAUTHORIZED is 0. XMPP streams are verified all the same, but a Gateway with this environment believes any certificate where shared files and models come from.",
      remediation: "Unset it, and trust your own authority with tls.caFile or NODE_EXTRA_CA_CERTS.",
    });
  }
  return findings;
}
