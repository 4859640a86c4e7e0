/**
 * Answers that were ready as the Gateway died. The host resumes a turn that was under way then, and sends what it
 * had in its queue; but from the agent's last word to that queue, some 200 ms, an answer is in the session alone. It
 * is looked for there, and sent.
 *
 * | the session ends with                         | then                                                         |
 * | --------------------------------------------- | ------------------------------------------------------------ |
 * | anything but the agent's answer               | there is none, or the host resumes the turn                  |
 * | it, and a delivery of it that the host has    | it is the host's                                             |
 * | it, and a delivery of it that the host has not | the archive tells; else it is sent where it was only planned |
 * | it, and no delivery                           | it is sent: the host notes a delivery before it begins it    |
 *
 * In the first half of that time the run is not marked as over yet: the host then asks the agent to go on, who
 * has said it all.
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
  /**
   * Finds out what is owed; to be called before the host resumes anything, that is, as the account starts. Until it is
   * known what became of an answer, the next turn of its conversation waits (outbound/kept-sends.ts).
   */
  look(): void;
  /** @param kept the ids of the deliveries that the host had on its disk; they were tried just now */
  recover(kept: ReadonlySet<string>): Promise<void>;
};

export function createOwedRecovery(params: {
  accountId: string;
  owed: OwedAnswers;
  readConfig: () => OpenClawConfig;
  log: Logger;
  sessions?: Sessions;
}): OwedRecovery {
  const { accountId, owed, readConfig, log, sessions = HOST } = params;
  const waiting = new Map<OwedAnswer, Found>();

  function settle(answer: OwedAnswer): void {
    waiting.delete(answer);
    keptSends.settle(keyOf(answer));
    owed.settle(answer.messageId);
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
    look() {
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
    },
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

/** The host's. */
type Sessions = {
  read(answer: OwedAnswer): unknown;
  transcript(answer: OwedAnswer, sessionId: string): readonly unknown[];
};

const HOST: Sessions = {
  read: ({ agentId, sessionKey }) => getSessionEntry({ agentId, sessionKey }),
  transcript: ({ agentId, sessionKey }, sessionId) =>
    loadTranscriptEventsSync({ agentId, sessionKey, sessionId }),
};

/** The answer, where the agent has given it and the host may not have begun to send it. */
function findAnswer(answer: OwedAnswer, sessions: Sessions): Found | undefined {
  const entry = sessionEntry.safeParse(sessions.read(answer)).data;
  if (!entry) return undefined;
  const { pendingFinalDelivery: delivery, sessionId } = entry;
  const text = lastWord(sessions.transcript(answer, sessionId), answer.messageId);
  if (text === undefined) return undefined;
  if (delivery && delivery.createdAt >= answer.since) {
    const isSettled = delivery.deliveries.some(
      ({ state }) => state === "delivered" || state === "suppressed",
    );
    // What is not text alone cannot be had from the session.
    return delivery.text && !isSettled
      ? { text: delivery.text, deliveries: delivery.deliveries }
      : undefined;
  }
  return text && !isSilentReplyText(text) ? { text, deliveries: [] } : undefined;
}

/** What the agent said after that message, if that is the end of it all. */
function lastWord(events: readonly unknown[], messageId: string): string | undefined {
  const messages = events.flatMap(
    (event) => transcriptMessage.safeParse(event).data?.message ?? [],
  );
  const asked = messages.findLast(({ role }) => role === "user");
  const last = messages.at(-1);
  if (asked?.__openclaw?.transport?.messageId !== messageId) return undefined;
  if (last?.role !== "assistant" || last.stopReason !== "stop") return undefined;
  const { content } = last;
  const texts =
    typeof content === "string"
      ? [content]
      : content.flatMap(({ type, text }) => (type === "text" && text ? text : []));
  return texts.join("").trim();
}
