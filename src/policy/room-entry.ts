/**
 * Entries of `groupAllowFrom`, a room's `users` and `allowFrom`, and the keys of `toolsBySender`:
 * those of allowlist.ts, and what a room itself vouches for.
 *
 * | entry                | matches                                                             |
 * | -------------------- | ------------------------------------------------------------------- |
 * | as in allowlist.ts   | the real JID, where the room shows it                               |
 * | `occupant:<id>`      | the occupant id (XEP-0421), where the room announces them           |
 * | `affiliation:owner`  | owners                                                              |
 * | `affiliation:admin`  | admins and owners                                                   |
 * | `affiliation:member` | members, admins and owners (XEP-0045 §5.2: each has what the lower has) |
 * | `role:moderator`     | moderators, for as long as they are (XEP-0045 §5.1)                 |
 *
 * A nick is no entry: it belongs to whoever takes it next.
 */
import type { BareJid } from "../protocol/jid.ts";
import type { Affiliation, Role } from "../protocol/xep-0045-muc.ts";
import { matchesAllowlist, parseAllowEntry, type AllowEntry } from "./allowlist.ts";

export type RoomEntry =
  | AllowEntry
  | { kind: "occupant"; id: string }
  | { kind: "affiliation"; least: MatchedAffiliation }
  | { kind: "role"; role: "moderator" };

/** What a room vouches for of somebody who is in it. */
export type RoomSender = {
  jid?: BareJid | undefined;
  occupantId?: string | undefined;
  affiliation: Affiliation;
  role: Role;
};

/** Of whom no room vouches for anything. */
export const NOBODY: Readonly<RoomSender> = { affiliation: "none", role: "none" };

/** From the lowest to the highest. */
export const MATCHED_AFFILIATIONS = ["member", "admin", "owner"] as const;
export type MatchedAffiliation = (typeof MATCHED_AFFILIATIONS)[number];

/** What an entry means; undefined when it matches nobody. Blanks around it do not count. */
export function parseRoomEntry(text: string): RoomEntry | undefined {
  const entry = text.trim();
  const colon = entry.indexOf(":");
  const value = entry.slice(colon + 1);
  switch (entry.slice(0, Math.max(colon, 0)).toLowerCase()) {
    case "occupant":
      // As opaque as the id itself: neither case nor width is changed.
      return value === "" ? undefined : { kind: "occupant", id: value };
    case "affiliation": {
      const least = MATCHED_AFFILIATIONS.find((name) => name === value.toLowerCase());
      return least && { kind: "affiliation", least };
    }
    case "role":
      return value.toLowerCase() === "moderator" ? { kind: "role", role: "moderator" } : undefined;
    default:
      return parseAllowEntry(entry);
  }
}

/** The affiliations of which `affiliation` has the privileges, lowest first. */
export function affiliationsUpTo(affiliation: Affiliation): readonly MatchedAffiliation[] {
  const rank = MATCHED_AFFILIATIONS.findIndex((name) => name === affiliation);
  return MATCHED_AFFILIATIONS.slice(0, rank + 1);
}

/**
 * Whether `text` matches the sender. `*` matches whoever the room vouches for by JID or occupant id.
 * The host's resolver decides on messages (inbound/ingress-identity.ts hands it the same facts); this
 * decides where the host only asks, as for tools.
 */
export function matchesRoomEntry(text: string, sender: RoomSender): boolean {
  const entry = parseRoomEntry(text);
  switch (entry?.kind) {
    case "occupant":
      return sender.occupantId === entry.id;
    case "affiliation":
      return affiliationsUpTo(sender.affiliation).includes(entry.least);
    case "role":
      return sender.role === entry.role;
    case "any":
      return sender.jid !== undefined || sender.occupantId !== undefined;
    case "jid":
    case "domain":
      return sender.jid !== undefined && matchesAllowlist([text], sender.jid);
    default:
      return false;
  }
}
