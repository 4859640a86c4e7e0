/**
 * What the answer to a turn has beside its text, on its way through the host's queue to our own adapter.
 * It goes by `deps`, which the host hands through and does not write down: after a crash the text alone is
 * sent.
 */
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { DeliveryOptions } from "./deliver.ts";
import type { DeliveryPart } from "./message-ids.ts";

export type ReplyFacts = Pick<DeliveryOptions, "thread" | "prefix" | "reply" | "quote"> & {
  patienceMs: number;
  /** The id of the growing message that it takes the place of, where somebody saw one (outbound/live-answer.ts). */
  takePreview?: () => Promise<string | undefined>;
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

const answers = new Set<string>();

/** Whether a delivery is an answer to a turn, as far as this process knows, also where it is tried again. */
export function isAnswer(
  delivery: DeliveryPart | undefined,
  facts: ReplyFacts | undefined,
): boolean {
  if (!delivery) return facts !== undefined;
  if (facts) answers.add(delivery.deliveryId);
  for (const oldest of answers) {
    if (answers.size <= KEPT) break;
    answers.delete(oldest);
  }
  return answers.has(delivery.deliveryId);
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
