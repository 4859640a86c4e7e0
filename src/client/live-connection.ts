/**
 * A bound stream at work: stanzas out with confirmation, requests and answers, keepalive.
 */
import { Element } from "ltx";
import { XmppStanzaError, messageOf } from "../errors.ts";
import { attribute } from "../protocol/element.ts";
import { parseJid } from "../protocol/jid.ts";
import type { FullJid, Jid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { encodePing } from "../protocol/xep-0199-ping.ts";
import { connectionError } from "./conditions.ts";
import { answerIq, isIqRequest } from "./iq-answers.ts";
import { createIqRequests } from "./iq-requests.ts";
import { NS_SM } from "./login.ts";
import type { Login } from "./login.ts";
import { prepareOutgoing } from "./outgoing.ts";
import { createLedger } from "./stream-management.ts";
import type { Connection } from "./supervisor.ts";
import type { ConnectionFacts, IqHandler, Logger } from "./types.ts";

export type LiveTimings = {
  /** Silence from the server after which it is asked for a sign of life, in ms. */
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
  /** Gets every stanza that is not the answer to a request. Must not throw. */
  onStanza: (stanza: Element) => void;
  iqHandlers: Iterable<IqHandler>;
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
  const { stream } = login;
  const own = boundJid(login.jid);
  const requests = createIqRequests(own);
  const ledger = createLedger(ask);
  let answerTimer: NodeJS.Timeout | undefined;
  let idleTimer: NodeJS.Timeout | undefined;

  const ended = stream.closed.then((error) => {
    clearTimeout(answerTimer);
    clearTimeout(idleTimer);
    ledger.end();
    requests.end(error);
    return error;
  });

  function write(stanza: Element): void {
    // Counted first: the answer to a question counts whatever was written before it.
    ledger.countSent();
    stream.send(stanza);
  }

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
    if (login.streamManagement) stream.send(new Element("r", { xmlns: NS_SM }));
    else ping();
  }

  function ping(): void {
    // A bare domain is a JID (RFC 7622 §3.1).
    const iq = encodeRequest("get", encodePing(), own.domain as FullJid);
    const answer = requests.expect(iq, timings.answerMs + 1000);
    write(iq);
    const mark = ledger.sent;
    const answered = () => {
      clearTimeout(answerTimer);
      ledger.confirmedUpTo(mark);
    };
    answer.then(answered, (error: unknown) => {
      // An error is as good an answer: the server read everything before the ping.
      if (error instanceof XmppStanzaError) answered();
    });
  }

  function onNonza(element: Element): void {
    if (element.is("r", NS_SM)) acknowledge();
    else if (element.is("a", NS_SM)) {
      clearTimeout(answerTimer);
      const h = Number(attribute(element, "h"));
      if (!Number.isSafeInteger(h) || h < 0 || !ledger.acknowledged(h)) {
        stream.fail(
          connectionError("protocol", "the server acknowledged stanzas that were never sent"),
        );
      }
    }
  }

  function acknowledge(): void {
    if (login.streamManagement) stream.send(new Element("a", { xmlns: NS_SM, h: ledger.received }));
  }

  function onElement(element: Element): void {
    idleTimer?.refresh();
    const name = element.getName();
    if (name !== "iq" && name !== "message" && name !== "presence") return onNonza(element);
    ledger.countReceived();
    if (requests.settle(element)) return;
    options.onStanza(element);
    if (isIqRequest(element)) {
      void answerIq(element, options.iqHandlers, log).then(post);
    }
  }

  function post(stanza: Element): void {
    try {
      write(prepareOutgoing(stanza));
    } catch (error) {
      log.warn(`a stanza was not sent: ${messageOf(error)}`);
    }
  }

  return {
    closed: ended,
    facts: {
      jid: login.jid,
      since: options.since,
      transport: login.transport,
      address: stream.address,
      tls: stream.tls,
      mechanism: login.mechanism,
    },
    begin() {
      idleTimer = setTimeout(() => {
        ledger.probe();
        idleTimer?.refresh();
      }, timings.idleMs);
      stream.listen(onElement);
    },
    async send(stanza) {
      write(prepareOutgoing(stanza));
      await ledger.confirmation();
    },
    post,
    async request(iq, { timeoutMs = timings.requestMs, signal } = {}) {
      signal?.throwIfAborted();
      const outgoing = prepareOutgoing(iq);
      const answer = requests.expect(outgoing, timeoutMs, signal);
      write(outgoing);
      return await answer;
    },
    async close() {
      // Without resumption the server hands unacknowledged stanzas to others, or back (XEP-0198 §5).
      acknowledge();
      await stream.close();
      await ended;
    },
  };
}

/** The JID that bind gave, which login.ts parsed already. */
function boundJid(full: FullJid): Jid {
  const jid = parseJid(full);
  if (!jid) throw new TypeError(`not a JID: ${full}`);
  return jid;
}
