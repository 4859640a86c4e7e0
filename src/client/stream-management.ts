/**
 * XEP-0198 Stream Management 1.6.3 without resumption, https://xmpp.org/extensions/xep-0198.html:
 * which of our stanzas the server has, and how many of its stanzas we have.
 *
 * Values in, values out: it writes through `ask` only, and knows no clock. Where the server has no
 * stream management, `ask` sends a ping and `confirmedUpTo` takes the place of `acknowledged`.
 */
import { XmppUnconfirmedError } from "../errors.ts";

/** Counters wrap here (XEP-0198 §4). */
const WRAP = 2 ** 32;

export type Ledger = {
  /** How many stanzas were written; never wraps. */
  readonly sent: number;
  /** Our `h`: the stanzas that we received, modulo 2^32. */
  readonly received: number;
  /** A stanza was written. */
  countSent(): void;
  /** A stanza of any kind arrived, answers to our own requests included. */
  countReceived(): void;
  /**
   * Resolves when the server has everything that was written until now.
   * @throws XmppUnconfirmedError when the connection ends first
   */
  confirmation(): Promise<void>;
  /** Asks the server for a sign of life, unless a question is open. */
  probe(): void;
  /** `<a h=…/>` came. @returns false when it acknowledges more than we sent: the stream is in error (§4) */
  acknowledged(h: number): boolean;
  /** The question that was asked when `sent` was `count` is answered: all of these arrived. */
  confirmedUpTo(count: number): void;
  /** The connection is over: what is not confirmed stays so. */
  end(): void;
};

type Waiter = { upTo: number; resolve: () => void; reject: (error: Error) => void };

/**
 * @param ask writes a question (`<r/>` or a ping). One is open at a time: however fast stanzas are
 *   sent, each answer brings the next question, so that confirmation never starves. `fruitless`: the
 *   last answer confirmed nothing new, so the question should wait a little.
 */
export function createLedger(ask: (fruitless: boolean) => void): Ledger {
  let sent = 0;
  let confirmed = 0;
  let received = 0;
  let asking = false;
  let ended = false;
  const waiters: Waiter[] = []; // in ascending order of upTo

  const question = (fruitless: boolean): void => {
    if (asking || ended) return;
    asking = true;
    ask(fruitless);
  };
  const settle = (count: number): void => {
    const fruitless = count <= confirmed;
    confirmed = Math.max(confirmed, count);
    asking = false;
    while (waiters[0] && waiters[0].upTo <= confirmed) waiters.shift()?.resolve();
    if (waiters.length > 0) question(fruitless);
  };

  return {
    get sent() {
      return sent;
    },
    get received() {
      return received;
    },
    countSent() {
      sent += 1;
    },
    countReceived() {
      received = (received + 1) % WRAP;
    },
    confirmation() {
      if (ended) return Promise.reject(unconfirmed());
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      waiters.push({ upTo: sent, resolve, reject });
      question(false);
      return promise;
    },
    probe: () => question(false),
    acknowledged(h) {
      const step = (((h - confirmed) % WRAP) + WRAP) % WRAP;
      // A step back of less than half the range is an old count, which tells nothing new.
      const count = step < WRAP / 2 ? confirmed + step : confirmed;
      if (count > sent) return false;
      settle(count);
      return true;
    },
    confirmedUpTo: settle,
    end() {
      ended = true;
      for (const waiter of waiters.splice(0)) waiter.reject(unconfirmed());
    },
  };
}

function unconfirmed(): XmppUnconfirmedError {
  return new XmppUnconfirmedError("the connection ended before the server confirmed the stanza");
}
