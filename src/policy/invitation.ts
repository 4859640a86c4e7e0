/**
 * Whether an invitation to a room (XEP-0249, XEP-0045 §7.8.2) is followed. The first line that applies
 * decides:
 *
 * | # | when                                                                   | decision        |
 * | - | ---------------------------------------------------------------------- | --------------- |
 * | 1 | it names no room, or nobody who invites                                | `malformed`     |
 * | 2 | somebody declines one of ours                                          | `declined`      |
 * | 3 | we are in the room already, or the operator listed it                  | `known`         |
 * | 4 | the room's entry says `enabled: false`                                 | `disabled`      |
 * | 5 | `autoJoin: "off"`                                                      | `off`           |
 * | 6 | `autoJoin: "always"`                                                   | on to 9         |
 * | 7 | the room's service is not believed (room-trust.ts)                     | `foreign`       |
 * | 8 | the DM policy does not admit who invites                               | `stranger`      |
 * | 9 | the address is no room, as its own server says                         | `no-room`       |
 * | 10 | anything else                                                         | join            |
 *
 * Line 7 stands before 8, because in a mediated invitation it is the service that says who invites. Line 9
 * holds for `always`, too: somebody's account that is taken for a room could speak as anybody.
 * A pairing code is never sent for an invitation: who wants to talk writes a message.
 */
import type { BareJid } from "../protocol/jid.ts";
import type { Invitation } from "../protocol/xep-0045-invitation.ts";

export type AutoJoin = "off" | "allowlist" | "always";

export type InvitationFacts = {
  autoJoin: AutoJoin;
  isKnown: (room: BareJid) => boolean;
  isDisabled: (room: BareJid) => boolean;
  isBelieved: (room: BareJid) => boolean;
  /** Asked last, because it asks a server. */
  isRoom: (room: BareJid) => Promise<boolean>;
  /** Whether the DM policy would let this person's message through, pairing approvals included. */
  isAdmitted: (inviter: BareJid) => Promise<boolean>;
};

export type InvitationDecision =
  | { join: true; room: BareJid; by: BareJid; admitted: boolean }
  | {
      join: false;
      why:
        | "malformed"
        | "declined"
        | "known"
        | "disabled"
        | "off"
        | "foreign"
        | "stranger"
        | "no-room";
    };

export async function decideInvitation(
  { kind, room, by }: Invitation,
  facts: InvitationFacts,
): Promise<InvitationDecision> {
  if (kind === "declined") return { join: false, why: "declined" };
  if (!room || !by) return { join: false, why: "malformed" };
  if (facts.isKnown(room)) return { join: false, why: "known" };
  if (facts.isDisabled(room)) return { join: false, why: "disabled" };
  if (facts.autoJoin === "off") return { join: false, why: "off" };
  const believed = facts.isBelieved(room);
  // What a service says of an inviter is worth what the service is.
  const admitted = (kind === "direct" || believed) && (await facts.isAdmitted(by));
  if (facts.autoJoin !== "always") {
    if (!believed) return { join: false, why: "foreign" };
    if (!admitted) return { join: false, why: "stranger" };
  }
  return (await facts.isRoom(room))
    ? { join: true, room, by, admitted }
    : { join: false, why: "no-room" };
}
