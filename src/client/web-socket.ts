/**
 * The WebSocket under a stream (RFC 7395). Node's own WebSocket takes neither certificate
 * authorities nor a limit on the size of a message, so this is the `ws` package.
 */
import { EventEmitter } from "node:events";
import { connect as connectTcp } from "node:net";
import type { Socket } from "node:net";
import { connect as connectTls, TLSSocket } from "node:tls";
import type { SecureContext } from "node:tls";
import { WebSocket } from "ws";
import type { Bindings } from "./channel-binding.ts";
import type { StreamSocket, TlsFacts } from "./client-socket.ts";
import { connectionError } from "./conditions.ts";
import { MAX_STANZA } from "./stream-parser.ts";
import { isLoopback, tlsOptions } from "./trust.ts";

export type WebSocketTarget = {
  /** `wss://`; `ws://` only with `allowPlaintext`, and only to loopback */
  url: string;
  authorities: SecureContext;
  allowPlaintext: boolean;
};

/** The certificate is verified for the host of the URL, which the operator wrote (RFC 7395 §4). */
export class ClientWebSocket extends EventEmitter implements StreamSocket {
  secure = false;
  tls: TlsFacts | undefined;
  loopback = false;
  /** The TLS of a WebSocket often ends at a web server in front. */
  readonly bindings: Bindings = new Map();
  readonly #target: WebSocketTarget;
  #socket: WebSocket | undefined;
  #transport: Socket | undefined;

  constructor(target: WebSocketTarget) {
    super();
    this.#target = target;
    this.on("error", () => {}); // a late error finds a listener, whoever else has left
  }

  connect(): void {
    const url = new URL(this.#target.url);
    const encrypted = url.protocol === "wss:";
    if (!encrypted && !this.#target.allowPlaintext) {
      this.#refusePlaintext(url);
      return;
    }
    const host = url.hostname.replace(/^\[(.*)\]$/, "$1");
    const port = url.port === "" ? (encrypted ? 443 : 80) : Number(url.port);
    const socket = new WebSocket(url, ["xmpp"], {
      maxPayload: MAX_STANZA,
      perMessageDeflate: false,
      followRedirects: false,
      createConnection: () => {
        const transport = encrypted
          ? connectTls({ ...tlsOptions(host, this.#target.authorities), host, port })
          : connectTcp({ host, port });
        transport.setNoDelay(true);
        transport.once("connect", () => this.emit("reached"));
        this.#transport = transport;
        return transport;
      },
    });
    this.#socket = socket;
    socket.on("error", (error) => this.emit("error", error));
    socket.on("close", (code) => this.emit("close", code !== 1000));
    socket.on("message", (data, isBinary) => {
      if (!isBinary) this.emit("data", data.toString());
    });
    socket.on("open", () => this.#onOpen(url));
  }

  #onOpen(url: URL): void {
    const transport = this.#transport;
    this.loopback = isLoopback(transport?.remoteAddress);
    if (transport instanceof TLSSocket && transport.authorized) {
      this.secure = true;
      this.tls = { version: transport.getProtocol() ?? "", cipher: transport.getCipher().name };
    } else if (!this.loopback) {
      this.#refusePlaintext(url);
      return;
    }
    this.emit("connect");
  }

  #refusePlaintext(url: URL): void {
    this.destroy();
    this.emit(
      "error",
      connectionError("plaintext-refused", `${url.origin}${url.pathname} is not encrypted`),
    );
  }

  write(text: string, done?: (error?: Error | null) => void): void {
    if (this.#socket?.readyState === WebSocket.OPEN)
      this.#socket.send(text, (error) => done?.(error));
    else done?.(new Error("the socket is closed"));
  }

  end(): void {
    this.#socket?.close(1000);
  }

  destroy(): void {
    this.#socket?.terminate();
    this.#transport?.destroy();
  }
}
