/**
 * An answer may be ready while the connection is down or the account is being restarted: it waits
 * until its destination can be reached, within bounds, and goes out over whatever session is then live.
 */
import type { Outbox } from "./send.ts";
import type { Target } from "./target.ts";

const LOOK_EVERY_MS = 100;

/** Finds the account's live outbox; undefined while there is none. */
export type FindOutbox = () => Outbox | undefined;

/**
 * @returns the outbox once `target` can be reached, or as it stands after `timeoutMs`: sending then
 *   says what is wrong; undefined when the account does not run at all
 */
export async function reach(
  find: FindOutbox,
  target: Target,
  timeoutMs: number,
): Promise<Outbox | undefined> {
  const deadline = performance.now() + timeoutMs;
  for (;;) {
    const outbox = find();
    const isOver = outbox?.session.state.kind === "refused" || performance.now() >= deadline;
    if (isOver || (outbox && isReachable(outbox, target))) return outbox;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

function isReachable({ session, rooms }: Outbox, target: Target): boolean {
  if (session.state.kind !== "online") return false;
  if (target.kind === "direct") return true;
  const state = rooms.get(target.room)?.state;
  // What will not change by waiting is for the send to report.
  return state === undefined || state === "joined" || state === "refused";
}
