/**
 * TLS on the wire: what must be true before the first byte that depends on the password.
 * Fault 8 and the certificate half of fault 13 of stock xmpp.js 0.14 are here.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { createTempDir } from "../../test/support/at-exit.ts";
import type { TempDir } from "../../test/support/at-exit.ts";
import { createAuthority } from "../../test/support/certificates.ts";
import type { CertificateAuthority, CertificateFiles } from "../../test/support/certificates.ts";
import { startFakeServer, STARTTLS_FEATURE } from "../../test/support/fake-server.ts";
import type { FakePeer, FakeServerOptions } from "../../test/support/fake-server.ts";
import { runCommand } from "../../test/support/process.ts";
import { ours, reached } from "../../test/support/xmpp-subjects.ts";

let temp: TempDir;
let authority: CertificateAuthority;
let good: CertificateFiles;
beforeAll(async () => {
  temp = createTempDir("tls");
  authority = await createAuthority(temp.path);
  good = await authority.issue("good", { names: ["xmpp.example"] });
});
afterAll(() => temp.remove());

const cleanUp: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((task) => task()));
});

async function serve(options: Partial<FakeServerOptions> & Pick<FakeServerOptions, "script">) {
  const server = await startFakeServer({ domain: "xmpp.example", certificate: good, ...options });
  cleanUp.push(() => server.stop());
  return server;
}

function start(port: number, options: Parameters<typeof ours>[1] = {}) {
  const session = ours(port, { jid: "bot@xmpp.example", caFile: authority.caFile, ...options });
  cleanUp.push(() => session.stop());
  session.start();
  return session;
}

const starttls = (proceed?: string) => async (peer: FakePeer) => {
  await peer.openStream(STARTTLS_FEATURE);
  await peer.startTls(proceed);
  await peer.login();
};
const directTls = async (peer: FakePeer) => void (await peer.login());

describe("TLS", () => {
  it("STARTTLS: names the account's domain in SNI, whatever host it connects to", async () => {
    const server = await serve({ script: starttls() });
    const session = start(server.port);
    await reached(session, "online");
    expect(server.peers[0]?.servername).toBe("xmpp.example");
    expect(session.state).toMatchObject({
      facts: { transport: "tcp", tls: { version: "TLSv1.3" } },
    });
  });

  it("direct TLS: the same, with ALPN xmpp-client (XEP-0368)", async () => {
    const server = await serve({ script: directTls, directTls: true });
    await reached(start(server.port, { transport: "tls" }), "online");
    expect(server.peers[0]).toMatchObject({ servername: "xmpp.example", alpn: "xmpp-client" });
  });

  it("names itself to the server only behind TLS (RFC 6120 §4.7.1)", async () => {
    const server = await serve({ script: starttls() });
    await reached(start(server.port), "online");
    const [inTheClear, behind] = server.peers[0]?.received.split(/<starttls[^>]*>/) ?? [];
    expect(inTheClear).not.toContain("bot");
    expect(behind).toContain('from="bot@xmpp.example"');
  });

  it("never reads what was injected behind <proceed/> in the clear (CVE-2011-0411)", async () => {
    const injected =
      "<proceed xmlns='urn:ietf:params:xml:ns:xmpp-tls'/><message from='mallory@evil.example' id='injected'/><stream:features><mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms></stream:features>";
    const server = await serve({
      script: async (peer) => {
        await starttls(injected)(peer);
        peer.send("<message from='alice@xmpp.example' id='genuine'/>");
      },
    });
    const session = start(server.port);
    const first = await new Promise<string>((resolve) =>
      session.onStanza((stanza) => resolve(String(stanza.attrs["id"]))),
    );
    expect(first).toBe("genuine");
  });

  const refusals: Array<[string, () => Promise<CertificateFiles>, boolean]> = [
    [
      "for another name",
      () => authority.issue("other", { names: ["other.example", "localhost", "127.0.0.1"] }),
      true,
    ],
    [
      "that has expired",
      () => authority.issue("old", { names: ["xmpp.example"], expired: true }),
      true,
    ],
    ["of an unknown authority", async () => good, false],
  ];
  describe.each(refusals)("a certificate %s", (_what, issue, trusted) => {
    it.each(["tcp", "tls"] as const)(
      "over %s: nothing is sent, refused without another try",
      async (transport) => {
        const server = await serve({
          certificate: await issue(),
          directTls: transport === "tls",
          script: transport === "tls" ? directTls : starttls(),
        });
        const session = start(server.port, {
          transport,
          plaintext: false,
          caFile: trusted ? authority.caFile : undefined,
        });
        await reached(session, "refused");
        expect(session.state).toMatchObject({
          error: {
            condition: "certificate",
            fatal: true,
            advice: expect.stringContaining("caFile"),
          },
        });
        // An unknown authority is looked for in the system's store once, and that is all.
        expect(server.peers.length).toBeLessThanOrEqual(2);
        for (const peer of server.peers) expect(peer.received).not.toMatch(/auth|bot/);
      },
    );
  });

  it("over wss:// the certificate must name the host of the URL, not the JID's domain: nothing is sent", async () => {
    const server = await serve({ script: directTls, directTls: true });
    const url = `wss://127.0.0.1:${server.port}/xmpp-websocket`;
    const session = start(server.port, { endpoint: { transport: "websocket", url } });
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "certificate" } });
    for (const peer of server.peers) expect(peer.received).toBe("");
  });

  it("an unreadable or empty caFile is told as such", async () => {
    const session = start(1, { caFile: "/nonexistent/ca.pem" });
    await reached(session, "refused");
    expect(session.state).toMatchObject({
      error: { condition: "certificate", advice: expect.stringContaining("caFile") },
    });
  });

  it("a server that refuses STARTTLS gets nothing", async () => {
    const server = await serve({
      script: async (peer) => {
        await peer.openStream(STARTTLS_FEATURE);
        await peer.expect(/<starttls[^>]*>/);
        peer.send("<failure xmlns='urn:ietf:params:xml:ns:xmpp-tls'/></stream:stream>");
        await peer.closed;
      },
    });
    const session = start(server.port);
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "tls-required" } });
    expect(server.peers[0]?.received).not.toContain("auth");
  });

  it("ws:// needs the operator's word, even to loopback", async () => {
    const endpoint = { transport: "websocket", url: "ws://127.0.0.1:1/" } as const;
    const session = start(1, { endpoint, plaintext: false });
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "plaintext-refused" } });
  });
});

/** Stock takes no CA: it runs in a process whose NODE_EXTRA_CA_CERTS names ours. */
async function stockDirectTls(port: number, domain: string, trusting = true) {
  const script = `
    import { client } from "@xmpp/client";
    const xmpp = client({ service: "xmpps://localhost:${port}", domain: "${domain}", username: "bot", password: "secret" });
    let errors = 0;
    xmpp.reconnect.delay = 10;
    const done = (text) => { console.log(text); process.exit(0); };
    xmpp.on("error", () => (errors += 1) >= 3 && done("tried again and again"));
    xmpp.on("online", () => done("online"));
    xmpp.start().catch(() => {});
    setTimeout(() => done("nothing"), 8000);`;
  const result = await runCommand({
    name: "stock client",
    command: process.execPath,
    args: ["--input-type=module", "-e", script],
    cwd: new URL("../..", import.meta.url).pathname,
    env: { ...process.env, ...(trusting ? { NODE_EXTRA_CA_CERTS: authority.caFile } : {}) },
  });
  return result.stdout.trim();
}

describe("the stock client, on the same servers", () => {
  it("fault 8: accepts a certificate for the host instead of the domain, without SNI and ALPN", async () => {
    const certificate = await authority.issue("host", { names: ["localhost"] });
    const server = await serve({ certificate, directTls: true, script: directTls });
    expect(await stockDirectTls(server.port, "xmpp.example")).toBe("online");
    expect(server.peers[0]).toMatchObject({ servername: false, alpn: false });
    const session = start(server.port, { transport: "tls", host: "localhost" });
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "certificate" } });
  });

  it("fault 11: does no channel binding, so that it finds no way in where nothing else is offered", async () => {
    const mechanisms = ["SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"];
    const bindings = ["tls-exporter", "tls-server-end-point"];
    const script = async (peer: FakePeer) => void (await peer.login({ mechanisms, bindings }));
    const server = await serve({ directTls: true, script });
    expect(await stockDirectTls(server.port, "xmpp.example")).not.toBe("online");
    expect(server.peers[0]?.received).not.toContain("<auth");
    await reached(start(server.port, { transport: "tls" }), "online");
  });

  it("fault 13: hammers a server whose certificate it does not trust", async () => {
    const server = await serve({ directTls: true, script: directTls });
    expect(await stockDirectTls(server.port, "xmpp.example", false)).toBe("tried again and again");
  });
});
