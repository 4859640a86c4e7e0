/**
 * A stream over xmpp.js: the one file that touches the library's inside (0.14.0, pinned).
 *
 * What we use of it: its stream headers, framing, restarts and transports. What we take out, because
 * of the faults that faults.test.ts shows: all that `client()` hangs on the connection as
 * listeners (SASL, SASL2, FAST, Bind2, STARTTLS, iq, stream management, reconnect), its sockets and
 * its parser. The negotiation that replaces them is negotiation.ts.
 */
import { client, jid } from "@xmpp/client";
import type { XmppClient } from "@xmpp/client";
import { Element } from "ltx";
import type { SecureContext } from "node:tls";
import { XmppConnectionError } from "../errors.ts";
import type { Bindings } from "./channel-binding.ts";
import { ClientSocket } from "./client-socket.ts";
import type { StreamSocket, TlsFacts } from "./client-socket.ts";
import { connectionError, streamError, transportError } from "./conditions.ts";
import { addressOf } from "./endpoint.ts";
import { FrameParser, StreamParser } from "./stream-parser.ts";
import type { Endpoint } from "./types.ts";
import { ClientWebSocket } from "./web-socket.ts";

const NS_STREAMS = "http://etherx.jabber.org/streams";
export const NS_TLS = "urn:ietf:params:xml:ns:xmpp-tls";
/** Elements that may wait for the negotiation; a server sends one at a time. */
const MAX_QUEUE = 64;
/** How long a polite close waits for the server, in ms. */
const CLOSE_TIMEOUT = 1000;

export type StreamOptions = {
  endpoint: Endpoint;
  /** The domain of the JID: `to` of the stream, and the name that the certificate must bear. */
  domain: string;
  bareJid: string;
  authorities: SecureContext;
  allowPlaintext: boolean;
  /** There is a TCP connection. */
  onReached?: (() => void) | undefined;
  /** Sees each element in its direction, before it is acted upon or written. */
  onWire?: ((direction: "in" | "out", element: Element) => void) | undefined;
};

export type XmppStream = {
  readonly address: string;
  /** TLS is up and the certificate verified. */
  readonly secure: boolean;
  readonly loopback: boolean;
  readonly tls: TlsFacts | undefined;
  /** What a login over this connection can be bound to (RFC 5056). */
  readonly bindings: Bindings;
  /** Connects and opens the stream. @returns the stream features (RFC 6120 §4.3.2) */
  open(): Promise<Element>;
  /** Negotiates STARTTLS (RFC 6120 §5.4) and reopens the stream. @returns the features behind TLS */
  startTls(): Promise<Element>;
  /** Reopens the stream, as after SASL. @returns the new features */
  restart(): Promise<Element>;
  /**
   * The next element of the stream, in order; for the negotiation only.
   * @param options.last it may end the negotiation: what comes with it waits for `listen`, however much
   */
  next(options?: { last?: boolean }): Promise<Element>;
  /** From now on (and for what is queued) each element goes to `listener` as it arrives. */
  listen(listener: (element: Element) => void): void;
  /** Writes an element; one that cannot be written shows as `closed`. */
  send(element: Element): void;
  /** Ends the connection at once; the first reason counts. */
  fail(error: XmppConnectionError): void;
  /** Ends the stream politely (RFC 6120 §4.4); resolves when the socket is closed. */
  close(): Promise<void>;
  /** Resolves (never rejects) with the reason when the connection is over. */
  readonly closed: Promise<XmppConnectionError>;
};

/** What the library picks its transport by; a name without "://" would make it ask DNS on its own. */
function serviceOf(endpoint: Endpoint): string {
  return endpoint.transport === "websocket" ? "wss://stream" : "xmpp://stream";
}

/** A connection of xmpp.js with our socket and parser, and with nothing listening on it. */
function bareConnection(options: StreamOptions, socket: StreamSocket): XmppClient {
  const isWebSocket = options.endpoint.transport === "websocket";
  const service = serviceOf(options.endpoint);
  // The attempt has its own deadline; the library's only must not be shorter.
  const entity = client({ service, domain: options.domain, timeout: 600_000 });
  const Stock = entity._findTransport(service);
  if (!Stock) throw new TypeError("xmpp.js has no transport for " + service);
  class Transport extends Stock {
    override socketParameters(): Endpoint {
      return options.endpoint;
    }
  }
  function givenSocket(): StreamSocket {
    return socket;
  }
  Transport.prototype.Socket = givenSocket as unknown as typeof Stock.prototype.Socket;
  Transport.prototype.Parser = isWebSocket ? FrameParser : StreamParser;
  entity.transports = [Transport];
  entity.removeAllListeners();
  entity._onStreamError = () => {}; // it would follow see-other-host on its own
  entity.disconnect = async () => {}; // it would wait on timers of its own
  entity.jid = jid(options.bareJid);
  return entity;
}

function createSocket(options: StreamOptions): StreamSocket {
  const { endpoint, domain, authorities, allowPlaintext } = options;
  if (endpoint.transport === "websocket") {
    return new ClientWebSocket({ url: endpoint.url, authorities, allowPlaintext });
  }
  const { host, port, transport } = endpoint;
  return new ClientSocket({ host, port, directTls: transport === "tls", domain, authorities });
}

/** Prepares a stream; nothing happens before `open()`. */
export function createStream(options: StreamOptions): XmppStream {
  const address = addressOf(options.endpoint);
  const socket = createSocket(options);
  const entity = bareConnection(options, socket);
  const queue: Element[] = [];
  let waiting: ((element: Element) => void) | undefined;
  let isBounded = true;
  let listener: ((element: Element) => void) | undefined;
  let awaitsProceed = false;
  let over = false;
  let connecting = false;
  let saidGoodbye = false;
  const closed = Promise.withResolvers<XmppConnectionError>();
  const ended = Promise.withResolvers<void>();
  const socketClosed = Promise.withResolvers<void>();

  const fail = (error: XmppConnectionError): void => {
    if (over) return;
    over = true;
    closed.resolve(error);
    deafen();
    entity.emit("error", error); // lets go of whatever the library still waits for, with its timers
    socket.destroy();
  };
  const deafen = (): void => {
    queue.length = 0;
    if (entity.parser instanceof StreamParser) entity.parser.discard();
  };
  const sayGoodbye = (): void => {
    if (saidGoodbye) return;
    saidGoodbye = true;
    entity.write(entity.footer(entity.footerElement())).catch(() => {
      // The socket is gone already, so nobody misses the goodbye.
    });
  };
  const orClosed = async <T>(step: Promise<T>): Promise<T> => {
    const lost = closed.promise.then((error) => {
      throw error;
    });
    return await Promise.race([step, lost]);
  };

  const onElement = (element: Element): void => {
    if (over) return;
    options.onWire?.("in", element);
    if (element.is("error", NS_STREAMS)) {
      sayGoodbye();
      fail(streamError(element));
    } else if (awaitsProceed && element.is("proceed", NS_TLS)) {
      // In the same tick: what was injected behind <proceed/> in the clear is never read.
      awaitsProceed = false;
      deafen();
      if (socket instanceof ClientSocket) socket.upgrade();
    } else if (listener) listener(element);
    else if (waiting) {
      const deliver = waiting;
      waiting = undefined;
      deliver(element);
    } else if (queue.push(element) > MAX_QUEUE && isBounded) {
      fail(connectionError("protocol", "the server talks out of turn"));
    }
  };

  entity.on("element", onElement);
  entity.on("error", (error: unknown) => fail(transportError(error, address)));
  entity.on("close", () => {
    ended.resolve();
    sayGoodbye();
    fail(connectionError("network", `${address} closed the stream`));
  });
  entity.on("disconnect", () =>
    fail(connectionError("network", `${address} closed the connection`)),
  );
  socket.on("close", () => socketClosed.resolve());
  if (options.onReached) socket.once("reached", options.onReached);

  const next = async ({ last = false } = {}): Promise<Element> => {
    isBounded = !last;
    const queued = queue.shift();
    if (queued) return queued;
    return await orClosed(new Promise<Element>((resolve) => (waiting = resolve)));
  };
  const features = async (): Promise<Element> => {
    const element = await next();
    if (element.is("features", NS_STREAMS)) return element;
    throw connectionError("protocol", `expected stream features, got <${element.name}/>`);
  };
  /**
   * The library listens for the peer's header only once the write of its own has been reported. Where
   * the event loop was busy in between, the header came first and was missed: so we listen before.
   */
  const awaitHeader = async (write: () => Promise<unknown>): Promise<void> => {
    let isOpen = false;
    const header = new Promise<void>((resolve) => {
      entity.once("open", () => {
        isOpen = true;
        resolve();
      });
    });
    write().catch((error: unknown) => {
      if (!isOpen) fail(transportError(error, address));
    });
    await orClosed(header);
  };
  const restart = async (): Promise<Element> => {
    deafen();
    await awaitHeader(() => entity.restart());
    return await features();
  };

  return {
    address,
    closed: closed.promise,
    get secure() {
      return socket.secure;
    },
    get loopback() {
      return socket.loopback;
    },
    get tls() {
      return socket.tls;
    },
    get bindings() {
      return socket.bindings;
    },
    async open() {
      connecting = true;
      await orClosed(entity.connect(serviceOf(options.endpoint)));
      await awaitHeader(() => entity.open({ domain: options.domain }));
      return await features();
    },
    async startTls() {
      if (!(socket instanceof ClientSocket)) throw new TypeError("no STARTTLS over WebSocket");
      const upgraded = new Promise<void>((resolve) => socket.once("connect", () => resolve()));
      awaitsProceed = true;
      this.send(new Element("starttls", { xmlns: NS_TLS }));
      const refusal = await Promise.race([upgraded, next()]);
      if (refusal) {
        throw connectionError(
          "tls-required",
          `${address} refused STARTTLS with <${refusal.name}/>`,
        );
      }
      waiting = undefined;
      return await restart();
    },
    restart,
    next,
    listen(handler) {
      listener = handler;
      for (let element = queue.shift(); element; element = queue.shift()) handler(element);
    },
    send(element) {
      if (over) return;
      options.onWire?.("out", element);
      entity.send(element).catch((error: unknown) => fail(transportError(error, address)));
    },
    fail,
    async close() {
      if (!over) {
        sayGoodbye();
        const timer = Promise.withResolvers<void>();
        const timeout = setTimeout(timer.resolve, CLOSE_TIMEOUT);
        await Promise.race([ended.promise, socketClosed.promise, timer.promise]);
        socket.end();
        await Promise.race([socketClosed.promise, timer.promise]);
        clearTimeout(timeout);
        fail(connectionError("network", "closed by us"));
      }
      if (connecting) await socketClosed.promise;
    },
  };
}
