/**
 * Ids of what we sent lately: only for these is an error that comes back worth a line to the operator.
 * Anybody can send errors.
 */
const KEPT = 1000;

export type SentIds = { add(id: string): void; has(id: string): boolean };

export function createSentIds(): SentIds {
  const ids = new Set<string>();
  return {
    add(id) {
      ids.add(id);
      for (const oldest of ids) {
        if (ids.size <= KEPT) break;
        ids.delete(oldest);
      }
    },
    has: (id) => ids.has(id),
  };
}
