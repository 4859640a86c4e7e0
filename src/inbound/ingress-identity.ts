/**
 * How the host compares a sender with allowlist entries: by bare JID, by the domain of a `*@domain`
 * entry, and in rooms by what the room vouches for (policy/room-entry.ts). Where it vouches for
 * nothing there is nothing to compare, so nobody matches.
 */
import {
  defineStableChannelIngressIdentity,
  type ChannelIngressIdentitySubjectInput,
} from "openclaw/plugin-sdk/channel-ingress-runtime";
import {
  MATCHED_AFFILIATIONS,
  affiliationsUpTo,
  parseRoomEntry,
  type MatchedAffiliation,
  type RoomEntry,
} from "../policy/room-entry.ts";
import { bareJid, parseJid } from "../protocol/jid.ts";
import type { Sender } from "./sender.ts";

const ID_KEY = "xmpp-jid";
const DOMAIN_KEY = "xmpp-domain";
const OCCUPANT_KEY = "xmpp-occupant";
const ROLE_KEY = "xmpp-role";
const affiliationKey = (least: MatchedAffiliation) => `xmpp-affiliation-${least}`;

/** A field of its own for each kind of entry: `read` gives what the entry asks for. */
function alias(key: string, read: (entry: RoomEntry) => string | null) {
  return {
    key,
    kind: `plugin:${key}`,
    authentication: "asserted",
    sensitivity: "pii",
    normalizeEntry: (text: string) => {
      const entry = parseRoomEntry(text);
      return entry ? read(entry) : null;
    },
    normalizeSubject: (text: string) => text,
  } as const;
}

export const xmppIngressIdentity = defineStableChannelIngressIdentity({
  key: ID_KEY,
  // The sender's server vouches for the bare JID, our server for theirs (RFC 6120 §8.1.2.1).
  authentication: "asserted",
  sensitivity: "pii",
  normalizeEntry: (text) => {
    const entry = parseRoomEntry(text);
    return entry?.kind === "jid" ? entry.jid : null;
  },
  normalizeSubject: (text) =>
    (parseJid(text)?.resource === undefined ? bareJid(text) : undefined) ?? text,
  aliases: [
    alias(DOMAIN_KEY, (entry) => (entry.kind === "domain" ? entry.domain : null)),
    alias(OCCUPANT_KEY, (entry) => (entry.kind === "occupant" ? entry.id : null)),
    alias(ROLE_KEY, (entry) => (entry.kind === "role" ? entry.role : null)),
    ...MATCHED_AFFILIATIONS.map((least) =>
      alias(affiliationKey(least), (entry) =>
        entry.kind === "affiliation" && entry.least === least ? least : null,
      ),
    ),
  ],
  isWildcardEntry: (text) => parseRoomEntry(text)?.kind === "any",
  resolveEntryId: ({ entryIndex, fieldKey }) => `xmpp-entry-${entryIndex + 1}:${fieldKey}`,
});

/** The sender as the host's resolver wants it; what a room says of them counts in that room only. */
export function ingressSubject(
  sender: Sender,
  place: "room" | "direct",
): ChannelIngressIdentitySubjectInput {
  const { jid, id, grade } = sender;
  const aliases: Record<string, string | undefined> = {
    [DOMAIN_KEY]: jid && parseJid(jid)?.domain,
  };
  if (place === "room") {
    const { occupantId, affiliation, role } = sender.occupant;
    aliases[OCCUPANT_KEY] = occupantId;
    aliases[ROLE_KEY] = role;
    for (const least of affiliationsUpTo(affiliation)) aliases[affiliationKey(least)] = least;
  }
  const grades = Object.keys(aliases).map((key) => [key, "asserted"] as const);
  return {
    stableId: id,
    aliases,
    // For the host, what such a map leaves out is unverified.
    authentication: {
      ...Object.fromEntries(grades),
      [ID_KEY]: grade === "nick" ? "mutable" : "asserted",
    },
  };
}
