/**
 * The counting of XEP-0198 (§4): which of our stanzas the server has, and how many of its stanzas we
 * have; and the copies of those that it has not, for the next connection of the same stream (§5).
 *
 * It writes through its line only, and knows no clock. Where the server has no stream management,
 * the line asks by a ping and `confirmedUpTo` takes the place of `acknowledged`.
 */
import type { Element } from "ltx";
import { XmppNotSentError, XmppUnconfirmedError } from "../errors.ts";
import { COUNTER_RANGE } from "../protocol/xep-0198-stream-management.ts";
import type { Outgoing } from "./outgoing.ts";

/** Copies that are kept at most; when there are more, what is lost cannot be made up for. */
export const MAX_KEPT = 1000;
export const MAX_KEPT_BYTES = 8 * 1024 * 1024;
/** So many copies are reason enough to ask what may go. */
const ASK_AT = 50;

/** One connection of the stream. */
export type Line = {
  write(stanza: Element): void;
  /**
   * Writes a question (`<r/>` or a ping). One is open at a time: however fast stanzas are sent, each
   * answer brings the next question, so that confirmation never starves. `fruitless`: the last answer
   * confirmed nothing new, so the question should wait a little.
   */
  ask(fruitless: boolean): void;
};

export type Ledger = {
  /** How many stanzas were sent; never wraps. */
  readonly sent: number;
  /** Our `h`: the stanzas that we have handled, they and all before them, modulo 2^32. */
  readonly handled: number;
  /** Whether there is a copy of all that the server may not have. */
  readonly isComplete: boolean;
  /** The stream has a connection (again): what is not confirmed is written to it, in order. */
  attach(line: Line): void;
  /** It has none: what is sent now waits for the next. */
  detach(): void;
  /** Counts a stanza and writes it. @returns false when the stream is over: it is not written */
  send(outgoing: Outgoing): boolean;
  /**
   * A stanza of any kind arrived, answers to our own requests included. It counts as handled once
   * `handling` is fulfilled and all before it count; never, where that is rejected.
   */
  receive(handling?: Promise<unknown>): void;
  /** Resolves once all that was received until now counts as handled; undefined: it does already. */
  caughtUp(): Promise<void> | undefined;
  /** Our `h` for the next connection. What is not handled yet comes again there, and counts then. */
  rewind(): number;
  /**
   * Resolves when the server has everything that was sent until now.
   * @throws XmppUnconfirmedError when the stream ends first; XmppNotSentError when it is known that the
   *   server did not get it
   */
  confirmation(): Promise<void>;
  /** Asks the server for a sign of life, unless a question is open. */
  probe(): void;
  /** Whether the server can have this many: not more than we sent, and not less than it had. */
  canBe(h: number): boolean;
  /** `<a h=…/>` came. @returns false when it acknowledges more than we sent: the stream is in error (§4) */
  acknowledged(h: number): boolean;
  /** The question that was asked when `sent` was `count` is answered: all of these arrived. */
  confirmedUpTo(count: number): void;
  /**
   * The stream is over. What is not confirmed stays so, or, where the server has told its last count
   * (`isFinal`), provably did not arrive.
   */
  end(why: { cause?: unknown; isFinal?: boolean }): void;
};

/** A stanza that is being handled, or waits for one before it. */
type Arrival = { isHandled: boolean; counted: PromiseWithResolvers<void> };

type Waiter = { upTo: number; resolve: () => void; reject: (error: Error) => void };

/**
 * @param keeps copies of what is not confirmed
 * @param start of both counters; a test of the wrap cannot begin at 0
 */
export function createLedger(keeps: boolean, start = 0): Ledger {
  let sent = start;
  let confirmed = start;
  let handled = start;
  let line: Line | undefined;
  let asking = false;
  let ended: { cause?: unknown; isFinal?: boolean } | undefined;
  const waiters: Waiter[] = []; // in ascending order of upTo
  const copies: Outgoing[] = []; // the last ones sent
  let arrivals: Arrival[] = []; // in the order of the stream
  let copiedBytes = 0;

  const question = (fruitless: boolean): void => {
    if (asking || !line) return;
    asking = true;
    line.ask(fruitless);
  };
  const keep = (outgoing: Outgoing): void => {
    copies.push(outgoing);
    copiedBytes += outgoing.bytes;
    // The stream can be resumed again once the server has what is dropped here.
    if (copies.length > MAX_KEPT || copiedBytes > MAX_KEPT_BYTES) dropCopies(copies.length);
    if (copies.length >= ASK_AT) question(false);
  };
  const dropCopies = (count: number): void => {
    for (const { bytes } of copies.splice(0, count)) copiedBytes -= bytes;
  };
  const settle = (count: number): void => {
    const fruitless = count <= confirmed;
    confirmed = Math.max(confirmed, count);
    asking = false;
    dropCopies(Math.max(0, copies.length - (sent - confirmed)));
    while (waiters[0] && waiters[0].upTo <= confirmed) waiters.shift()?.resolve();
    if (waiters.length > 0 || copies.length >= ASK_AT) question(fruitless);
  };
  const countHandled = (): void => {
    while (arrivals[0]?.isHandled) {
      handled = (handled + 1) % COUNTER_RANGE;
      arrivals.shift()?.counted.resolve();
    }
  };
  /** `h` without the wrap; less than `confirmed` where it is an older one. */
  const countOf = (h: number): number => {
    const step = (((h - confirmed) % COUNTER_RANGE) + COUNTER_RANGE) % COUNTER_RANGE;
    return confirmed + (step < COUNTER_RANGE / 2 ? step : step - COUNTER_RANGE);
  };

  return {
    get sent() {
      return sent;
    },
    get handled() {
      return handled;
    },
    get isComplete() {
      return keeps && copies.length === sent - confirmed;
    },
    attach(next) {
      line = next;
      for (const { stanza } of copies) line.write(stanza);
    },
    detach() {
      line = undefined;
      asking = false;
    },
    send(outgoing) {
      if (ended) return false;
      // Counted first: the answer to a question counts whatever was written before it.
      sent += 1;
      line?.write(outgoing.stanza);
      if (keeps) keep(outgoing);
      return true;
    },
    receive(handling) {
      const arrival: Arrival = { isHandled: !handling, counted: Promise.withResolvers() };
      arrivals.push(arrival);
      countHandled();
      handling?.then(
        () => {
          arrival.isHandled = true;
          countHandled();
        },
        () => {}, // whoever handed it in ends the connection
      );
    },
    caughtUp: () => arrivals.at(-1)?.counted.promise,
    rewind() {
      arrivals = [];
      return handled;
    },
    confirmation() {
      if (ended) return Promise.reject(lost(ended));
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiters.push({ upTo: sent, resolve, reject });
      question(false);
      return promise;
    },
    probe: () => question(false),
    canBe(h) {
      const count = countOf(h);
      return count >= confirmed && count <= sent;
    },
    acknowledged(h) {
      const count = countOf(h);
      if (count > sent) return false;
      settle(count);
      return true;
    },
    confirmedUpTo: settle,
    end(why) {
      ended = why;
      line = undefined;
      dropCopies(copies.length);
      for (const waiter of waiters.splice(0)) waiter.reject(lost(why));
    },
  };
}

function lost({ cause, isFinal = false }: { cause?: unknown; isFinal?: boolean }): Error {
  if (isFinal) {
    const problem = "the connection ended before the server got the stanza";
    return new XmppNotSentError(problem, { isOffline: true, cause });
  }
  const problem = "the connection ended before the server confirmed the stanza";
  return new XmppUnconfirmedError(problem, { cause });
}
