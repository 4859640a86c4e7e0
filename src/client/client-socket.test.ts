import { expect, it } from "vitest";
import { startFakeServer } from "../../test/support/fake-server.ts";
import { ClientSocket } from "./client-socket.ts";
import { trustedAuthorities } from "./trust.ts";

it("fault 5: an error that comes after everybody else has left harms nobody", async () => {
  const server = await startFakeServer({ script: async (peer) => await peer.closed });
  const socket = new ClientSocket({
    host: "127.0.0.1",
    port: server.port,
    directTls: false,
    domain: "localhost",
    authorities: trustedAuthorities(undefined, false),
  });
  const late = () => {};
  socket.on("error", late);
  await new Promise<void>((resolve) => {
    socket.once("connect", resolve);
    socket.connect();
  });
  socket.off("error", late);
  // As an emitter without a listener for it would throw, into the event loop.
  expect(socket.listenerCount("error")).toBeGreaterThan(0);
  const closed = new Promise<unknown>((resolve) => socket.once("close", resolve));
  server.peers[0]?.reset();
  expect(await closed).toBe(true);
  await server.stop();
});
