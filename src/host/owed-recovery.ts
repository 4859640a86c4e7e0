/**
 * Answers that were ready as the Gateway died. The host resumes a turn that was under way then, and sends what it
 * had in its queue; but between the end of the agent's run and that queue, some 100 ms, an answer is in the
 * session alone. It is looked for there, and sent.
 *
 * | the session says                              | then                                                      |
 * | --------------------------------------------- | --------------------------------------------------------- |
 * | the run is under way                          | it is the host's                                          |
 * | a delivery of that answer, which the host has | it is the host's                                          |
 * | a delivery of that answer, which it has not   | the archive tells; else it is sent where it was only planned |
 * | no delivery, but the agent's last word        | it is sent: the host notes a delivery before it begins it |
 * | nothing                                       | there is none                                             |
 */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { sendDurableMessageBatch } from "openclaw/plugin-sdk/channel-outbound";
import { isSilentReplyText } from "openclaw/plugin-sdk/reply-chunking";
import {
  getSessionEntry,
  loadTranscriptEventsSync,
} from "openclaw/plugin-sdk/session-store-runtime";
import { z } from "zod";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { findEvidence } from "../outbound/evidence.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { placeInDelivery } from "../outbound/message-ids.ts";
import { isReachable, reach } from "../outbound/reach.ts";
import { withReplyFacts } from "../outbound/reply-facts.ts";
import { parseTarget } from "../outbound/target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { OwedAnswer, OwedAnswers } from "../state/owed-answers.ts";
import { findLiveAccount } from "./live-accounts.ts";

const PATIENCE_MS = 10_000;

const sessionEntry = z.object({
  sessionId: z.string(),
  status: z.string().optional(),
  pendingFinalDelivery: z
    .object({
      createdAt: z.number(),
      text: z.string().optional(),
      deliveries: z.array(z.object({ id: z.string(), state: z.string() })).default([]),
    })
    .optional(),
});

const transcriptMessage = z.object({
  message: z.object({
    role: z.string(),
    stopReason: z.string().optional(),
    content: z.union([
      z.string(),
      z.array(z.object({ type: z.string(), text: z.string().optional() })),
    ]),
    __openclaw: z.object({ transport: z.object({ messageId: z.string() }).optional() }).optional(),
  }),
});

type Found = { text: string; deliveries: { id: string; state: string }[] };

export type OwedRecovery = {
  /** @param kept the ids of the deliveries that the host had on its disk; they were tried just now */
  recover(kept: ReadonlySet<string>): Promise<void>;
};

/**
 * To be called before the host resumes anything, that is, as the account starts. Until it is known what became of
 * an answer, the next turn of its conversation waits (outbound/kept-sends.ts).
 */
export function createOwedRecovery(params: {
  accountId: string;
  owed: OwedAnswers;
  readConfig: () => OpenClawConfig;
  log: Logger;
  sessions?: { read: typeof readSession; transcript: typeof loadTranscriptEventsSync };
}): OwedRecovery {
  const { accountId, owed, readConfig, log } = params;
  const sessions = params.sessions ?? { read: readSession, transcript: loadTranscriptEventsSync };
  const waiting = new Map<OwedAnswer, Found>();

  function settle(answer: OwedAnswer): void {
    waiting.delete(answer);
    keptSends.settle(keyOf(answer));
    owed.settle(answer.messageId);
  }

  try {
    for (const answer of owed.left()) {
      const found = findAnswer(answer, sessions);
      if (!found) owed.settle(answer.messageId);
      else {
        waiting.set(answer, found);
        keptSends.keep(`${accountId} ${answer.to}`, keyOf(answer));
      }
    }
  } catch (error) {
    log.error(`answers of before the start may be lost: ${messageOf(error)}`);
  }

  async function send(answer: OwedAnswer, { text }: Found): Promise<void> {
    log.warn(`the Gateway ended before it sent an answer to ${answer.to}: it is sent now`);
    const result = await sendDurableMessageBatch({
      cfg: readConfig(),
      channel: CHANNEL_ID,
      accountId,
      to: answer.to,
      payloads: [{ text }],
      deps: withReplyFacts({ patienceMs: PATIENCE_MS, onQueued: () => settle(answer) }),
    });
    if (result.status === "failed") throw result.error;
  }

  /** Whether it has to be sent. @throws where that cannot be known now */
  async function isMissing(answer: OwedAnswer, { deliveries }: Found): Promise<boolean> {
    if (deliveries.length === 0) return true;
    const target = parseTarget(answer.to, () => false);
    if ("problem" in target) return false;
    const live = await reach(() => findLiveAccount(accountId), target, PATIENCE_MS);
    if (!live || !isReachable(live, target)) throw new Error("no connection");
    const isOurs = (id: string) => deliveries.some((one) => placeInDelivery(one.id, id));
    const { arrived, isConclusive } = await findEvidence(
      live,
      target,
      isOurs,
      new Date(answer.since),
    );
    if (arrived.size > 0) return false;
    return isConclusive || deliveries.every(({ state }) => state === "prepared");
  }

  return {
    async recover(kept) {
      for (const [answer, found] of waiting) {
        try {
          const isHosts = found.deliveries.some(({ id }) => kept.has(id));
          if (!isHosts && (await isMissing(answer, found))) await send(answer, found);
          settle(answer);
        } catch (error) {
          log.warn(`an answer to ${answer.to} waits: ${messageOf(error)}`);
        }
      }
    },
  };
}

const keyOf = ({ messageId }: OwedAnswer): string => `owed ${messageId}`;

function readSession(answer: OwedAnswer): unknown {
  const { agentId, sessionKey } = answer;
  return getSessionEntry({ agentId, sessionKey });
}

/** The answer, where the agent has given it and the host may not have begun to send it. */
function findAnswer(
  answer: OwedAnswer,
  { read, transcript }: { read: typeof readSession; transcript: typeof loadTranscriptEventsSync },
): Found | undefined {
  const entry = sessionEntry.safeParse(read(answer)).data;
  if (!entry || entry.status === "running") return undefined;
  const delivery = entry.pendingFinalDelivery;
  if (delivery && delivery.createdAt >= answer.since) {
    const { text, deliveries } = delivery;
    const isSettled = deliveries.some(
      ({ state }) => state === "delivered" || state === "suppressed",
    );
    return text && deliveries.length > 0 && !isSettled ? { text, deliveries } : undefined;
  }
  const { agentId, sessionKey } = answer;
  const events = transcript({ agentId, sessionKey, sessionId: entry.sessionId });
  const text = lastWord(events, answer.messageId);
  return text && !isSilentReplyText(text) ? { text, deliveries: [] } : undefined;
}

/** What the agent said last after that message, if that was the end of its turn. */
function lastWord(events: readonly unknown[], messageId: string): string | undefined {
  const messages = events.flatMap(
    (event) => transcriptMessage.safeParse(event).data?.message ?? [],
  );
  const asked = messages.findLastIndex(
    ({ role, __openclaw: host }) => role === "user" && host?.transport?.messageId === messageId,
  );
  if (asked < 0) return undefined;
  const since = messages.slice(asked + 1);
  const next = since.findIndex(({ role }) => role === "user");
  const last = since.slice(0, next < 0 ? undefined : next).at(-1);
  if (last?.role !== "assistant" || last.stopReason !== "stop") return undefined;
  const { content } = last;
  if (typeof content === "string") return content.trim();
  return content
    .flatMap(({ type, text }) => (type === "text" && text ? text : []))
    .join("")
    .trim();
}
