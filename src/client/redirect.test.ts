import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createTempDir } from "../../test/support/at-exit.ts";
import type { TempDir } from "../../test/support/at-exit.ts";
import { createAuthority } from "../../test/support/certificates.ts";
import type { CertificateAuthority, CertificateFiles } from "../../test/support/certificates.ts";
import { startFakeServer, STARTTLS_FEATURE } from "../../test/support/fake-server.ts";
import type { FakePeer } from "../../test/support/fake-server.ts";
import { ours, reached } from "../../test/support/xmpp-subjects.ts";
import { redirectedEndpoint } from "./redirect.ts";
import type { Endpoint } from "./types.ts";

const tcp: Endpoint = { transport: "tcp", host: "10.0.0.1", port: 5222 };
const tls: Endpoint = { transport: "tls", host: "10.0.0.1", port: 5223 };
const webSocket: Endpoint = { transport: "websocket", url: "wss://chat.example/ws" };

describe("where a server may send us", () => {
  it.each<[string, Endpoint, boolean, string | undefined]>([
    ["node2.far.example", tcp, true, "node2.far.example:5222"],
    ["node2.far.example:9222", tcp, true, "node2.far.example:9222"],
    ["node2.far.example", tls, true, "node2.far.example:5223"],
    ["[2001:db8::2]:9222", tcp, true, "2001:db8::2:9222"],
    ["2001:db8::2", tcp, true, "2001:db8::2:5222"],
    // Said in the clear, by whomever.
    ["node2.chat.example:9222", tcp, false, "node2.chat.example:9222"],
    ["chat.example", tcp, false, "chat.example:5222"],
    ["10.0.0.1:9222", tcp, false, "10.0.0.1:9222"],
    ["192.168.0.1:80", tcp, false, undefined],
    ["evilchat.example", tcp, false, undefined],
    ["chat.example.evil.example", tcp, false, undefined],
    // Nowhere, to itself, or to what is no XMPP server.
    ["", tcp, true, undefined],
    ["10.0.0.1:5222", tcp, true, undefined],
    ["http://10.0.0.2/", tcp, true, undefined],
    ["user@10.0.0.2", tcp, true, undefined],
    ["10.0.0.2:0", tcp, true, undefined],
    ["10.0.0.2:99999", tcp, true, undefined],
    ["node2.far.example", webSocket, true, undefined],
  ])("%j from %j, proved: %s", (location, from, isProved, expected) => {
    const to = redirectedEndpoint(location, from, isProved, "chat.example");
    const shown = to && to.transport !== "websocket" ? `${to.host}:${to.port}` : undefined;
    expect(shown).toBe(expected);
    expect(to?.transport ?? from.transport).toBe(from.transport);
  });
});

describe("on the wire", () => {
  let temp: TempDir;
  let authority: CertificateAuthority;
  let good: CertificateFiles;
  beforeAll(async () => {
    temp = createTempDir("redirect");
    authority = await createAuthority(temp.path);
    good = await authority.issue("good", { names: ["xmpp.example"] });
  });
  afterAll(() => temp.remove());
  const cleanUp: Array<() => Promise<unknown>> = [];
  afterEach(async () => {
    await Promise.all(cleanUp.splice(0).map((task) => task()));
  });

  type Script = (peer: FakePeer, index: number) => Promise<void>;
  async function serve(script: Script, certificate = good) {
    const server = await startFakeServer({ domain: "xmpp.example", certificate, script });
    cleanUp.push(() => server.stop());
    return server;
  }
  function start(port: number, host = "127.0.0.1") {
    const session = ours(port, {
      jid: "bot@xmpp.example",
      caFile: authority.caFile,
      plaintext: false,
      host,
      timings: { backoffMs: 60_000, maxBackoffMs: 60_000 },
    });
    cleanUp.push(() => session.stop());
    session.start();
    return session;
  }
  const sendOn = (peer: FakePeer, to: string) =>
    peer.send(
      `<stream:error><see-other-host xmlns='urn:ietf:params:xml:ns:xmpp-streams'>${to}</see-other-host></stream:error></stream:stream>`,
    );
  const header = async (peer: FakePeer) => {
    await peer.openStream(STARTTLS_FEATURE);
    await peer.startTls();
  };
  const login: Script = async (peer) => {
    await header(peer);
    await peer.login();
  };
  /** Sends on in answer to the second header, that is, behind TLS. */
  const redirecting =
    (to: () => string): Script =>
    async (peer) => {
      await header(peer);
      await peer.expect(/<stream:stream[^>]*>/);
      peer.send(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
      );
      sendOn(peer, to());
    };

  it("is followed at once, to a server with a certificate for the same domain", async () => {
    const other = await serve(login);
    const first = await serve(redirecting(() => `127.0.0.1:${other.port}`));
    const session = start(first.port);
    await reached(session, "online");
    expect(session.state).toMatchObject({ facts: { address: `127.0.0.1:${other.port}` } });
    expect(other.peers[0]).toMatchObject({ servername: "xmpp.example" });
    expect(other.peers[0]?.received).toContain('to="xmpp.example"');
  });

  it("leads nowhere without such a certificate: nothing is sent there", async () => {
    const certificate = await authority.issue("other", { names: ["localhost", "127.0.0.1"] });
    const other = await serve(login, certificate);
    const first = await serve(redirecting(() => `127.0.0.1:${other.port}`));
    const session = start(first.port);
    await reached(session, "waiting");
    expect(other.peers[0]?.received).not.toMatch(/auth|bot/);
  });

  it("leads nowhere without TLS", async () => {
    const other = await serve(async (peer) => {
      await peer.openStream("");
      await peer.closed;
    });
    const first = await serve(redirecting(() => `127.0.0.1:${other.port}`));
    const session = start(first.port);
    await reached(session, "waiting");
    expect(other.peers[0]?.received).not.toMatch(/auth|bot/);
  });

  it("is followed in the clear to the same host only", async () => {
    const other = await serve(login);
    const inTheClear =
      (to: string): Script =>
      async (peer) => {
        await peer.openStream("");
        sendOn(peer, to);
        await peer.closed;
      };
    const same = await serve(inTheClear(`127.0.0.1:${other.port}`));
    await reached(start(same.port), "online");
    const elsewhere = await serve(inTheClear(`localhost:${other.port}`));
    const session = start(elsewhere.port);
    await reached(session, "waiting");
    expect(session.state).toMatchObject({ error: { condition: "see-other-host" } });
    expect(other.peers).toHaveLength(1);
  });

  it("goes round twice, and no more in one attempt", async () => {
    const ports: number[] = [];
    const servers = [
      await serve(redirecting(() => `127.0.0.1:${ports[1]}`)),
      await serve(redirecting(() => `127.0.0.1:${ports[0]}`)),
    ];
    ports.push(...servers.map(({ port }) => port));
    const session = start(ports[0] ?? 0);
    await reached(session, "waiting");
    expect(session.state).toMatchObject({ error: { condition: "see-other-host" } });
    expect(servers.map(({ peers }) => peers.length)).toEqual([2, 1]);
  });

  it("is followed from a live connection, once", async () => {
    const other = await serve(login);
    const first = await serve(async (peer, index) => {
      await login(peer, index);
      if (index === 0) sendOn(peer, `127.0.0.1:${other.port}`);
    });
    const session = ours(first.port, {
      jid: "bot@xmpp.example",
      caFile: authority.caFile,
      plaintext: false,
    });
    cleanUp.push(() => session.stop());
    session.start();
    await reached(session, "online");
    await reached(session, "waiting");
    await reached(session, "online");
    expect(session.state).toMatchObject({ facts: { address: `127.0.0.1:${other.port}` } });
    other.peers[0]?.reset();
    await reached(session, "waiting");
    await reached(session, "online");
    expect(session.state).toMatchObject({ facts: { address: `127.0.0.1:${first.port}` } });
  });
});
