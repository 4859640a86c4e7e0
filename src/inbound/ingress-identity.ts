/**
 * How the host compares a sender with allowlist entries: by bare JID, or by the domain of a
 * `*@domain` entry. Where a room hides the real JID there is nothing to compare, so nobody matches.
 */
import {
  defineStableChannelIngressIdentity,
  type ChannelIngressIdentitySubjectInput,
} from "openclaw/plugin-sdk/channel-ingress-runtime";
import { parseAllowEntry } from "../policy/allowlist.ts";
import { bareJid, parseJid } from "../protocol/jid.ts";
import type { Sender } from "./sender.ts";

const JID_KEY = "xmpp-jid";
const DOMAIN_KEY = "xmpp-domain";

export const xmppIngressIdentity = defineStableChannelIngressIdentity({
  key: JID_KEY,
  // The sender's server vouches for the bare JID, our server for theirs (RFC 6120 §8.1.2.1).
  authentication: "asserted",
  sensitivity: "pii",
  normalizeEntry: (text) => {
    const entry = parseAllowEntry(text);
    return entry?.kind === "jid" ? entry.jid : null;
  },
  normalizeSubject: (text) =>
    (parseJid(text)?.resource === undefined ? bareJid(text) : undefined) ?? text,
  aliases: [
    {
      key: DOMAIN_KEY,
      kind: "plugin:xmpp-domain",
      authentication: "asserted",
      sensitivity: "pii",
      normalizeEntry: (text) => {
        const entry = parseAllowEntry(text);
        return entry?.kind === "domain" ? entry.domain : null;
      },
      normalizeSubject: (text) => text,
    },
  ],
  isWildcardEntry: (text) => parseAllowEntry(text)?.kind === "any",
  resolveEntryId: ({ entryIndex, fieldKey }) => `xmpp-entry-${entryIndex + 1}:${fieldKey}`,
});

/** The sender as the host's resolver wants it. */
export function ingressSubject(sender: Sender): ChannelIngressIdentitySubjectInput {
  if (!sender.jid) {
    return {
      stableId: sender.id,
      authentication: { [JID_KEY]: "mutable", [DOMAIN_KEY]: "mutable" },
    };
  }
  return { stableId: sender.jid, aliases: { [DOMAIN_KEY]: parseJid(sender.jid)?.domain } };
}
