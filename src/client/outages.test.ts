/** What a server that is going or coming up does to us, and what it says before all of it is there. */
import { afterEach, describe, expect, it } from "vitest";
import { startFakeServer } from "../../test/support/fake-server.ts";
import type { FakePeer, FakeServer } from "../../test/support/fake-server.ts";
import { freePorts } from "../../test/support/ports.ts";
import { startTcpProxy } from "../../test/support/tcp-proxy.ts";
import { ours, prepared, reached } from "../../test/support/xmpp-subjects.ts";
import type { OursOptions } from "../../test/support/xmpp-subjects.ts";
import { waitFor } from "../../test/support/wait.ts";
import { DEFAULT_TIMINGS } from "./session.ts";
import type { ServerMemory } from "../state/server-memory.ts";

const cleanUp: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((task) => task()));
});

async function serve(
  script: (peer: FakePeer, index: number) => Promise<unknown>,
): Promise<FakeServer> {
  const server = await startFakeServer({ script: async (...args) => void (await script(...args)) });
  cleanUp.push(() => server.stop());
  return server;
}

function start(port: number, options: OursOptions = {}) {
  const session = ours(port, options);
  cleanUp.push(() => session.stop());
  session.start();
  return session;
}

const known: ServerMemory = {
  recall: (domain) =>
    domain === prepared("localhost") ? { mechanism: "SCRAM-SHA-1", encrypted: false } : undefined,
  remember() {},
  forget: () => false,
};

const hostUnknown = async (peer: FakePeer) => {
  await peer.openStream("");
  peer.send(
    "<stream:error><host-unknown xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
  );
  await peer.closed;
};
const noMechanisms = async (peer: FakePeer) => {
  await peer.openStream("");
  await peer.closed;
};

describe("a server that is not all there yet", () => {
  it.each([
    ["serves no such domain", hostUnknown],
    ["offers no login", noMechanisms],
  ])("%s: one that we know is asked again", async (_what, unready) => {
    const server = await serve((peer, index) => (index < 3 ? unready(peer) : peer.login()));
    const session = start(server.port, { serverMemory: known });
    await reached(session, "online");
    expect(server.peers).toHaveLength(4);
  });

  it("and is believed when it says it six times", async () => {
    const server = await serve(hostUnknown);
    const session = start(server.port, { serverMemory: known });
    await reached(session, "refused");
    expect(server.peers).toHaveLength(6);
    expect(session.state).toMatchObject({ error: { condition: "host-unknown", fatal: true } });
  });

  it("as it takes its domain down and puts it up again, it is asked again", async () => {
    const server = await serve(async (peer, index) => {
      await peer.login();
      if (index === 0) {
        peer.send(
          "<stream:error><host-gone xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
        );
      }
      await peer.closed;
    });
    const session = start(server.port);
    const ends: unknown[] = [];
    session.onState((state) => void (state.kind === "waiting" && ends.push(state.error)));
    await waitFor(() => server.peers.length > 1 || session.state.kind === "refused", {
      what: "the second login",
    });
    await reached(session, "online");
    expect(ends).toMatchObject([{ condition: "host-gone", fatal: false }]);
    expect(server.peers).toHaveLength(2);
  });

  it("one that we do not know is believed at once", async () => {
    const server = await serve(hostUnknown);
    const session = start(server.port);
    await reached(session, "refused");
    expect(server.peers).toHaveLength(1);
  });
});

describe("by default", () => {
  it("a dead line is found within a minute, whenever it died", () => {
    const { idleMs, answerMs, endpointTimeoutMs } = DEFAULT_TIMINGS;
    expect(idleMs + answerMs).toBeLessThan(60_000);
    expect(endpointTimeoutMs).toBeLessThan(60_000);
  });
});

describe("a server that is not there", () => {
  /** Attempts are an hour apart: what brings us back is the looking. */
  const slow = { backoffMs: 3_600_000, maxBackoffMs: 3_600_000 };

  it("is found back by looking, and the last error stays in sight", async () => {
    const [port = 0] = await freePorts(1);
    const session = start(port, { timings: slow });
    await reached(session, "waiting");
    expect(session.state).toMatchObject({ error: { condition: "unreachable" } });
    const states: unknown[] = [];
    session.onState((state) => states.push(state));
    const script = async (peer: FakePeer) => void (await peer.login());
    const server = await startFakeServer({ port, script });
    cleanUp.push(() => server.stop());
    await reached(session, "online");
    expect(states[0]).toMatchObject({ kind: "connecting", error: { condition: "unreachable" } });
  });

  it("is not taken for back because something in front of it takes connections", async () => {
    const [port = 0] = await freePorts(1);
    const proxy = await startTcpProxy(port); // takes them, and finds nobody behind
    cleanUp.push(() => proxy.stop());
    const session = start(proxy.port, { timings: slow });
    await reached(session, "waiting");
    expect(session.state).toMatchObject({ error: { condition: "network" } });
    const before = proxy.connections;
    await expect(
      waitFor(() => proxy.connections > before, { what: "a look", timeoutMs: 300 }),
    ).rejects.toThrow("in vain");
  });
});
