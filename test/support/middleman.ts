import { readFileSync } from "node:fs";
import type { AddressInfo } from "node:net";
import { connect, createServer } from "node:tls";
import type { TLSSocket } from "node:tls";

import type { CertificateFiles } from "./certificates.ts";

/** Somebody on 127.0.0.1 who ends the client's TLS and has one of his own to the server. */
export interface Middleman {
  readonly port: number;
  /** What clients said, in the clear. */
  readonly heard: string;
  stop(): Promise<void>;
}

export interface MiddlemanOptions {
  /** The server's port for direct TLS on 127.0.0.1, and the name in its certificate. */
  readonly target: number;
  readonly domain: string;
  readonly caFile: string;
  /** What he shows to clients. */
  readonly certificate: CertificateFiles;
  /** What he makes of what the server says, by the packet. Default: nothing. */
  readonly rewrite?: (text: string) => string;
  /** The newest TLS that he speaks with clients. Default: 1.3. */
  readonly maxTls?: "TLSv1.2" | "TLSv1.3";
}

/** Clients reach him by direct TLS. */
export async function startMiddleman(options: MiddlemanOptions): Promise<Middleman> {
  const { target, domain, certificate, rewrite = (text: string) => text } = options;
  const sockets = new Set<TLSSocket>();
  let heard = "";
  const track = (socket: TLSSocket): void => {
    sockets.add(socket);
    socket.on("error", () => socket.destroy());
    socket.on("close", () => sockets.delete(socket));
    socket.setNoDelay(true).setEncoding("utf8");
  };
  const server = createServer(
    {
      key: readFileSync(certificate.keyFile),
      cert: readFileSync(certificate.certFile),
      maxVersion: options.maxTls ?? "TLSv1.3",
      ALPNProtocols: ["xmpp-client"],
    },
    (client) => {
      const upstream = connect({
        host: "127.0.0.1",
        port: target,
        servername: domain,
        ca: readFileSync(options.caFile),
        ALPNProtocols: ["xmpp-client"],
      });
      track(client);
      track(upstream);
      client.on("data", (text: string) => {
        heard += text;
        upstream.write(text);
      });
      upstream.on("data", (text: string) => client.write(rewrite(text)));
      client.on("close", () => upstream.destroy());
      upstream.on("close", () => client.end());
    },
  );
  server.on("tlsClientError", () => {}); // a client that does not believe him
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  return {
    port: (server.address() as AddressInfo).port,
    get heard() {
      return heard;
    },
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      for (const socket of sockets) socket.destroy();
      await closed;
    },
  };
}
