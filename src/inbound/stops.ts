/**
 * What was said before somebody said stop does not begin after it: stop overtakes what waits. The host
 * skips it as well, by its time; but not in a session that does not exist yet, nor where the turn that runs can
 * no longer be stopped, and it counts nothing.
 */
import type { MessageQueue } from "./ingress-queue.ts";

export type Stops = {
  /** What waits in the conversation of this stop, and came before it, is not to begin any more. */
  stop(eventId: string): Promise<void>;
  /** Whether a stop came after that message. */
  has(eventId: string): boolean;
};

const SUFFIX = " stop";

/** Where the stops of a lane go: who calls stop does not queue behind what is to be stopped. */
export const stopLane = (lane: string) => `${lane}${SUFFIX}`;

export function createStops(queue: Pick<MessageQueue, "listClaims" | "listPending">): Stops {
  const stopped = new Set<string>();
  return {
    has: (eventId) => stopped.has(eventId),
    async stop(eventId) {
      const [claims, pending] = await Promise.all([
        queue.listClaims(),
        queue.listPending({ limit: "all" }),
      ]);
      const own = claims.find(({ id }) => id === eventId);
      const waiting = [...claims, ...pending];
      const known = new Set(waiting.map(({ id }) => id));
      for (const id of stopped) if (!known.has(id)) stopped.delete(id);
      for (const { id, laneKey, receivedAt } of waiting) {
        const isBefore =
          own && laneKey !== undefined && stopLane(laneKey) === own.laneKey
            ? receivedAt < own.receivedAt
            : false;
        if (isBefore) stopped.add(id);
      }
    },
  };
}
