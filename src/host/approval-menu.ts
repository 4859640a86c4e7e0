/**
 * Requests for approval in the menu of ad-hoc commands (XEP-0050): one form, of what waits and what may be answered. For
 * approvers alone, as a server vouches for them; whether they may talk to the agent counts as little as for a reaction.
 */
import { NODE_PREFIX, type AdHocCommand, type AdHocOutcome } from "../client/adhoc-commands.ts";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import type { KnownApproval } from "../outbound/approval-prompts.ts";
import { DECISION_LABELS, DECISIONS } from "../policy/approval-answer.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { FormQuestions } from "../protocol/xep-0004-forms.ts";
import {
  listPendingApprovals,
  mayHaveApprovals,
  resolveApproval,
  type AccountRef,
} from "./approval-desk.ts";

const REQUEST = "request";
const DECISION = "decision";
/** What one form shows; whatever is beyond has its own message. */
const MAX_REQUESTS = 20;
const MAX_LABEL = 500;

/**
 * What `sender`, a bare JID that a server vouches for, finds of approvals in the menu.
 * @returns one command; none for whom is no approver
 */
export function approvalItems(account: AccountRef, sender: BareJid, log: Logger): AdHocCommand[] {
  if (!mayHaveApprovals(account, sender)) return [];
  const pending = listPendingApprovals(account, sender).slice(0, MAX_REQUESTS);
  const item: AdHocCommand = {
    node: `${NODE_PREFIX}approvals`,
    name: "Approvals: requests that wait for your answer",
    ...(pending.length === 0 ? {} : { questions: questionsOf(pending) }),
    run: async (values) => await answer(account, sender, values, log),
  };
  return [item];
}

function questionsOf(pending: readonly KnownApproval[]): FormQuestions {
  const offered = new Set(pending.flatMap(({ allowed }) => allowed));
  return {
    title: "Approvals",
    instructions: "Each request is also a message, which says where it is to run.",
    fields: [
      {
        name: REQUEST,
        label: "Request",
        type: "list-single",
        isRequired: true,
        options: pending.map(({ approvalId, summary }) => ({
          value: approvalId,
          label: labelOf(summary),
        })),
      },
      {
        name: DECISION,
        label: "Answer",
        type: "list-single",
        isRequired: true,
        // Many clients choose the first one by themselves: that had better allow nothing.
        options: DECISIONS.filter((decision) => offered.has(decision))
          .toReversed()
          .map((decision) => ({ value: decision, label: DECISION_LABELS[decision] })),
      },
    ],
  };
}

/** One line in which nothing is hidden: an attribute would show a line's end as a blank, after a "#" for instance. */
function labelOf(summary: string): string {
  const line = summary
    .trim()
    .replaceAll(/\r\n|[\r\n\p{Zl}\p{Zp}]/gu, " ⏎ ")
    .replaceAll(/[\p{Cc}\p{Cf}]/gu, (char) => `\\u{${char.codePointAt(0)?.toString(16)}}`);
  return line.length <= MAX_LABEL
    ? line
    : `${line.slice(0, MAX_LABEL)}… (cut: read its message before you answer)`;
}

/** @throws Error in words for the approver */
async function answer(
  account: AccountRef,
  sender: BareJid,
  values: ReadonlyMap<string, string>,
  log: Logger,
): Promise<AdHocOutcome> {
  const approvalId = values.get(REQUEST);
  if (approvalId === undefined) return told("Nothing waits for you.");
  const decision = DECISIONS.find((each) => each === values.get(DECISION));
  if (!decision) throw new Error(`The answer is none of ${DECISIONS.join(", ")}.`);
  try {
    const sentence = await resolveApproval(account, sender, approvalId, decision);
    log.info(`${sender} answered an approval by menu, ${decision}: ${sentence}`);
    return told(sentence);
  } catch (error) {
    log.warn(`an answer to an approval was not recorded: ${messageOf(error)}`);
    throw new Error("Your answer could not be recorded. Try again, or use the Control UI.", {
      cause: error,
    });
  }
}

const told = (text: string): AdHocOutcome => ({ note: { type: "info", text } });
