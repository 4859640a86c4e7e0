import { connect, createServer, type AddressInfo, type Socket } from "node:net";

/** A line on 127.0.0.1 to another port there, which can be cut, slowed down or turned into a black hole. */
export interface TcpProxy {
  readonly port: number;
  /** How many connections were opened so far. */
  readonly connections: number;
  /** How many connections are open and not {@link TcpProxy.abandon}ed. */
  readonly live: number;
  /** All that clients sent so far, as it stood on the wire. */
  readonly sent: Buffer;
  /**
   * From now on nothing passes in either direction, and nobody is told; new connections hang too.
   * "answers": what clients send still arrives; "questions": what the server sends does.
   */
  freeze(direction?: "both" | "answers" | "questions"): void;
  /** The same in both directions, for each connection after so many packets of the server. */
  freezeAfter(packets: number): void;
  /** Everything passes again, on the same connections; what was swallowed stays lost. */
  thaw(): void;
  /** Bytes that a client sent into the black hole. */
  readonly swallowed: number;
  /** From now on everything waits, new connections too, until {@link TcpProxy.release}. */
  hold(): void;
  /** Lets pass what waited, in order, and what comes after it. */
  release(): void;
  /** The connections of now are dead for good and neither end is told; new ones pass. */
  abandon(): void;
  /** Everything takes this long each way from now on, in order. */
  setDelay(delayMs: number): void;
  /** Ends every connection by a reset, and lets new ones pass. */
  cut(): void;
  stop(): Promise<void>;
}

/** @param initialDelayMs how long everything takes each way; 0 (default): no time */
export async function startTcpProxy(target: number, initialDelayMs = 0): Promise<TcpProxy> {
  const sockets = new Set<Socket>();
  const abandoned = new WeakSet<Socket>();
  const sent: Buffer[] = [];
  let delayMs = initialDelayMs;
  let connections = 0;
  let isFrozen = false;
  let isDeaf = false;
  let packetLimit = Infinity;
  let isHeld = false;
  let swallowed = 0;

  const track = (socket: Socket): void => {
    sockets.add(socket);
    // The other end of the line hears of it by "close".
    socket.on("error", () => {});
    socket.on("close", () => sockets.delete(socket));
  };
  /** Writes to a socket; nothing overtakes what was delayed before it. */
  const createPass = (to: Socket): ((data: Buffer) => void) => {
    const waiting: Buffer[] = [];
    const passFirst = (): void => {
      const data = waiting.shift();
      if (data !== undefined) to.write(data);
    };
    return (data) => {
      if (delayMs === 0 && waiting.length === 0) {
        to.write(data);
        return;
      }
      waiting.push(data);
      setTimeout(passFirst, delayMs);
    };
  };
  const server = createServer((client) => {
    connections++;
    const upstream = connect({ host: "127.0.0.1", port: target });
    const toUpstream = createPass(upstream);
    const toClient = createPass(client);
    track(client);
    track(upstream);
    let packets = 0;
    client.on("data", (data) => {
      sent.push(data);
      if (isDeaf || packets >= packetLimit || abandoned.has(client)) swallowed += data.length;
      else toUpstream(data);
    });
    upstream.on("data", (data) => {
      if (!isFrozen && packets < packetLimit && !abandoned.has(client)) toClient(data);
      packets += 1;
    });
    // Listening to "data" set them flowing.
    if (isHeld) for (const socket of [client, upstream]) socket.pause();
    client.on("close", () => {
      if (!abandoned.has(client)) upstream.destroy();
    });
    upstream.on("close", () => {
      if (!isFrozen && packets < packetLimit && !abandoned.has(client)) client.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const release = (): void => {
    isHeld = false;
    for (const socket of sockets) socket.resume();
  };
  const cut = (): void => {
    isFrozen = isDeaf = isHeld = false;
    packetLimit = Infinity;
    for (const socket of sockets) socket.resetAndDestroy();
  };
  return {
    port: (server.address() as AddressInfo).port,
    get connections() {
      return connections;
    },
    get live() {
      return [...sockets].filter((socket) => !abandoned.has(socket)).length / 2;
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
    hold() {
      isHeld = true;
      for (const socket of sockets) socket.pause();
    },
    release,
    abandon() {
      for (const socket of sockets) abandoned.add(socket);
      release();
    },
    setDelay(ms) {
      delayMs = ms;
    },
    cut,
    async stop() {
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      cut();
      await closed;
    },
  };
}
