/**
 * What the answer to a turn has beside its text, on its way through the host's queue to our own adapter.
 * It goes by `deps`, which the host hands through and does not write down. Where it tries again, also after a crash,
 * it is what was noted at the first attempt.
 */
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { AnswerFacts, AnswerFactsStore } from "../state/answer-facts.ts";
import type { DeliveryPart } from "./message-ids.ts";

export type ReplyFacts = AnswerFacts & {
  patienceMs: number;
  /** The id of the growing message that it takes the place of, where somebody saw one (outbound/live-answer.ts). */
  takePreview?: () => Promise<string | undefined>;
  /** As in `DeliveryOptions`. */
  clearReplaced?: () => void;
  /** The host has it on its disk, and is about to send it. */
  onQueued?: () => void;
};

const known = new WeakSet<object>();

export function withReplyFacts(facts: ReplyFacts): Record<string, unknown> {
  known.add(facts);
  return { [CHANNEL_ID]: facts };
}

/** undefined where the message is no answer of this process to a turn. */
export function readReplyFacts(
  deps: Readonly<Record<string, unknown>> | undefined,
): ReplyFacts | undefined {
  const facts = deps?.[CHANNEL_ID];
  return isKnown(facts) ? facts : undefined;
}

const KEPT = 1_000;
/** By the id of the delivery: where the host tries one again, it comes without its facts. */
const replaced = new Map<string, string>();

/** What the disk may not take is known as long as the process lives. */
const noted = new Map<string, AnswerFacts>();

/**
 * What the answer to a turn has beside its text, also where the host tries it again, and after a crash; undefined where
 * the delivery is no answer.
 */
export function recallFacts(
  delivery: DeliveryPart | undefined,
  facts: ReplyFacts | undefined,
  store: AnswerFactsStore | undefined,
): AnswerFacts | undefined {
  if (!delivery) return facts;
  const { deliveryId } = delivery;
  if (!facts) return noted.get(deliveryId) ?? store?.find(deliveryId);
  const { thread, prefix, reply, quote } = facts;
  const all = { thread, prefix, reply, quote };
  noted.set(deliveryId, all);
  for (const oldest of noted.keys()) {
    if (noted.size <= KEPT) break;
    noted.delete(oldest);
  }
  store?.note(deliveryId, all);
  return all;
}

/** The last part is sent. */
export function forgetFacts(
  delivery: DeliveryPart | undefined,
  store: AnswerFactsStore | undefined,
): void {
  if (!delivery || delivery.part < delivery.parts - 1) return;
  noted.delete(delivery.deliveryId);
  store?.settle(delivery.deliveryId);
}

/** Which message the delivery of an answer replaces, as far as this process knows. */
export async function replacedBy(
  delivery: DeliveryPart | undefined,
  facts: ReplyFacts | undefined,
): Promise<string | undefined> {
  if (delivery && delivery.part > 0) return undefined;
  const taken = await facts?.takePreview?.();
  if (!delivery) return taken;
  if (taken !== undefined) replaced.set(delivery.deliveryId, taken);
  for (const oldest of replaced.keys()) {
    if (replaced.size <= KEPT) break;
    replaced.delete(oldest);
  }
  return replaced.get(delivery.deliveryId);
}

/** It is sent. */
export function forgetReplaced(delivery: DeliveryPart | undefined): void {
  if (delivery) replaced.delete(delivery.deliveryId);
}

function isKnown(facts: unknown): facts is ReplyFacts {
  return typeof facts === "object" && facts !== null && known.has(facts);
}
