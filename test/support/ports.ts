import { createServer } from "node:net";

const LOOPBACK = "127.0.0.1";

/** Ports handed out by this process, so that two servers starting at once never get the same one. */
const given = new Set<number>();

async function askKernel(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve, reject) => {
    server.once("error", reject);
    server.listen(0, LOOPBACK, resolve);
  });
  const address = server.address();
  await new Promise<void>((resolve) => server.close(() => resolve()));
  if (address === null || typeof address === "string") {
    throw new Error("the kernel gave no TCP port");
  }
  return address.port;
}

/** A TCP port that is free on 127.0.0.1 now and that this process has not handed out before. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = await askKernel();
    if (!given.has(port)) {
      given.add(port);
      return port;
    }
  }
}

/** `count` different free ports on 127.0.0.1. */
export async function freePorts(count: number): Promise<number[]> {
  return await Promise.all(Array.from({ length: count }, freePort));
}
