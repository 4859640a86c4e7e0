/**
 * The host may be unable to take a message over for a moment: its state is locked by another of its
 * processes, or it has only just started. Nothing has happened then, and what was said must not be lost.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Logger } from "../client/types.ts";
import { XmppNotSentError, XmppUnconfirmedError } from "../errors.ts";

/** ms before each further attempt; together longer than the host keeps its state locked. */
const PAUSES = [250, 500, 1_000, 2_000, 4_000, 8_000];

/**
 * Does `work` until it succeeds, a few times at most. It must reject only before it had any effect
 * but on the wire: what was written to a person is not written again.
 * @throws what the last attempt threw
 */
export async function withPatience(
  work: () => Promise<void>,
  log: Logger,
  pauses: readonly number[] = PAUSES,
): Promise<void> {
  for (const pause of pauses) {
    try {
      await work();
      return;
    } catch (error) {
      if (error instanceof XmppNotSentError || error instanceof XmppUnconfirmedError) throw error;
      log.warn(`the host did not take a message over, asking again: ${String(error)}`);
    }
    await delay(pause, undefined, { ref: false });
  }
  await work();
}
