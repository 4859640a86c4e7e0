/** Whether the Gateway has stopped to take work, because it is about to stop or to restart. */
import { AsyncLocalStorage } from "node:async_hooks";
import { setTimeout as delay } from "node:timers/promises";
import { runDetachedWebhookWork } from "openclaw/plugin-sdk/webhook-request-guards";

/** The host lets no work begin either while it prepares to be suspended; it does not say so at once, ms. */
const PATIENCE_MS = 1_000;

/**
 * The host says it to whoever asks for work of their own, and to nobody else: so a piece of work that does
 * nothing is asked for. As part of other work, like a turn, it would be let in: the question is asked from
 * where this is called.
 */
export function createStoppingProbe(): () => Promise<boolean> {
  const outside = AsyncLocalStorage.snapshot();
  return async () => {
    const asked = outside(() => runDetachedWebhookWork(async () => false));
    try {
      return await Promise.race([asked, delay(PATIENCE_MS, false, { ref: false })]);
    } catch (error) {
      if (error instanceof Error && error.name === "GatewayDrainingError") return true;
      throw error;
    }
  };
}
