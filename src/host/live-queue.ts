/** The messages that wait for the agent, as an operator sees and clears them. */
import type { Limits } from "../policy/limits.ts";
import type { LiveAccount } from "./live-accounts.ts";

/** ms; never negative, whatever became of the clock. */
export const ageOf = (receivedAt: number): number => Math.max(0, Date.now() - receivedAt);

/** More are counted, and not listed. */
const MAX_LISTED = 500;

/** What waits, the oldest first, without taking any of it. `total` counts what is not listed as well. */
export async function peekQueue({ waiting }: LiveAccount, conversation?: string | undefined) {
  const all = await waiting.list();
  const chosen =
    conversation === undefined ? all : all.filter((each) => each.conversation === conversation);
  return {
    total: chosen.length,
    messages: chosen
      .slice(0, MAX_LISTED)
      .map(({ receivedAt, ...message }) => ({ ...message, receivedAt, ageMs: ageOf(receivedAt) })),
  };
}

/** How much waits in which conversation, and how much may. */
export async function describeQueue({ waiting, readAccount }: LiveAccount) {
  const all = await waiting.list();
  const byConversation = new Map<string, { waiting: number; oldestMs: number }>();
  for (const { conversation, receivedAt } of all) {
    const known = byConversation.get(conversation) ?? { waiting: 0, oldestMs: 0 };
    known.waiting += 1;
    known.oldestMs = Math.max(known.oldestMs, ageOf(receivedAt));
    byConversation.set(conversation, known);
  }
  const { queueSize, queueTotal, queueMaxAgeMinutes }: Limits = readAccount().limits;
  return {
    waiting: all.length,
    limits: { conversation: queueSize, account: queueTotal, maxAgeMinutes: queueMaxAgeMinutes },
    conversations: [...byConversation].map(([conversation, facts]) => ({ conversation, ...facts })),
  };
}

/**
 * Takes out what waits, all or that of one conversation: it is not answered. `kept`: how many were with the agent
 * already, and are answered.
 */
export async function clearQueue({ waiting }: LiveAccount, conversation?: string | undefined) {
  return await waiting.clear(conversation);
}
