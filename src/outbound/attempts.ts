/**
 * One message until its fate is known, over however many connections that takes.
 *
 * A message that nobody confirmed is sent again, under the same id, only once it is known that the first
 * one did not arrive: the server said what it had got (XEP-0198 §5), or an archive does not have it.
 */
import {
  XmppConnectionError,
  XmppNotSentError,
  XmppStanzaError,
  XmppUnconfirmedError,
} from "../errors.ts";
import type { Limits } from "../policy/limits.ts";
import type { Departures } from "./departures.ts";
import { findEvidence } from "./evidence.ts";
import { reach, type FindOutbox } from "./reach.ts";
import { sendMessage, type encodeBody, type Outbox } from "./send.ts";
import type { Target } from "./target.ts";

/** The way out of an account, whatever session it has at the moment. */
export type Road = { find: FindOutbox; departures: Departures; limits: Limits };

/** Ends of the connection that a message may cause; after so many it is given up. */
const MOST_ENDS = 3;
const CAUSED_BY_STANZAS = new Set([
  "policy-violation",
  "not-well-formed",
  "bad-format",
  "invalid-xml",
  "improper-addressing",
  "invalid-namespace",
  "unsupported-stanza-type",
]);
/** Attempts at one message, whatever ends them. */
const MOST_ATTEMPTS = 10;
/** How long the truth about a message that was under way may take, ms, where less patience is left. */
const LEAST_TRUTH_MS = 60_000;

/** However often a delivery has to wait, all of it together is bounded; the time that sending takes is not. */
export type Patience = { ms: number; leftMs: number };

export type AttemptOptions = {
  patience: Patience;
  signal?: AbortSignal | undefined;
  /** Awaited before each attempt is handed to the server. */
  beforeSend?: (() => Promise<void> | void) | undefined;
};

export function spend(patience: Patience, since: number): void {
  patience.leftMs = Math.max(0, patience.leftMs - (performance.now() - since));
}

/**
 * Sends one message until its fate is known.
 * @throws as `sendMessage`; the reason of `signal` while it waits for a connection
 */
export async function sendOnce(
  road: Road,
  target: Target,
  id: string,
  { patience, signal, beforeSend }: AttemptOptions,
  encode: () => ReturnType<typeof encodeBody>,
): Promise<void> {
  const since = new Date();
  let ends = 0;
  for (let attempt = 1; ; attempt += 1) {
    const outbox = await live(road, target, patience, signal);
    try {
      return await sendMessage(outbox, target, encode(), beforeSend);
    } catch (error) {
      const isAbsent = error instanceof XmppNotSentError && error.isOffline;
      if (!isAbsent && !(error instanceof XmppUnconfirmedError)) throw error;
      if (!isAbsent && (await hasArrived(road, target, id, since, error, { patience, signal })))
        return;
      if (isCausedByStanza(error.cause)) ends += 1;
      if (ends >= MOST_ENDS || attempt >= MOST_ATTEMPTS) throw givenUp(error, ends);
    }
  }
}

/**
 * @returns whether the message that `lost` is about is in the archive after all
 * @throws `lost` when nobody knows, or nobody wants to any more
 */
async function hasArrived(
  road: Road,
  target: Target,
  id: string,
  since: Date,
  lost: Error,
  { patience, signal }: AttemptOptions,
): Promise<boolean> {
  const deadline = performance.now() + Math.max(patience.leftMs, LEAST_TRUTH_MS);
  for (let pauseMs = ASK_AGAIN_MS; ;) {
    const left = deadline - performance.now();
    const asked = performance.now();
    // Called off meanwhile: the fate of what was written is as unknown as before.
    const outbox = await reach(road.find, target, Math.max(0, left), signal).catch(() => undefined);
    spend(patience, asked);
    if (!outbox || left <= 0) throw lost;
    try {
      const evidence = await findEvidence(outbox, target, (each) => each === id, since);
      if (evidence.arrived.has(id)) return true;
      if (evidence.isConclusive) return false;
      throw lost;
    } catch (error) {
      // The connection went again before the archive had answered, or it cannot tell now.
      const isTooEarly = error instanceof XmppStanzaError;
      const isAskedAgain =
        error instanceof XmppConnectionError || error instanceof XmppNotSentError || isTooEarly;
      if (!isAskedAgain || outbox.session.state.kind === "refused") throw lost;
      await new Promise((resolve) => setTimeout(resolve, pauseMs));
      if (isTooEarly) pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
    }
  }
}

const ASK_AGAIN_MS = 1_000;
/** Between two questions to an archive that says "wait", ms. */
const LONGEST_PAUSE_MS = 20_000;

function isCausedByStanza(cause: unknown): boolean {
  return cause instanceof XmppConnectionError && CAUSED_BY_STANZAS.has(cause.condition);
}

/** It is known not to have arrived, and not tried again. */
function givenUp(error: Error, ends: number): Error {
  if (ends < MOST_ENDS) return new XmppNotSentError(error.message, { cause: error });
  const { cause } = error;
  const condition = cause instanceof XmppConnectionError ? cause.condition : "policy-violation";
  const problem = `the server ended the connection ${ends} times when it was sent`;
  return new XmppStanzaError("cancel", condition, problem);
}

/**
 * The outbox once `target` can be reached.
 * @throws XmppNotSentError it did not become reachable in time, or the account does not run
 */
export async function live(
  { find }: Road,
  target: Target,
  patience: Patience,
  signal: AbortSignal | undefined,
): Promise<Outbox> {
  const since = performance.now();
  const outbox = await reach(find, target, patience.leftMs, signal);
  spend(patience, since);
  if (!outbox) throw new XmppNotSentError("the account is not running");
  const { state } = outbox.session;
  if (state.kind === "online") return outbox;
  if (state.kind === "refused") throw new XmppNotSentError(state.error.message);
  const seconds = Math.round(patience.ms / 1000);
  throw new XmppNotSentError(`no connection for ${seconds} s (${state.kind})`, { isOffline: true });
}
