/**
 * The messages of ours that ask for an approval, and what became of each request. In memory: after a restart the host
 * asks anew for what is still open. They outlive a restart of the account alone, or an answer just then would be lost.
 */
import type { Decision } from "../policy/approval-answer.ts";
import type { Place } from "./recent-messages.ts";
import type { Target } from "./target.ts";

/** The oldest go; who answers one of those is not understood any more. */
const KEPT = 500;

export type ApprovalKind = "exec" | "plugin" | "system-agent";

export type PromptMessage = {
  place: Place;
  target: Target;
  /** Ids of the messages that it took, and of what corrects them; in a room these are not what the room calls them. */
  messageIds: string[];
  thread?: { id: string; parent: undefined } | undefined;
};

export type Approval = {
  approvalId: string;
  kind: ApprovalKind;
  /** What may be answered. */
  allowed: readonly Decision[];
  /** What is to be allowed, for people to read; holds the command. Never log. */
  summary: string;
  /** ms since the epoch */
  expiresAt: number;
  /** Nothing says which account it concerns, but that this one was chosen to ask. */
  isUnbound?: boolean;
};

/** What became of it: a few words to go on with after "it …". */
export type Outcome = { text: string; decision?: Decision | undefined };

export type KnownApproval = Approval & {
  messages: readonly PromptMessage[];
  outcome: Outcome | undefined;
};

export type ApprovalPrompts = {
  add(approval: Approval, message: PromptMessage): void;
  /** A message of the host's own that asks for it. Who reads that knows more of the request than is known here. */
  addForwarded(
    approval: Pick<Approval, "approvalId" | "kind" | "allowed">,
    message: PromptMessage,
  ): void;
  /** The message did not leave, so that the host may have it sent again. It can be answered otherwise all the same. */
  remove(approvalId: string, message: PromptMessage): void;
  get(approvalId: string): KnownApproval | undefined;
  /** By a message that asks for it. `nameOf` tells what a room calls a message of ours (XEP-0359). */
  find(place: Place, isCalled: (messageId: string) => boolean): KnownApproval | undefined;
  /** The first outcome stays. */
  settle(approvalId: string, outcome: Outcome): void;
  /** Those that wait for an answer, the oldest first, without what only the host has asked for. */
  pending(now: number): KnownApproval[];
};

const accounts = new Map<string, ApprovalPrompts>();

/** Those of an account of this process. */
export function approvalPromptsOf(accountId: string): ApprovalPrompts {
  const known = accounts.get(accountId) ?? createApprovalPrompts();
  accounts.set(accountId, known);
  return known;
}

export function createApprovalPrompts(): ApprovalPrompts {
  type Entry = Approval & { messages: PromptMessage[]; outcome: Outcome | undefined };
  const approvals = new Map<string, Entry>();

  function add(approval: Approval, message: PromptMessage): void {
    const { approvalId, expiresAt } = approval;
    const entry = approvals.get(approvalId) ?? { ...approval, messages: [], outcome: undefined };
    if (expiresAt > entry.expiresAt) Object.assign(entry, approval);
    entry.messages.push(message);
    approvals.set(approvalId, entry);
    for (const oldest of approvals.keys()) {
      if (approvals.size <= KEPT) break;
      approvals.delete(oldest);
    }
  }

  return {
    add,
    addForwarded: (approval, message) => add({ ...approval, summary: "", expiresAt: 0 }, message),
    remove(approvalId, message) {
      const entry = approvals.get(approvalId);
      if (entry) entry.messages = entry.messages.filter((each) => each !== message);
    },
    get: (approvalId) => approvals.get(approvalId),
    find(place, isCalled) {
      for (const approval of approvals.values()) {
        const isHere = approval.messages.some(
          (message) => message.place === place && message.messageIds.some(isCalled),
        );
        if (isHere) return approval;
      }
      return undefined;
    },
    settle(approvalId, outcome) {
      const entry = approvals.get(approvalId);
      if (entry) entry.outcome ??= outcome;
    },
    pending: (now) =>
      [...approvals.values()].filter(
        ({ outcome, expiresAt }) => outcome === undefined && expiresAt > now,
      ),
  };
}
