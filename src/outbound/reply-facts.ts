/**
 * What the answer to a turn has beside its text, on its way through the host's queue to our own adapter.
 * It goes by `deps`, which the host hands through and does not write down: after a crash the text alone is
 * sent.
 */
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { DeliveryOptions } from "./deliver.ts";

export type ReplyFacts = Pick<DeliveryOptions, "thread" | "prefix" | "reply" | "quote"> & {
  patienceMs: number;
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

function isKnown(facts: unknown): facts is ReplyFacts {
  return typeof facts === "object" && facts !== null && known.has(facts);
}
