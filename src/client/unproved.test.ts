/**
 * What anybody on the line can say before TLS is up: it does not end an account for good that has
 * been on its server before.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createTempDir } from "../../test/support/at-exit.ts";
import type { TempDir } from "../../test/support/at-exit.ts";
import { createAuthority } from "../../test/support/certificates.ts";
import type { CertificateAuthority, CertificateFiles } from "../../test/support/certificates.ts";
import {
  mechanismsFeature,
  startFakeServer,
  STARTTLS_FEATURE,
} from "../../test/support/fake-server.ts";
import type { FakePeer, FakeServerOptions } from "../../test/support/fake-server.ts";
import { ours, prepared, reached } from "../../test/support/xmpp-subjects.ts";
import type { OursOptions } from "../../test/support/xmpp-subjects.ts";
import { waitFor } from "../../test/support/wait.ts";
import type { ServerMemory } from "../state/server-memory.ts";
import type { ConnectionState } from "./types.ts";

const DOMAIN = prepared("xmpp.example");
/** More than the doubts that there are about a server that is just starting. */
const FORGERIES = 8;

let temp: TempDir;
let authority: CertificateAuthority;
let good: CertificateFiles;
beforeAll(async () => {
  temp = createTempDir("unproved");
  authority = await createAuthority(temp.path);
  good = await authority.issue("good", { names: [DOMAIN] });
});
afterAll(() => temp.remove());

const cleanUp: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((task) => task()));
});

async function serve(script: FakeServerOptions["script"], more: Partial<FakeServerOptions> = {}) {
  const server = await startFakeServer({ domain: DOMAIN, certificate: good, script, ...more });
  cleanUp.push(() => server.stop());
  return server;
}

const known: ServerMemory = {
  recall: (domain) =>
    domain === DOMAIN ? { mechanism: "SCRAM-SHA-1", encrypted: true } : undefined,
  remember() {},
  forget: () => false,
};

function start(port: number, options: OursOptions = {}) {
  const session = ours(port, { jid: `bot@${DOMAIN}`, caFile: authority.caFile, ...options });
  cleanUp.push(() => session.stop());
  const states: ConnectionState[] = [];
  session.onState((state) => states.push(state));
  session.start();
  return { session, states };
}

const streamError = (condition: string) =>
  `<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>`;
const genuine = async (peer: FakePeer) => {
  await peer.openStream(STARTTLS_FEATURE);
  await peer.startTls();
  await peer.login();
};
const forged = (condition: string) => async (peer: FakePeer) => {
  await peer.expect(/<stream:stream[^>]*>/);
  peer.send(
    `<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' id='x' from='${DOMAIN}' version='1.0'>${streamError(condition)}`,
  );
  await peer.closed;
};
const stripped = async (peer: FakePeer) => {
  await peer.openStream(mechanismsFeature(["SCRAM-SHA-1"]));
  await peer.closed;
};

describe("from a server that we know, said before TLS", () => {
  it.each([
    ...["conflict", "not-allowed", "unsupported-version", "not-authorized", "host-unknown"].map(
      (condition) => [`<${condition}/>`, forged(condition), condition] as const,
    ),
    ["no STARTTLS", stripped, "downgrade"] as const,
  ])("%s ends nothing, however often", async (_what, forge, condition) => {
    const server = await serve((peer, index) => (index < FORGERIES ? forge(peer) : genuine(peer)));
    const { session, states } = start(server.port, { serverMemory: known });
    await Promise.race([reached(session, "online"), reached(session, "refused")]);
    expect(session.state.kind).toBe("online");
    expect(server.peers).toHaveLength(FORGERIES + 1);
    const advice = expect.stringMatching(/^[A-Z].*\.$/);
    const error = { condition, fatal: false, advice };
    const waits = states.filter(({ kind }) => kind === "waiting");
    expect(waits).toHaveLength(FORGERIES);
    for (const wait of waits) expect(wait).toMatchObject({ error });
    for (const peer of server.peers.slice(0, FORGERIES))
      expect(peer.received).not.toMatch(/<auth|bot/);
  });

  it.each(["tcp", "tls"] as const)(
    "a wrong certificate (%s) is told as such, and tried again until it is right",
    async (transport) => {
      const certificate = await authority.issue("portal", { names: ["portal.example"] });
      const directTls = transport === "tls";
      const script = directTls ? async (peer: FakePeer) => void (await peer.login()) : genuine;
      const portal = await serve(script, { certificate, directTls });
      const { session } = start(portal.port, { transport, serverMemory: known });
      await waitFor(() => portal.peers.length >= FORGERIES, { what: "as many attempts" });
      await reached(session, "waiting");
      expect(session.state).toMatchObject({
        error: { condition: "certificate", message: expect.stringMatching(/^the certificate of /) },
      });
      await portal.stop();
      await serve(script, { port: portal.port, directTls });
      await reached(session, "online");
      for (const peer of portal.peers) expect(peer.received).not.toMatch(/<auth|bot/);
    },
  );
});

describe("what stays final", () => {
  it("from a server that we know, behind TLS: at once", async () => {
    const server = await serve(async (peer) => {
      await genuine(peer);
      peer.send(streamError("conflict"));
      await peer.closed;
    });
    const { session } = start(server.port, { serverMemory: known });
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "conflict", fatal: true } });
    expect(server.peers).toHaveLength(1);
  });

  it("behind TLS, before the login, too", async () => {
    const server = await serve(async (peer) => {
      await peer.openStream(STARTTLS_FEATURE);
      await peer.startTls();
      await forged("not-allowed")(peer);
    });
    const { session } = start(server.port, { serverMemory: known });
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "not-allowed", fatal: true } });
    expect(server.peers).toHaveLength(1);
  });

  it("from one that we do not know: at once, for somebody is just setting it up", async () => {
    const server = await serve(forged("host-unknown"));
    const { session } = start(server.port);
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "host-unknown" } });
    expect(server.peers).toHaveLength(1);
  });

  it("a `caFile` that cannot be read", async () => {
    const { session } = start(1, { caFile: "/nonexistent/ca.pem", serverMemory: known });
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "certificate", fatal: true } });
  });
});
