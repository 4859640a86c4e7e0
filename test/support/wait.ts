import { setTimeout as delay } from "node:timers/promises";

/** A fact that did not come true in time. */
export class WaitTimeoutError extends Error {
  override name = "WaitTimeoutError";
}

export interface WaitOptions {
  /** What is being waited for, in words; stands in the failure message. */
  readonly what: string;
  /** Milliseconds until giving up. Default 60,000. */
  readonly timeoutMs?: number;
  /** Milliseconds between two looks. Default 50. */
  readonly intervalMs?: number;
  /** Added to the failure message, e.g. the tail of a log. */
  readonly evidence?: () => string;
}

/**
 * Looks at a fact until it is there (anything but `undefined` or `false`) and returns it.
 * @throws WaitTimeoutError when it stays away. Errors of `probe` itself pass through.
 */
export async function waitFor<T>(
  probe: () => T | undefined | false | Promise<T | undefined | false>,
  options: WaitOptions,
): Promise<T> {
  const { what, timeoutMs = 60_000, intervalMs = 50, evidence } = options;
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const fact = await probe();
    if (fact !== undefined && fact !== false) return fact;
    if (performance.now() >= deadline) {
      const tail = evidence === undefined ? "" : `\n${evidence()}`;
      throw new WaitTimeoutError(`waited ${timeoutMs} ms in vain for ${what}${tail}`);
    }
    await delay(intervalMs);
  }
}
