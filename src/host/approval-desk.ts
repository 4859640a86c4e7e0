/** Requests for approval of one account: who may answer them, and how the Gateway records it, once. */
import { isApprovalNotFoundError } from "openclaw/plugin-sdk/error-runtime";
import type { ApprovalResolveResult } from "openclaw/plugin-sdk/approval-gateway-runtime";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import type { ApprovalDesk } from "../inbound/approval-answers.ts";
import {
  approvalPromptsOf,
  type Approval,
  type ApprovalKind,
  type KnownApproval,
  type Outcome,
} from "../outbound/approval-prompts.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { DECISION_OUTCOMES, type Decision } from "../policy/approval-answer.ts";
import type { BareJid } from "../protocol/jid.ts";
import { listAccountIds } from "./account.ts";
import { isApprover, isAuthorizedSender, isClientEnabled, isOwnerOfUnbound } from "./approvers.ts";

const UNKNOWN = "was answered elsewhere, has expired, or is not yours to answer";

export type AccountRef = { accountId: string; readConfig: () => OpenClawConfig };

export function createApprovalDesk({ accountId, readConfig }: AccountRef): ApprovalDesk {
  const prompts = approvalPromptsOf(accountId);
  return {
    prompts,
    isApprover: (jid, approval) => mayAnswer(readConfig(), accountId, jid, approval),
    async resolve(approval, decision, sender) {
      const { approvalId, expiresAt, isUnbound, kind } = approval;
      const cfg = readConfig();
      // Of the one who is asked last, whatever was true as they began to answer.
      if (!mayAnswer(cfg, accountId, sender, approval)) {
        throw new Error(`${sender} is no approver any more`);
      }
      // As the Gateway counts them, which knows nothing of the request here.
      const may = listAccountIds(cfg).filter((each) => mayAnswer(cfg, each, sender, { kind }));
      // What concerns no account the Gateway takes of an approver of one alone, by whichever account they were asked.
      const isOurs = isUnbound && may.length > 1 && isOwnerOfUnbound({ cfg, accountId });
      const reviewer = isOurs
        ? { clientDisplayName: `${sender} (${CHANNEL_ID}:${accountId})` }
        : { channel: CHANNEL_ID, accountId, senderId: sender, clientDisplayName: sender };
      const { resolveApprovalOverGateway } =
        await import("openclaw/plugin-sdk/approval-gateway-runtime");
      try {
        const { applied, approval: recorded } = await resolveApprovalOverGateway({
          cfg,
          approvalId,
          approvalKind: kind,
          decision,
          ...reviewer,
        });
        return { isApplied: applied, outcome: outcomeOf(recorded, applied ? sender : undefined) };
      } catch (error) {
        if (!isApprovalNotFoundError(error)) throw error;
        // It says that also of what waits, where it does not take it of them: then others may still answer.
        const isOver = 0 < expiresAt && expiresAt <= Date.now();
        return isOver
          ? { isApplied: false, outcome: { text: "was answered elsewhere, or has expired" } }
          : { isApplied: false, isOpen: true, outcome: { text: UNKNOWN } };
      }
    },
  };
}

/** Whether anything could ever wait for an answer by `sender`. */
export function mayHaveApprovals({ accountId, readConfig }: AccountRef, sender: BareJid): boolean {
  const cfg = readConfig();
  const may = (kind: ApprovalKind) => mayAnswer(cfg, accountId, sender, { kind });
  return isClientEnabled({ cfg, accountId }) && (may("exec") || may("plugin"));
}

/**
 * What waits for an answer by `sender`, the oldest first; nothing where they are no approver. `summary` holds the
 * command: show it to nobody else.
 */
export function listPendingApprovals(account: AccountRef, sender: BareJid): KnownApproval[] {
  const { isApprover: may, prompts } = createApprovalDesk(account);
  return prompts.pending(Date.now()).filter((approval) => may(sender, approval));
}

/**
 * Answers for somebody whom a server vouches for by `sender`.
 * @returns a sentence for them: recorded, too late, not theirs to answer
 * @throws where the Gateway cannot say
 */
export async function resolveApproval(
  account: AccountRef,
  sender: BareJid,
  approvalId: string,
  decision: Decision,
): Promise<string> {
  const { isApprover: may, prompts, resolve } = createApprovalDesk(account);
  const approval = prompts.get(approvalId);
  if (!approval || !may(sender, approval)) return "There is no such request for you to answer.";
  const { allowed, outcome } = approval;
  if (outcome) return `Too late: it ${outcome.text}.`;
  if (!allowed.includes(decision)) return `You can answer: ${allowed.join(", ")}.`;
  const result = await resolve(approval, decision, sender);
  if (!result.isOpen) prompts.settle(approvalId, result.outcome);
  return result.isApplied
    ? `Recorded: it ${result.outcome.text}.`
    : `Too late: it ${result.outcome.text}.`;
}

function mayAnswer(
  cfg: OpenClawConfig,
  accountId: string,
  jid: BareJid,
  { isUnbound, kind }: Pick<Approval, "isUnbound" | "kind">,
): boolean {
  const who = { cfg, accountId, senderId: jid };
  // Whom requests are forwarded to answers those; one that belongs to no account was forwarded to nobody.
  return kind === "exec" && !isUnbound ? isAuthorizedSender(who) : isApprover(who);
}

function outcomeOf(
  { status, ...recorded }: ApprovalResolveResult["approval"],
  by: BareJid | undefined,
): Outcome {
  if (status === "expired") return { text: "has expired" };
  if (status === "cancelled") return { text: "was cancelled" };
  const decision = "decision" in recorded ? recorded.decision : undefined;
  const what = decision === undefined ? status : DECISION_OUTCOMES[decision];
  return { text: `was ${what}${by === undefined ? "" : ` by ${by}`}`, decision };
}
