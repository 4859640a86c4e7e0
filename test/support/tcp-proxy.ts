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
   * "answers": what clients send still arrives; "questions": what the server sends does.
   */
  freeze(direction?: "both" | "answers" | "questions"): void;
  /** The same in both directions, for each connection after so many packets of the server. */
  freezeAfter(packets: number): void;
  /** Bytes that a client sent into the black hole. */
  readonly swallowed: number;
  /** Everything passes again, on the same connections; what was swallowed stays lost. */
  thaw(): void;
  /** Ends every connection by a reset, and lets new ones pass. */
  cut(): void;
  stop(): Promise<void>;
}

/** @param delayMs how long everything takes each way; 0 (default): no time */
export async function startTcpProxy(target: number, delayMs = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const sent: Buffer[] = [];
  let connections = 0;
  let isFrozen = false;
  let isDeaf = false;
  let packetLimit = Infinity;
  let swallowed = 0;

  const track = (socket: Socket): void => {
    sockets.add(socket);
    // The other end of the line hears of it by "close".
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  const pass = (to: Socket, data: Buffer): void => {
    if (delayMs > 0) setTimeout(() => to.write(data), delayMs);
    else to.write(data);
  };
  const server = createServer((client) => {
    connections++;
    const upstream = connect({ host: "127.0.0.1", port: target });
    track(client);
    track(upstream);
    let packets = 0;
    client.on("data", (data) => {
      sent.push(data);
      if (isDeaf || packets >= packetLimit) swallowed += data.length;
      else pass(upstream, data);
    });
    upstream.on("data", (data) => {
      if (!isFrozen && packets < packetLimit) pass(client, data);
      packets += 1;
    });
    client.on("close", () => upstream.destroy());
    upstream.on("close", () => {
      if (!isFrozen && packets < packetLimit) client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const cut = (): void => {
    isFrozen = isDeaf = false;
    packetLimit = Infinity;
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
      isFrozen = direction !== "questions";
      isDeaf = direction !== "answers";
      swallowed = 0;
    },
    freezeAfter(limit) {
      packetLimit = limit;
    },
    thaw() {
      isFrozen = isDeaf = false;
      packetLimit = Infinity;
    },
    cut,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}
