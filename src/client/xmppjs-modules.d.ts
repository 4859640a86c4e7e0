/** What we use of @xmpp/* 0.14 and of ltx's inside; neither ships types. */

declare module "@xmpp/client" {
  import type { EventEmitter } from "node:events";
  import type { Element } from "ltx";

  /** The socket that a transport drives; see client-socket.ts. */
  export type XmppSocket = EventEmitter & {
    secure: boolean;
    connect(parameters: unknown): void;
    write(text: string, done?: (error?: Error | null) => void): void;
    end(): void;
  };

  /** An EventEmitter of `start`, `element`, `end`, `error`. */
  export type XmppParser = EventEmitter & { write(text: string): void };

  /** One way to connect. All of it stands on the prototype, which is where Client looks. */
  export class Transport {
    Socket: new () => XmppSocket;
    Parser: new () => XmppParser;
    /** The argument of `Socket.connect`; undefined when this transport is not for `service`. */
    socketParameters(service: string): unknown;
  }
  export type TransportClass = typeof Transport;

  export type XmppJid = { toString(): string; bare(): XmppJid };

  /** `Client` of @xmpp/client-core with what `client()` adds, as far as we touch it. */
  export type XmppClient = EventEmitter & {
    transports: TransportClass[];
    jid: XmppJid | null;
    socket: XmppSocket | null;
    parser: XmppParser | null;
    status: string;
    readonly reconnect: { stop(): void };
    _findTransport(service: string): TransportClass | undefined;
    _onStreamError(element: Element): void;
    /** Constructs the Socket of the transport and connects it. */
    connect(service: string): Promise<unknown>;
    disconnect(): Promise<unknown>;
    /** Sends the stream header; resolves when the server's came. */
    open(options: { domain: string; lang?: string }): Promise<unknown>;
    /** The same on the same socket with a fresh parser (RFC 6120 §4.3.3). */
    restart(): Promise<unknown>;
    send(element: Element): Promise<void>;
    write(text: string): Promise<void>;
    footer(element: Element | undefined): string;
    footerElement(): Element | undefined;
  };

  /** The rest is for the tests that hold the stock client against ours. */
  export type StockClient = XmppClient & {
    start(): Promise<unknown>;
    stop(): Promise<unknown>;
    readonly reconnect: { delay: number };
    readonly streamManagement: { readonly enabled: boolean };
    readonly iqCaller: {
      request(iq: Element, timeout?: number): Promise<Element>;
      get(payload: Element, to?: string): Promise<Element | undefined>;
    };
  };

  export function client(options: {
    service: string;
    domain: string;
    timeout?: number;
    username?: string;
    password?: string;
    resource?: string;
  }): StockClient;
  export function jid(text: string): XmppJid;
}

declare module "@xmpp/debug" {
  import type { Element } from "ltx";
  /** Empties SASL elements in place. */
  export function hideSensitive(element: Element): Element;
}

declare module "ltx/src/parsers/ltx.js" {
  import { EventEmitter } from "node:events";
  type Events = {
    startElement: [name: string, attrs: Record<string, string>];
    endElement: [name: string, selfClosing: boolean];
    text: [text: string];
  };
  export default class SaxParser extends EventEmitter<Events> {
    /** @throws on entities and character references that XML does not allow */
    write(text: string): void;
  }
}
