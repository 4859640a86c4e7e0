/**
 * The TCP socket under a stream: plain until `upgrade()`, or TLS from the start (XEP-0368).
 * xmpp.js drives it through `connect`, `write`, `end` and the events `connect`, `data`, `error`, `close`.
 */
import { EventEmitter } from "node:events";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { StringDecoder } from "node:string_decoder";
import { connect as connectTls } from "node:tls";
import type { SecureContext } from "node:tls";
import { type Bindings, readBindings } from "./channel-binding.ts";
import { isLoopback, tlsOptions } from "./trust.ts";

/** What the session reports about TLS. */
export type TlsFacts = { version: string; cipher: string };

/**
 * A socket of either kind, TCP or WebSocket, as the stream sees it. It emits `reached` once there is a TCP
 * connection, `connect` when XMPP may begin.
 */
export type StreamSocket = EventEmitter & {
  /** TLS is up and the certificate verified. */
  secure: boolean;
  readonly tls: TlsFacts | undefined;
  /** The peer's address is this machine's loopback. False until connected. */
  readonly loopback: boolean;
  /** What a login can be bound to (RFC 5056): none where TLS is not up, or may end before the XMPP server. */
  readonly bindings: Bindings;
  connect(): void;
  write(text: string, done?: (error?: Error | null) => void): void;
  end(): void;
  destroy(): void;
};

export type TcpTarget = {
  host: string;
  port: number;
  directTls: boolean;
  /** The domain of the JID: the name in SNI and in the certificate. */
  domain: string;
  authorities: SecureContext;
};

export class ClientSocket extends EventEmitter implements StreamSocket {
  secure = false;
  tls: TlsFacts | undefined;
  loopback = false;
  bindings: Bindings = new Map();
  readonly #target: TcpTarget;
  #socket: Socket | undefined;
  #raw: Socket | undefined;
  #failed = false;

  constructor(target: TcpTarget) {
    super();
    this.#target = target;
    this.on("error", () => {}); // a late error finds a listener, whoever else has left
  }

  connect(): void {
    const { host, port, directTls } = this.#target;
    const socket = connectTcp({ host, port, noDelay: true });
    this.#raw = socket;
    this.#attach(socket);
    socket.once("connect", () => {
      this.loopback = isLoopback(socket.remoteAddress);
      this.emit("reached");
      if (directTls) this.upgrade();
      else this.emit("connect");
    });
  }

  /**
   * Starts TLS on the connection; emits `connect` once the certificate is verified, `error` else.
   * From this call on nothing that arrives in the clear is read as XMPP (RFC 6120 §5.4.3.3).
   */
  upgrade(): void {
    const raw = this.#raw;
    if (!raw || raw.destroyed) return;
    raw.removeAllListeners("data");
    const { domain, authorities, directTls } = this.#target;
    const socket = connectTls({
      ...tlsOptions(domain, authorities),
      socket: raw,
      ...(directTls ? { ALPNProtocols: ["xmpp-client"] } : {}),
    });
    this.#attach(socket);
    socket.once("secureConnect", () => {
      if (!socket.authorized) return void socket.destroy(socket.authorizationError);
      this.secure = true;
      this.bindings = readBindings(socket);
      this.tls = { version: socket.getProtocol() ?? "", cipher: socket.getCipher().name };
      // Openfire loses a stream header that comes together with the end of a TLS 1.3 handshake.
      const ready = () => void (socket.destroyed || this.emit("connect"));
      if (this.tls.version === "TLSv1.3") setTimeout(ready, 1);
      else ready();
    });
  }

  #attach(socket: Socket): void {
    this.#socket = socket;
    const decoder = new StringDecoder("utf8"); // a character may be split between two chunks
    socket.on("data", (chunk: Buffer) => {
      const text = decoder.write(chunk);
      if (text !== "") this.emit("data", text);
    });
    socket.on("error", (error) => {
      if (this.#failed) return; // the raw socket repeats what the TLS socket said
      this.#failed = true;
      this.emit("error", error);
    });
    socket.on("close", (dirty: boolean) => {
      if (socket === this.#socket) this.emit("close", dirty);
    });
  }

  write(text: string, done?: (error?: Error | null) => void): void {
    if (this.#socket?.writable) this.#socket.write(text, "utf8", done);
    else done?.(new Error("the socket is closed"));
  }

  end(): void {
    this.#socket?.end();
  }

  destroy(): void {
    this.#socket?.destroy();
    this.#raw?.destroy();
  }
}
