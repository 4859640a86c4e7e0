/**
 * Invitations to rooms, as they come in: asked of policy one after the other, and followed or not.
 * An inviter hears nothing back: the agent appears in the room, or the log says why not.
 */
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { matchesAllowlist } from "../policy/allowlist.ts";
import type { XmppAccountPolicy } from "../policy/account-policy.ts";
import {
  decideInvitation,
  type InvitationDecision,
  type InvitationFacts,
} from "../policy/invitation.ts";
import { createRate } from "../policy/rate.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Invitation } from "../protocol/xep-0045-invitation.ts";
import type { Tally, TallyReason } from "./tally.ts";

/** More would be a flood: each may cost a look into the pairing store. */
const MAX_WAITING = 20;
/** Of each kind; anybody can invite as often as they like. */
const LINES_PER_MINUTE = 30;

export type Invitations = {
  /** Never throws, never waits. */
  receive(invitation: Invitation): void;
  /** Resolves when all that was received has been decided. */
  idle(): Promise<void>;
};

export type InvitationsParams = {
  readPolicy: () => XmppAccountPolicy;
  /** JIDs that were approved by pairing. */
  approved: () => Promise<string[]>;
  isKnown: (room: BareJid) => boolean;
  isDisabled: (room: BareJid) => boolean;
  isBelieved: (room: BareJid) => boolean;
  isRoom: (room: BareJid) => Promise<boolean>;
  /** Resolves when it is known which services our server announces. */
  settled: () => Promise<void>;
  join: (invitation: Invitation, decision: InvitationDecision & { join: true }) => void;
  tally: Tally;
  log: Logger;
};

export function createInvitations(params: InvitationsParams): Invitations {
  const { approved, join, log, readPolicy, tally } = params;
  const lines = createRate(60_000);
  let waiting = 0;
  let last: Promise<void> = Promise.resolve();

  const admits = async (inviter: BareJid): Promise<boolean> => {
    const { dmPolicy, allowFrom } = readPolicy();
    if (dmPolicy === "disabled") return false;
    if (dmPolicy === "open" || matchesAllowlist(allowFrom, inviter)) return true;
    return dmPolicy === "pairing" && matchesAllowlist(await approved(), inviter);
  };

  function leave(reason: TallyReason, line: string): void {
    tally.add(reason);
    const verdict = lines.take(reason, { each: LINES_PER_MINUTE }, Date.now());
    if (verdict === "granted") log.info(line);
    else if (verdict === "refused")
      log.warn("more invitations were not followed than is logged; status counts them");
  }

  async function take(invitation: Invitation): Promise<void> {
    await params.settled();
    const facts: InvitationFacts = {
      autoJoin: readPolicy().autoJoin,
      isKnown: params.isKnown,
      isDisabled: params.isDisabled,
      isBelieved: params.isBelieved,
      isRoom: params.isRoom,
      isAdmitted: admits,
    };
    const decision = await decideInvitation(invitation, facts);
    if (decision.join) return join(invitation, decision);
    const line = `invitation to ${invitation.room} by ${invitation.by} not followed: ${WHY[decision.why]}`;
    if (decision.why === "known" || decision.why === "declined") log.debug?.(line);
    else leave("not-admitted", line);
  }

  return {
    receive(invitation) {
      if (waiting >= MAX_WAITING) {
        leave("invitations-limited", "an invitation was dropped: too many are waiting");
        return;
      }
      waiting += 1;
      last = last
        .then(() => take(invitation))
        .catch((error: unknown) => log.error(`an invitation failed: ${messageOf(error)}`))
        .finally(() => (waiting -= 1));
    },
    idle: () => last,
  };
}

const WHY: Record<(InvitationDecision & { join: false })["why"], string> = {
  malformed: "it names no room, or nobody who invites",
  declined: "it declines one",
  known: "the room is in the configuration, or entered already",
  disabled: "the room's entry says enabled: false",
  off: 'autoJoin is "off"',
  foreign:
    "neither you nor the own server knows the room's service, so it could say anything; list the room in channels.xmpp.rooms to enter it",
  stranger: "dmPolicy does not admit who invites",
  "no-room": "there is no room at that address",
};
