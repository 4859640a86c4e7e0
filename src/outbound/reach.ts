/**
 * An answer may be ready while the connection is down or the account is being restarted: it waits
 * until its destination can be reached, within bounds, and goes out over whatever session is then live.
 */
import type { Outbox } from "./send.ts";
import type { Target } from "./target.ts";

const LOOK_EVERY_MS = 100;
/** How long for an account that does not run: a restart takes no longer, and it may be switched off. */
const LONGEST_ABSENCE_MS = 10_000;

/** Finds the account's live outbox; undefined while there is none. */
export type FindOutbox = () => Outbox | undefined;

/**
 * @returns the outbox once `target` can be reached, or as it stands after `timeoutMs`: sending then
 *   says what is wrong; undefined when the account does not run at all
 * @throws the reason of `signal`
 */
export async function reach(
  find: FindOutbox,
  target: Target,
  timeoutMs: number,
  signal?: AbortSignal,
): Promise<Outbox | undefined> {
  const started = performance.now();
  let lastSeen = started;
  for (;;) {
    signal?.throwIfAborted();
    const outbox = find();
    const now = performance.now();
    if (outbox) lastSeen = now;
    const isGone = !outbox && now - lastSeen >= LONGEST_ABSENCE_MS;
    const isOver = isGone || outbox?.session.state.kind === "refused" || now - started >= timeoutMs;
    if (isOver || (outbox && isReachable(outbox, target))) return outbox;
    await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS));
  }
}

/** Whether a message to `target` could leave now, or would be refused for good. */
export function isReachable({ session, rooms }: Outbox, target: Target): boolean {
  if (session.state.kind !== "online") return false;
  if (target.kind === "direct") return true;
  const state = rooms.get(target.room)?.state;
  // What will not change by waiting is for the send to report.
  return state === undefined || state === "joined" || state === "refused";
}
