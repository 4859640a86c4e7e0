import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A line on 127.0.0.1 to another port there, which can be cut or turned into a black hole. */
export interface TcpProxy {
  readonly port: number;
  /** How many connections were opened so far. */
  readonly connections: number;
  /** All that clients sent so far, as it stood on the wire. */
  readonly sent: Buffer;
  /**
   * From now on nothing passes in either direction, and nobody is told; new connections hang too.
   * "answers": what clients send still arrives.
   */
  freeze(direction?: "both" | "answers"): void;
  /** Bytes that a client sent into the black hole. */
  readonly swallowed: number;
  /** Ends every connection by a reset, and lets new ones pass. */
  cut(): void;
  stop(): Promise<void>;
}

export async function startTcpProxy(target: number): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const sent: Buffer[] = [];
  let connections = 0;
  let isFrozen = false;
  let isDeaf = false;
  let swallowed = 0;

  const track = (socket: Socket): void => {
    sockets.add(socket);
    // The other end of the line hears of it by "close".
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  const server = createServer((client) => {
    connections++;
    const upstream = connect({ host: "127.0.0.1", port: target });
    track(client);
    track(upstream);
    client.on("data", (data) => {
      sent.push(data);
      if (isDeaf) swallowed += data.length;
      else upstream.write(data);
    });
    upstream.on("data", (data) => {
      if (!isFrozen) client.write(data);
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => {
      if (!isFrozen) client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    isFrozen = isDeaf = false;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    get sent() {
      return Buffer.concat(sent);
    },
    get swallowed() {
      return swallowed;
    },
    freeze(direction = "both") {
      isFrozen = true;
      isDeaf = direction === "both";
      swallowed = 0;
    },
    cut,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}
