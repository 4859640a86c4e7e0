/** How approvers are asked, and see what became of it: one message, corrected once it is settled (XEP-0308). */
import { randomUUID } from "node:crypto";
import {
  buildChannelApprovalExpiredText,
  createChannelApprovalNativeRuntimeAdapter,
  type PendingApprovalView,
  type ResolvedApprovalView,
} from "openclaw/plugin-sdk/approval-handler-runtime";
import { buildChannelApprovalNativeTargetKey } from "openclaw/plugin-sdk/approval-native-runtime";
import { formatExecApprovalExpiresIn } from "openclaw/plugin-sdk/approval-reply-runtime";
import { resolveTextChunkLimit } from "openclaw/plugin-sdk/reply-chunking";
import { XmppNotSentError, XmppUnconfirmedError } from "../errors.ts";
import {
  approvalPromptsOf,
  type Approval,
  type Outcome,
  type PromptMessage,
} from "../outbound/approval-prompts.ts";
import { reach } from "../outbound/reach.ts";
import { placeOfTarget } from "../outbound/recent-messages.ts";
import { formatTarget } from "../outbound/reply-target.ts";
import { encodeBody, sendMessage, sendText, toBodies } from "../outbound/send.ts";
import { parseTarget, type Target } from "../outbound/target.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import {
  DECISION_LABELS,
  DECISION_OUTCOMES,
  DECISION_SIGNS,
  DECISIONS,
  type Decision,
} from "../policy/approval-answer.ts";
import type { QuickResponse } from "../protocol/xep-0439-quick-response.ts";
import { isClientEnabled, isUnbound, shouldHandleRequest } from "./approvers.ts";
import { resolveAccount } from "./account.ts";
import { findLiveAccount } from "./live-accounts.ts";
import { roomPredicate } from "./messaging.ts";

/** How long a request waits for a connection, ms; the host then says in the conversation what to do. */
const PATIENCE_MS = 30_000;

type Cfg = Parameters<typeof resolveAccount>[0];
type Prompt = { approval: Approval; text: string; responses: QuickResponse[] };
type Prepared = { target: Target; threadId: string | number | null | undefined };
type Entry = { accountId: string; approvalId: string; message: PromptMessage };
type Final = { text: string; outcome: Outcome };

const WORDS: Record<Decision, string> = {
  "allow-once": "yes",
  "allow-always": "always",
  deny: "no",
};

export const approvalRuntime = createChannelApprovalNativeRuntimeAdapter<
  Prompt,
  Prepared,
  Entry,
  never,
  Final
>({
  eventKinds: ["exec", "plugin", "system-agent"],
  availability: { isConfigured: isClientEnabled, shouldHandle: shouldHandleRequest },
  presentation: {
    buildPendingPayload: ({ view, nowMs, ...about }) => buildPrompt(view, nowMs, isUnbound(about)),
    buildResolvedResult: ({ view }) => ({ kind: "update", payload: describeResolved(view) }),
    buildExpiredResult: ({ request, view }) => ({
      kind: "update",
      payload: {
        text: buildChannelApprovalExpiredText({ request, view }),
        outcome: { text: "has expired" },
      },
    }),
  },
  transport: {
    prepareTarget({ cfg, accountId, plannedTarget }) {
      const { to, threadId } = plannedTarget.target;
      const target = parseTarget(to, roomPredicate(cfg, accountId));
      if ("problem" in target) return null;
      const key = buildChannelApprovalNativeTargetKey({
        to: formatTarget(target),
        threadId: threadId ?? null,
      });
      return { dedupeKey: key, target: { target, threadId } };
    },
    deliverPending: async ({ cfg, accountId, preparedTarget, pendingPayload }) =>
      await ask(cfg, resolveAccount(cfg, accountId).accountId, preparedTarget, pendingPayload),
    updateEntry: async ({ cfg, entry, payload }) => await tellOutcome(cfg, entry, payload),
  },
});

async function ask(
  cfg: Cfg,
  accountId: string,
  { target, threadId }: Prepared,
  { approval, responses, text }: Prompt,
): Promise<Entry> {
  const { approvalId } = approval;
  const prompts = approvalPromptsOf(accountId);
  const place = placeOfTarget(target);
  // The host asks anew after a restart of the account; nobody needs to be told twice.
  const known = prompts.get(approvalId)?.messages.find((each) => each.place === place);
  if (known) return { accountId, approvalId, message: known };
  const outbox = await reach(() => findLiveAccount(accountId), target, PATIENCE_MS);
  if (!outbox) throw new XmppNotSentError(`XMPP account "${accountId}" is not running`);
  const thread = threadId ? { id: String(threadId), parent: undefined } : undefined;
  const bodies = toBodies(outbox, text, { textLimit: textLimitOf(cfg, accountId) });
  const messageIds = bodies.map(() => randomUUID());
  const message = { place, target, messageIds, thread };
  // Before it is sent: somebody may be quick.
  prompts.add(approval, message);
  try {
    for (const [index, body] of bodies.entries()) {
      const isLast = index === bodies.length - 1;
      const facts = { thread, ...(isLast ? { responses } : {}) };
      await sendMessage(outbox, target, encodeBody(target, messageIds[index] ?? "", body, facts));
    }
  } catch (error) {
    // What may have arrived can be answered.
    if (!(error instanceof XmppUnconfirmedError)) prompts.remove(approvalId, message);
    throw error;
  }
  return { accountId, approvalId, message };
}

async function tellOutcome(cfg: Cfg, entry: Entry, { text, outcome }: Final): Promise<void> {
  const { accountId, approvalId, message } = entry;
  approvalPromptsOf(accountId).settle(approvalId, outcome);
  const { target, thread } = message;
  const outbox = await reach(() => findLiveAccount(accountId), target, PATIENCE_MS);
  if (!outbox) return;
  const options = { textLimit: textLimitOf(cfg, accountId), thread };
  const bodies = toBodies(outbox, text, options);
  const replaceId = message.messageIds.at(-1);
  const [body] = bodies;
  if (body === undefined || bodies.length > 1) return await sendText(outbox, target, text, options);
  try {
    const id = randomUUID();
    // Some clients refer to the version that they show.
    message.messageIds.push(id);
    await sendMessage(outbox, target, encodeBody(target, id, body, { replaceId, thread }));
  } catch {
    // A room may refuse corrections; what it says all should know.
    await sendText(outbox, target, text, options);
  }
}

const textLimitOf = (cfg: Cfg, accountId: string) =>
  resolveTextChunkLimit(cfg, CHANNEL_ID, accountId, { fallbackLimit: DEFAULT_TEXT_CHUNK_LIMIT });

function buildPrompt(view: PendingApprovalView, nowMs: number, unbound: boolean): Prompt {
  const { approvalId, approvalKind: kind, expiresAtMs } = view;
  const offered = new Set(view.actions.map(({ decision }) => decision));
  const allowed = DECISIONS.filter((decision) => offered.has(decision));
  const signs = allowed.map(
    (each) => `${DECISION_SIGNS[each]} ${DECISION_LABELS[each].toLowerCase()}`,
  );
  const words = allowed.map((each) => `"${WORDS[each]}"`);
  const summary = summaryOf(view);
  // What plugins offer besides decisions is a command of theirs.
  const others = view.actions.filter((action) => action.kind === "command");
  const command =
    kind === "system-agent" ? [] : [`Or send: /approve ${approvalId} ${allowed.join("|")}`];
  const parts = [
    [`**${view.title}**`, warningOf(view)],
    [asBlock(summary)],
    view.metadata.map(({ label, value }) => `${label}: ${value}`),
    [
      `React with ${signs.join(", ")}; or reply to this message with ${words.join(", ")}.`,
      ...command,
      ...others.map((action) => `${action.label}: ${action.command}`),
      `Expires in ${formatExecApprovalExpiresIn(expiresAtMs, nowMs)}.`,
    ],
  ];
  const text = parts
    .map((lines) => lines.filter(Boolean).join("\n"))
    .filter(Boolean)
    .join("\n\n");
  const about = { approvalId, kind, allowed, summary, expiresAt: expiresAtMs };
  const approval = { ...about, isUnbound: unbound };
  const responses = allowed.map((decision) => ({
    value: `/approve ${approvalId} ${decision}`,
    label: DECISION_LABELS[decision],
  }));
  return { approval, text, responses };
}

const summaryOf = (view: PendingApprovalView | ResolvedApprovalView): string =>
  view.approvalKind === "plugin" ? (view.description ?? view.title) : view.commandText;

const warningOf = (view: PendingApprovalView): string =>
  view.approvalKind === "exec" ? (view.warningText?.trim() ?? "") : "";

/** So that nothing in it looks like words of ours. */
function asBlock(text: string): string {
  if (!text.includes("```")) return `\`\`\`\n${text}\n\`\`\``;
  return text
    .split("\n")
    .map((line) => `> ${line}`)
    .join("\n");
}

function describeResolved(view: ResolvedApprovalView): Final {
  const isSystem = view.approvalKind === "system-agent";
  const ended = isSystem ? view.terminalStatus : undefined;
  const who = ended === undefined && view.resolvedBy ? ` by ${view.resolvedBy}` : "";
  const what = ended ?? `${DECISION_OUTCOMES[view.decision]}${who}`;
  const applied = isSystem && view.applicationStatus === "not-applied" ? ", but not applied" : "";
  const sign = ended !== undefined || view.decision === "deny" ? "❌" : "✅";
  const text = `${sign} ${view.title}: ${what}${applied}\n\n${asBlock(summaryOf(view))}`;
  return {
    text,
    outcome: {
      text: ended === "expired" ? "has expired" : `was ${what}`,
      decision: ended ? undefined : view.decision,
    },
  };
}
