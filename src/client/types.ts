import type { Element } from "ltx";
import type { XmppConnectionError } from "../errors.ts";
import type { BindingType, SaslPolicy } from "../policy/sasl.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import type { ServerMemory } from "../state/server-memory.ts";

/** Where log lines go. Never handed a body, a password or a token. */
export type Logger = {
  debug?: (message: string) => void;
  info: (message: string) => void;
  warn: (message: string) => void;
  error: (message: string) => void;
};

/** One way to reach a server, as `resolveEndpoints` lists them in the order to try. */
export type Endpoint =
  | { transport: "tcp"; host: string; port: number } // STARTTLS (RFC 6120 §5)
  | { transport: "tls"; host: string; port: number } // direct TLS (XEP-0368)
  | { transport: "websocket"; url: string }; // RFC 7395

/** What the operator wrote as `server`; absent means DNS SRV of the JID's domain. */
export type ServerAddress =
  { kind: "endpoint"; endpoint: Endpoint } | { kind: "discover"; domain: string };

export type SessionOptions = {
  jid: BareJid;
  resource: string;
  /** Asked for once per login, so that a rotated secret is picked up. */
  password: () => string | Promise<string>;
  server: ServerAddress;
  /** PEM file with the operator's own CA, besides the system's and NODE_EXTRA_CA_CERTS. */
  caFile?: string | undefined;
  /** Login without TLS, to loopback addresses only. */
  dangerouslyAllowPlaintext?: boolean | undefined;
  /** Which logins are good enough. */
  sasl?: SaslPolicy | undefined;
  /** Remembers how logins went, so that a server that offers less is noticed. Default: this session does. */
  serverMemory?: ServerMemory | undefined;
  /** Whether to log the wire, through @xmpp/debug and with credentials redacted; asked for each element. */
  isWireLogged?: (() => boolean) | undefined;
  /** Whether we wait for this question, so that it is answered however many there are. Asked once of each. */
  isAwaited?: ((iq: Element) => boolean) | undefined;
  /** A question (iq) was left unanswered, because there are too many. */
  onExcess?: (() => void) | undefined;
  log: Logger;
};

/** Facts about the live connection, for status. */
export type ConnectionFacts = {
  jid: FullJid;
  since: number; // ms since the epoch
  transport: Endpoint["transport"];
  address: string; // "host:port" or the WebSocket URL
  tls?: { version: string; cipher: string } | undefined;
  /** As SASL calls it; with `-PLUS` it is bound to this connection, in the way of `channelBinding`. */
  mechanism: string;
  channelBinding?: BindingType | undefined;
  /** Bytes that a stanza of ours may have; absent where the usual limit counts. */
  maxStanzaBytes?: number | undefined;
  /**
   * The stream of before was taken up again (XEP-0198 §5): the server kept our presence, rooms and all,
   * and nothing was lost in between.
   */
  resumed: boolean;
};

/** What an attempt is at: no connection yet, TLS and stream, SASL to the bound resource. */
export type LoginStep = "connecting" | "securing" | "authenticating";

/**
 * `resumable`: the lost stream may yet be resumed; until then nobody else sees that we are gone. When
 * that ends before the next login, the state is told again without it.
 */
export type ConnectionState =
  | { kind: "idle" }
  /** `error`: why the last connection or attempt ended. */
  | {
      kind: LoginStep;
      error?: XmppConnectionError | undefined;
      resumable?: boolean | undefined;
    }
  | { kind: "online"; facts: ConnectionFacts }
  | {
      kind: "waiting";
      error: XmppConnectionError;
      retryAt: number;
      resumable?: boolean | undefined;
    }
  /** Terminal until the operator acts: wrong password, account disabled, resource conflict, no TLS, … */
  | { kind: "refused"; error: XmppConnectionError }
  | { kind: "stopped" };

/**
 * Answers one inbound iq of type get or set, or leaves it to the next handler by returning undefined.
 * The answer is the payload of the result, or a whole `<iq/>` (an empty one for a result without payload);
 * `to`, `from`, `id` and `type` are set by the session.
 * @throws XmppStanzaError to answer with that error; anything else thrown becomes `internal-server-error`
 */
export type IqHandler = (iq: Element) => Element | undefined | Promise<Element | undefined>;

/**
 * One account's connection, reconnecting by itself until `stop()` or a refusal.
 * It knows stanzas and connection states, nothing of rooms, policy or OpenClaw.
 */
export type XmppSession = {
  readonly state: ConnectionState;
  /** The JID that the server bound us to; undefined while offline. */
  readonly jid: FullJid | undefined;
  start(): void;
  /** Ends the stream politely, waits for the socket to close; leaves no timer or listener. Idempotent. */
  stop(): Promise<void>;
  /**
   * Sends and waits until the server confirmed it (XEP-0198 ack, or a ping answered after it).
   * Over a loss of the connection it waits for the stream to be resumed; then it is written again,
   * where the server has not got it.
   * @throws XmppNotSentError offline, or not yet written
   * @throws XmppUnconfirmedError written, but the connection ended before it was confirmed, and the
   *   stream was not resumed
   */
  send(stanza: Element): Promise<void>;
  /** Sends without waiting (presence, chat states). Does nothing while offline. */
  post(stanza: Element): void;
  /**
   * Sends an iq (its id is set here) and waits for the answer, which must come from where it was sent to.
   * @returns the whole answering iq element
   * @throws XmppStanzaError on type="error"; XmppNotSentError offline; XmppConnectionError on time-out, or on a loss
   *   after which the stream is not resumed
   */
  request(iq: Element, options?: { timeoutMs?: number; signal?: AbortSignal }): Promise<Element>;
  /**
   * Every inbound stanza other than answers to `request`. A listener that throws is logged, not fatal.
   *
   * The server hears that a stanza is handled (XEP-0198 §4) once the promises of all its listeners, and of
   * those for the stanzas before it, are fulfilled. One that is rejected says that the stanza must not be
   * lost and could not be kept: the connection is dropped, and on resumption (§5) the server sends
   * again whatever was not handled. A listener may therefore see a stanza twice.
   */
  onStanza(listener: (stanza: Element) => void | Promise<void>): () => void;
  /**
   * Answers inbound iq get and set. Handlers are asked in the order of registration, the first answer counts.
   * Where nobody answers, the session replies `service-unavailable` (RFC 6120 §8.4).
   */
  onIq(handler: IqHandler): () => void;
  onState(listener: (state: ConnectionState) => void): () => void;
};
