/**
 * A bound stream at work: stanzas out with confirmation, requests and answers, keepalive.
 */
import type { Element } from "ltx";
import { XmppNotSentError, XmppStanzaError, messageOf } from "../errors.ts";
import type { XmppConnectionError } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import {
  decodeManagement,
  encodeAcknowledgement,
  encodeAcknowledgementRequest,
} from "../protocol/xep-0198-stream-management.ts";
import { encodePing } from "../protocol/xep-0199-ping.ts";
import { connectionError } from "./conditions.ts";
import { answerIq, createIqBound, isIqRequest } from "./iq-answers.ts";
import type { Login } from "./negotiation.ts";
import { outgoingLimit, prepareOutgoing } from "./outgoing.ts";
import { endBoundStream, isStanza } from "./resumption.ts";
import type { BoundStream } from "./resumption.ts";
import type { Connection } from "./supervisor.ts";
import type { ConnectionFacts, IqHandler, Logger } from "./types.ts";

export type LiveTimings = {
  /** After the last answer, the server is asked for the next sign of life, in ms. */
  idleMs: number;
  /** How long it may take to answer that, or to confirm a stanza, in ms. */
  answerMs: number;
  /** Default time-out of a request, in ms. */
  requestMs: number;
};

/** ms between two questions where the server has read our stanzas, but not yet handled them. */
const FRUITLESS_PAUSE = 100;

export type LiveOptions = {
  login: Login;
  since: number;
  timings: LiveTimings;
  log: Logger;
  /**
   * Gets every stanza that is not the answer to a request. Must not throw. The stanza counts as handled
   * once the promise is fulfilled; a rejection ends the connection, so that the server keeps the stanza.
   */
  onStanza: (stanza: Element) => Promise<unknown> | undefined;
  iqHandlers: Iterable<IqHandler>;
  /** Whether we wait for this question, so that it is answered however many there are. */
  isAwaited?: ((iq: Element) => boolean) | undefined;
  /** A question (iq) was left unanswered, because there are too many. */
  onExcess?: (() => void) | undefined;
  /** Takes over a stream that lost its connection, and that we did not close. */
  onLost: (stream: BoundStream, error: XmppConnectionError) => void;
};

export type LiveConnection = Connection & {
  readonly facts: ConnectionFacts;
  /** Starts reading; until then what arrives is kept. */
  begin(): void;
  send(stanza: Element): Promise<void>;
  post(stanza: Element): void;
  request(iq: Element, options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<Element>;
};

export function goLive(options: LiveOptions): LiveConnection {
  const { login, timings, log } = options;
  const { stream, bound } = login;
  const { ledger, requests } = bound;
  const maxStanzaBytes = outgoingLimit(login.maxBytes);
  let answerTimer: NodeJS.Timeout | undefined;
  let idleTimer: NodeJS.Timeout | undefined;
  let isClosing = false;
  const mayAnswer = createIqBound(bound.jid, log, options.onExcess);

  const ended = stream.closed.then((error) => {
    clearTimeout(answerTimer);
    clearTimeout(idleTimer);
    if (isClosing) endBoundStream(bound, error);
    else options.onLost(bound, error);
    return error;
  });

  ledger.attach({ write: (stanza) => stream.send(stanza), ask });
  // What was written again is confirmed soon, or this connection is no better than the last.
  if (login.resumed) ledger.probe();

  /** Asks whether everything arrived; no answer in time means that the peer is dead. */
  function ask(fruitless: boolean): void {
    if (fruitless) {
      answerTimer = setTimeout(() => ask(false), FRUITLESS_PAUSE);
      return;
    }
    answerTimer = setTimeout(() => {
      const seconds = timings.answerMs / 1000;
      stream.fail(
        connectionError("timeout", `${stream.address} has not answered for ${seconds} s`),
      );
    }, timings.answerMs);
    if (bound.isManaged) stream.send(encodeAcknowledgementRequest());
    else ping();
  }

  /** What we say arrives, and we hear the answer. To hear something is no sign of that. */
  function onAnswer(): void {
    clearTimeout(answerTimer);
    idleTimer?.refresh();
  }

  function ping(): void {
    // A bare domain is a JID (RFC 7622 §3.1).
    const iq = prepareOutgoing(encodeRequest("get", encodePing(), bound.jid.domain as FullJid));
    const answer = requests.expect(iq.stanza, timings.answerMs + 1000);
    ledger.send(iq);
    const mark = ledger.sent;
    const answered = () => {
      onAnswer();
      ledger.confirmedUpTo(mark);
    };
    answer.then(answered, (error: unknown) => {
      // An error is as good an answer: the server read everything before the ping.
      if (error instanceof XmppStanzaError) answered();
    });
  }

  function onNonza(element: Element): void {
    const said = decodeManagement(element);
    if (said?.kind === "request") {
      acknowledge();
      // Asked once, answered twice: a stanza takes its time to be handled, the question must not wait.
      void ledger.caughtUp()?.then(acknowledge);
    } else if (said?.kind === "acknowledgement") {
      onAnswer();
      bound.attempts = 0;
      if (said.h === undefined || !ledger.acknowledged(said.h)) {
        stream.fail(
          connectionError("protocol", "the server acknowledged stanzas that were never sent"),
        );
      }
    }
  }

  function acknowledge(): void {
    if (bound.isManaged) stream.send(encodeAcknowledgement(ledger.handled));
  }

  function onElement(element: Element): void {
    if (!isStanza(element)) return onNonza(element);
    if (requests.settle(element)) return ledger.receive();
    ledger.receive(handle(element));
  }

  /** @returns what it takes until the stanza counts as handled */
  function handle(element: Element): Promise<unknown> | undefined {
    const handling = options.onStanza(element);
    handling?.catch((error: unknown) => {
      stream.fail(
        connectionError("network", `a stanza could not be kept: ${messageOf(error)}`, {
          cause: error,
        }),
      );
    });
    const isAwaited = isIqRequest(element) && options.isAwaited?.(element) === true;
    if (isAwaited || (isIqRequest(element) && mayAnswer(element, Date.now()))) {
      void answerIq(element, options.iqHandlers, log).then(post);
    }
    return handling;
  }

  function post(stanza: Element): void {
    try {
      ledger.send(prepareOutgoing(stanza, maxStanzaBytes));
    } catch (error) {
      log.warn(`a stanza was not sent: ${messageOf(error)}`);
    }
  }

  return {
    closed: ended,
    facts: {
      jid: bound.jid.full,
      since: options.since,
      transport: login.endpoint.transport,
      address: stream.address,
      tls: stream.tls,
      mechanism: login.mechanism,
      maxStanzaBytes,
      ...(login.channelBinding ? { channelBinding: login.channelBinding } : {}),
      resumed: login.resumed,
    },
    begin() {
      idleTimer = setTimeout(() => {
        ledger.probe();
        idleTimer?.refresh();
      }, timings.idleMs);
      for (const stanza of login.early) void handle(stanza);
      stream.listen(onElement);
    },
    async send(stanza) {
      const isWritten = ledger.send(prepareOutgoing(stanza, maxStanzaBytes));
      if (!isWritten) throw new XmppNotSentError("the connection has ended", { isOffline: true });
      await ledger.confirmation();
    },
    post,
    async request(iq, { timeoutMs = timings.requestMs, signal } = {}) {
      signal?.throwIfAborted();
      const outgoing = prepareOutgoing(iq, maxStanzaBytes);
      const answer = requests.expect(outgoing.stanza, timeoutMs, signal);
      ledger.send(outgoing);
      return await answer;
    },
    async close() {
      // The server hands unacknowledged stanzas to others, or back (XEP-0198 §4).
      isClosing = true;
      acknowledge();
      await stream.close();
      await ended;
    },
  };
}
