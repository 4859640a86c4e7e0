/**
 * Answers that were ready as the Gateway died. The host resumes a turn that was under way then, and sends what it
 * had in its queue; but from the agent's last word to that queue, some 200 ms, an answer is in the session alone. It
 * is looked for there, and sent.
 *
 * | the session ends with                          | then                                                         |
 * | ---------------------------------------------- | ------------------------------------------------------------ |
 * | anything but the agent's answer                | there is none, or the host resumes the turn                  |
 * | it, and a delivery of it that the host has     | it is the host's                                             |
 * | it, and a delivery of it that the host has not | the archive tells; else it is sent where it was only planned |
 * | it, and no delivery                            | it is sent, unless the archive has it: the host notes a delivery before it begins it, and clears it after |
 *
 * In the first half of that time the run is not marked as over yet: the host then asks the agent to go on, who
 * has said it all.
 */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { sendDurableMessageBatch } from "openclaw/plugin-sdk/channel-outbound";
import { isSilentReplyPayloadText } from "openclaw/plugin-sdk/reply-chunking";
import {
  getSessionEntry,
  loadTranscriptEventsSync,
} from "openclaw/plugin-sdk/session-store-runtime";
import { sanitizeAssistantVisibleText } from "openclaw/plugin-sdk/text-chunking";
import { z } from "zod";
import type { Logger } from "../client/types.ts";
import { messageOf } from "../errors.ts";
import { isSendDenied } from "../inbound/send-policy.ts";
import { findEvidence, hasSaid } from "../outbound/evidence.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { placeInDelivery } from "../outbound/message-ids.ts";
import { isReachable, reach } from "../outbound/reach.ts";
import { withReplyFacts } from "../outbound/reply-facts.ts";
import { parseTarget } from "../outbound/target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { OwedAnswer, OwedAnswers } from "../state/owed-answers.ts";
import { findLiveAccount } from "./live-accounts.ts";

const PATIENCE_MS = 10_000;

const deliverySchema = z.object({
  createdAt: z.number(),
  text: z.string().optional(),
  deliveries: z.array(z.object({ id: z.string(), state: z.string() })).default([]),
});

const sessionSchema = z.object({
  sessionId: z.string(),
  status: z.string().optional(),
  pendingFinalDelivery: deliverySchema.optional(),
});

const eventSchema = z.object({ message: z.object({ role: z.string() }) });

const userSchema = z.object({
  /** When it was said, ms since the epoch. */
  timestamp: z.number().optional().catch(undefined),
  __openclaw: z
    .object({
      transport: z
        .object({ messageId: z.string(), conversationRef: z.string().optional().catch(undefined) })
        .optional(),
    })
    .optional(),
});

const answerSchema = z.object({
  stopReason: z.literal("stop"),
  timestamp: z.number().optional().catch(undefined),
  /** What the host itself writes there, a copy of what was said by a tool for one, is its own. */
  provider: z
    .string()
    .refine((provider) => provider !== "openclaw")
    .optional(),
  content: z.union([
    z.string(),
    z.array(
      z.object({
        type: z.string(),
        text: z.string().optional(),
        textSignature: z.unknown().optional(),
      }),
    ),
  ]),
});

type Question = z.infer<typeof userSchema>;
type Answer = z.infer<typeof answerSchema>;
type Delivery = z.infer<typeof deliverySchema>;
type Found = {
  text: string;
  deliveries: Delivery["deliveries"];
  /** Answers to others that were given after this message was said. */
  others: string[];
};

export type OwedRecovery = {
  /**
   * Finds out what is owed; to be called before the host resumes anything, that is, as the account starts. Until it is
   * known what became of an answer, the next turn of its conversation waits (outbound/kept-sends.ts).
   */
  look(): void;
  /** Such a turn waits from now on, again. */
  hold(): void;
  /**
   * @param kept the ids of the deliveries that the host had on its disk since `look`
   * @returns whether anything is still owed
   */
  recover(kept: ReadonlySet<string>): Promise<boolean>;
  stop(): void;
};

/** The host's. */
type Sessions = {
  read(answer: OwedAnswer): unknown;
  transcript(answer: OwedAnswer, sessionId: string): readonly unknown[];
  isDenied(answer: OwedAnswer, cfg: OpenClawConfig): boolean;
};

const HOST: Sessions = {
  read: ({ agentId, sessionKey }) => getSessionEntry({ agentId, sessionKey }),
  transcript: ({ agentId, sessionKey }, sessionId) =>
    loadTranscriptEventsSync({ agentId, sessionKey, sessionId }),
  isDenied: (answer, cfg) => isSendDenied(cfg, answer),
};

/** Of all accounts: one may be restarted while an answer of it is being sent. */
const underWay = new Set<string>();

/** @param readLongest how old an answer may be, ms */
export function createOwedRecovery(params: {
  accountId: string;
  owed: OwedAnswers;
  readConfig: () => OpenClawConfig;
  readLongest: () => number;
  log: Logger;
  now: () => number;
  sessions?: Sessions;
}): OwedRecovery {
  const { accountId, owed, readConfig, readLongest, log, now, sessions = HOST } = params;
  const waiting = new Map<OwedAnswer, Found>();
  /** Why they wait, as it was logged. */
  const reasons = new Map<OwedAnswer, string>();
  let isStopped = false;

  const keyOf = ({ to, messageId }: OwedAnswer): string =>
    JSON.stringify(["owed", accountId, to, messageId]);

  function settle(answer: OwedAnswer): void {
    waiting.delete(answer);
    keptSends.settle(keyOf(answer));
    owed.settle(answer);
  }

  function find(answer: OwedAnswer): Found | undefined {
    try {
      const found = findAnswer(answer, sessions);
      if (!found || sessions.isDenied(answer, readConfig())) return undefined;
      if (now() - answer.since <= readLongest()) return found;
      log.warn(`an answer to ${answer.to} is too old, and is not sent any more`);
    } catch (error) {
      log.error(`an answer to ${answer.to} may be lost: ${messageOf(error)}`);
    }
    return undefined;
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
    if (result.status === "failed" && waiting.has(answer)) throw result.error;
  }

  /** Whether it has to be sent. @throws where that cannot be known now */
  async function isMissing(
    answer: OwedAnswer,
    { text, deliveries, others }: Found,
  ): Promise<boolean> {
    const target = parseTarget(answer.to, () => false);
    if ("problem" in target) return false;
    const live = await reach(() => findLiveAccount(accountId), target, PATIENCE_MS);
    if (!live || !isReachable(live, target)) throw new Error("no connection");
    if (deliveries.length === 0) {
      return !(await hasSaid(live, target, archiveId(answer.messageId), text, others));
    }
    const { arrived, isConclusive } = await findEvidence(
      live,
      target,
      (id) => deliveries.some((one) => placeInDelivery(one.id, id)),
      new Date(answer.since),
    );
    if (arrived.size > 0 || isOver(deliveryOf(answer, sessions), deliveries)) return false;
    return isConclusive || deliveries.every(({ state }) => state === "prepared");
  }

  async function recoverOne(answer: OwedAnswer, found: Found, kept: ReadonlySet<string>) {
    const key = keyOf(answer);
    if (underWay.has(key)) return;
    underWay.add(key);
    try {
      const isHosts = found.deliveries.some(({ id }) => kept.has(id)) || !owed.has(answer);
      const hasToGo = !isHosts && (await isMissing(answer, found));
      if (isStopped) return;
      if (hasToGo) await send(answer, found);
      settle(answer);
    } catch (error) {
      // It is tried every few seconds, and an archive may be unable to tell for hours.
      const reason = messageOf(error);
      if (reasons.get(answer) !== reason) log.warn(`an answer to ${answer.to} waits: ${reason}`);
      reasons.set(answer, reason);
    } finally {
      underWay.delete(key);
    }
  }

  function hold(): void {
    for (const answer of waiting.keys()) keptSends.keep(`${accountId} ${answer.to}`, keyOf(answer));
  }

  return {
    look() {
      // Of several messages that were added to one turn the last one stands for it.
      const last = new Map(owed.left().map((answer) => [answer.sessionKey, answer]));
      for (const answer of owed.left()) {
        const found = last.get(answer.sessionKey)?.messageId === answer.messageId && find(answer);
        if (found) waiting.set(answer, found);
        else owed.settle(answer);
      }
      hold();
    },
    hold,
    async recover(kept) {
      await Promise.all([...waiting].map(async (one) => await recoverOne(...one, kept)));
      return waiting.size > 0;
    },
    stop: () => void (isStopped = true),
  };
}

/** Its id in the archive; a message that the host was given again has another one (see ingress.ts). */
const archiveId = (messageId: string): string => messageId.replace(/(?:~|\+\d+)+$/u, "");

const deliveryOf = (answer: OwedAnswer, { read }: Sessions): Delivery | undefined =>
  sessionSchema.safeParse(read(answer)).data?.pendingFinalDelivery;

/** Whether those deliveries were settled by now. */
function isOver(delivery: Delivery | undefined, deliveries: Delivery["deliveries"]): boolean {
  const now = delivery?.deliveries.filter(({ id }) => deliveries.some((one) => one.id === id));
  return (now ?? []).some(({ state }) => state === "delivered" || state === "suppressed");
}

/** The answer, where the agent has given it and the host may not have begun to send it. */
function findAnswer(answer: OwedAnswer, { read, transcript }: Sessions): Found | undefined {
  const entry = sessionSchema.safeParse(read(answer)).data;
  if (!entry) return undefined;
  const { pendingFinalDelivery: delivery, sessionId, status } = entry;
  const found = lastWord(transcript(answer, sessionId), answer.messageId);
  if (!found || isSilentReplyPayloadText(found.text)) return undefined;
  if (delivery && isOf(delivery, answer, found.text)) {
    // What is not text alone cannot be had from the session; and what it has noted the host resumes by itself.
    const isHosts = status === "running" || isOver(delivery, delivery.deliveries);
    const { text: planned, deliveries } = delivery;
    return planned && !isHosts ? { ...found, text: planned, deliveries } : undefined;
  }
  return { ...found, deliveries: [] };
}

/** Whether it was planned for that answer: after the message was taken over, or by a clock that was put back since. */
const isOf = (delivery: Delivery, { since }: OwedAnswer, text: string): boolean =>
  delivery.createdAt >= since || (delivery.text === text && !isOver(delivery, delivery.deliveries));

/** What the agent said last, if that is the end of it all, and answers that message, alone or with others. */
function lastWord(
  events: readonly unknown[],
  messageId: string,
): Pick<Found, "text" | "others"> | undefined {
  // There are others than messages.
  const messages = events
    .filter((event) => eventSchema.safeParse(event).success)
    .map((event) => (event as { message: object }).message);
  const asked = messages.findLastIndex(
    (message) => transportOf(questionOf(message))?.messageId === messageId,
  );
  const [last, ...between] = messages.slice(asked + 1).toReversed();
  if (asked < 0 || between.some(answerOf)) return undefined;
  const text = last && visible(answerOf(last)?.content);
  if (text === undefined) return undefined;
  const question = messages[asked] && questionOf(messages[asked]);
  const since = question?.timestamp;
  // People may share a session: who else was answered is not in the archive of this conversation.
  let isHere = false;
  const others = messages.slice(0, asked).flatMap((message) => {
    const before = questionOf(message);
    if (before) {
      isHere = transportOf(before)?.conversationRef === transportOf(question)?.conversationRef;
    }
    const { timestamp, content } = (isHere && answerOf(message)) || {};
    const isLater = since !== undefined && timestamp !== undefined && timestamp >= since;
    return (isLater && visible(content)) || [];
  });
  return { text, others };
}

const questionOf = (message: object): Question | undefined =>
  roleOf(message) === "user" ? userSchema.safeParse(message).data : undefined;

const transportOf = (question: Question | undefined) => question?.__openclaw?.transport;

const answerOf = (message: object): Answer | undefined =>
  roleOf(message) === "assistant" ? answerSchema.safeParse(message).data : undefined;

const roleOf = (message: object): unknown => "role" in message && message.role;

function visible(content: Answer["content"] = ""): string | undefined {
  const texts =
    typeof content === "string"
      ? [content]
      : content.flatMap(({ type, text, textSignature }) =>
          type === "text" && text && !isCommentary(textSignature) ? text : [],
        );
  return sanitizeAssistantVisibleText(texts.join("\n")).trim() || undefined;
}

/** What the agent thinks aloud is marked so: as an object, or as JSON. */
const isCommentary = (signature: unknown): boolean =>
  /"phase":\s*"commentary"/u.test(
    typeof signature === "string" ? signature : JSON.stringify(signature ?? null),
  );
