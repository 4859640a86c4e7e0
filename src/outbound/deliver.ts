/**
 * Delivery as the host understands it: what was sent has a receipt, what provably was not says so with
 * the host's own error, and nothing else is ever reported as delivered.
 *
 * A message that nobody confirmed is sent again, under the same id, only once it is known that the first
 * one did not arrive: the server said what it had got (XEP-0198 §5), or an archive does not have it.
 */
import { createChannelPartialDeliveryError } from "openclaw/plugin-sdk/channel-inbound";
import {
  createMessageReceiptFromOutboundResults,
  type MessageReceipt,
} from "openclaw/plugin-sdk/channel-outbound";
import { PlatformMessageNotDispatchedError } from "openclaw/plugin-sdk/error-runtime";
import {
  XmppConnectionError,
  XmppNotSentError,
  XmppStanzaError,
  XmppUnconfirmedError,
} from "../errors.ts";
import type { Limits } from "../policy/limits.ts";
import type { Departures } from "./departures.ts";
import { findEvidence } from "./evidence.ts";
import { messageIds, type DeliveryPart } from "./message-ids.ts";
import { reach, type FindOutbox } from "./reach.ts";
import {
  encodeBody,
  isTooMuch,
  sendMessage,
  toBodies,
  type MessageFacts,
  type Outbox,
} from "./send.ts";
import { conversationOf, type Target } from "./target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";

export type Delivered = { messageIds: string[]; receipt: MessageReceipt };

/** The way out of an account, whatever session it has at the moment. */
export type Road = { find: FindOutbox; departures: Departures; limits: Limits };

export type DeliveryOptions = MessageFacts & {
  /** Characters a message at most. */
  textLimit: number;
  /** How long to wait for earlier messages and for a connection, in all, ms. */
  patienceMs: number;
  /** Plain text before the first message. */
  prefix?: string | undefined;
  /** What the host keeps of it on disk; decides the ids. */
  delivery?: DeliveryPart | undefined;
  /** Ids of messages of an earlier attempt that are known to have arrived. */
  arrived?: ReadonlySet<string> | undefined;
  signal?: AbortSignal | undefined;
  /** Awaited before each message is handed to the server. */
  beforeSend?: (() => Promise<void> | void) | undefined;
};

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

/**
 * Sends `markdown`, after all that is on its way to the same conversation, and accounts for it.
 *
 * @throws PlatformMessageNotDispatchedError nothing was sent, or it came back; nobody has seen it
 * @throws a partial delivery error when a later part failed, with the receipt of the earlier ones
 * @throws XmppUnconfirmedError it is unknown whether the only part arrived
 */
export async function deliverText(
  road: Road,
  target: Target,
  markdown: string,
  options: DeliveryOptions,
): Promise<Delivered> {
  const sent: string[] = [];
  const patience = { ms: options.patienceMs, leftMs: options.patienceMs };
  const since = performance.now();
  try {
    assertRoom(road);
    await road.departures.inOrder(conversationOf(target), options, async () => {
      spend(patience, since);
      await sendAll(road, target, markdown, { ...options, patience }, sent);
    });
  } catch (error) {
    if (sent.length > 0) {
      throw createChannelPartialDeliveryError(error, {
        visibleReplySent: true,
        messageIds: sent,
        receipt: receiptFor(sent, target),
      });
    }
    throw inHostsTerms(error, target, options.patienceMs >= road.limits.offlineMinutes * 60_000);
  }
  return { messageIds: sent, receipt: receiptFor(sent, target) };
}

/**
 * The host's error for what provably did not arrive; anything else as it is.
 * @param isLastWait it waited for as long as a message may: the host is not to try it again
 */
function inHostsTerms(error: unknown, target: Target, isLastWait: boolean): unknown {
  if (error instanceof XmppNotSentError) {
    const retryable = !(error.isOffline && isLastWait);
    return new PlatformMessageNotDispatchedError(error.message, { cause: error, retryable });
  }
  if (error instanceof XmppStanzaError) {
    const problem = `${target.to} refused the message: ${error.message}`;
    return new PlatformMessageNotDispatchedError(problem, {
      cause: error,
      retryable: isTooMuch(error) && error.type === "wait",
    });
  }
  return error;
}

/** However often a delivery has to wait, all of it together is bounded; the time that sending takes is not. */
type Patience = { ms: number; leftMs: number };
type PatientOptions = DeliveryOptions & { patience: Patience };

function spend(patience: Patience, since: number): void {
  patience.leftMs = Math.max(0, patience.leftMs - (performance.now() - since));
}

/** @throws PlatformMessageNotDispatchedError for good: there is no room left to wait in */
function assertRoom({ find, departures, limits }: Road): void {
  if (departures.count < limits.offlineMessages || find()?.session.state.kind === "online") return;
  const problem = `${departures.count} messages are waiting for a connection already (limits.offlineMessages)`;
  throw new PlatformMessageNotDispatchedError(problem, { cause: problem, retryable: false });
}

async function sendAll(
  road: Road,
  target: Target,
  markdown: string,
  options: PatientOptions,
  sent: string[],
): Promise<void> {
  const outbox = await live(road, target, options.patience, options.signal);
  const bodies = toBodies(outbox, markdown, options);
  const ids = messageIds(options.delivery, bodies.length);
  assertSameMessages(options.arrived, ids);
  for (const [index, body] of bodies.entries()) {
    const id = ids[index] ?? "";
    if (!options.arrived?.has(id)) {
      options.signal?.throwIfAborted();
      const { thread, reply } = options;
      await sendOnce(road, target, id, options, () =>
        encodeBody(target, id, body, { thread, reply: index === 0 ? reply : undefined }),
      );
    }
    sent.push(id);
  }
}

/** @throws XmppUnconfirmedError part of an earlier attempt arrived, and it was cut otherwise */
function assertSameMessages(
  arrived: ReadonlySet<string> | undefined,
  ids: readonly string[],
): void {
  if ([...(arrived ?? [])].every((id) => ids.includes(id) || !isOfPart(id, ids))) return;
  throw new XmppUnconfirmedError("part of it arrived, and it would now be split otherwise");
}

/** Whether it belongs to the same part of the delivery: they differ in number and count only. */
function isOfPart(id: string, [first = ""]: readonly string[]): boolean {
  const partOf = (each: string) => each.slice(0, each.lastIndexOf("-"));
  return partOf(id) === partOf(first);
}

/** Sends one message until its fate is known. */
async function sendOnce(
  road: Road,
  target: Target,
  id: string,
  { patience, signal, beforeSend }: PatientOptions,
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
      if (!isAbsent && (await hasArrived(road, target, id, since, error, patience))) return;
      if (isCausedByStanza(error.cause)) ends += 1;
      if (ends >= MOST_ENDS || attempt >= MOST_ATTEMPTS) throw givenUp(error, ends);
    }
  }
}

/**
 * @returns whether the message that `lost` is about is in the archive after all
 * @throws `lost` when nobody knows
 */
async function hasArrived(
  road: Road,
  target: Target,
  id: string,
  since: Date,
  lost: Error,
  patience: Patience,
): Promise<boolean> {
  const deadline = performance.now() + Math.max(patience.leftMs, LEAST_TRUTH_MS);
  for (;;) {
    const left = deadline - performance.now();
    const asked = performance.now();
    const outbox = await reach(road.find, target, Math.max(0, left));
    spend(patience, asked);
    if (!outbox || left <= 0) throw lost;
    try {
      const evidence = await findEvidence(outbox, target, (each) => each === id, since);
      if (evidence.arrived.has(id)) return true;
      if (evidence.isConclusive) return false;
      throw lost;
    } catch (error) {
      // The connection went again before the archive had answered.
      const isAskedAgain =
        error instanceof XmppConnectionError || error instanceof XmppNotSentError;
      if (!isAskedAgain || outbox.session.state.kind === "refused") throw lost;
      await new Promise((resolve) => setTimeout(resolve, ASK_AGAIN_MS));
    }
  }
}

const ASK_AGAIN_MS = 1_000;

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
async function live(
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

function receiptFor(ids: readonly string[], target: Target): MessageReceipt {
  return createMessageReceiptFromOutboundResults({
    results: ids.map((messageId) => ({
      channel: CHANNEL_ID,
      messageId,
      conversationId: target.to,
    })),
    kind: "text",
  });
}
