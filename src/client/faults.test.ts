/**
 * The faults of stock xmpp.js 0.14, numbered in the order they were found: the same server
 * script against the stock client, which shows the fault, and against ours, which does not.
 */
import { Element } from "ltx";
import { afterEach, describe, expect, it } from "vitest";
import { startFakeServer } from "../../test/support/fake-server.ts";
import type { FakeLogin, FakePeer, FakeServer } from "../../test/support/fake-server.ts";
import { chat, ours, reached, stock } from "../../test/support/xmpp-subjects.ts";
import { waitFor } from "../../test/support/wait.ts";
import { XmppConnectionError, XmppNotSentError } from "../errors.ts";

const cleanUp: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((task) => task()));
});

async function serve(
  script: (peer: FakePeer, index: number) => Promise<void>,
): Promise<FakeServer> {
  const server = await startFakeServer({ script });
  cleanUp.push(() => server.stop());
  return server;
}

/** Ends it without the goodbye that a fake server would not answer. */
function startStock(server: FakeServer, options: { password?: string; timeout?: number } = {}) {
  const xmpp = stock(server.port, { timeout: 200, ...options });
  cleanUp.push(async () => {
    xmpp.reconnect.stop();
    xmpp.removeAllListeners();
    xmpp.on("error", () => {});
    xmpp.socket?.end();
  });
  const started = xmpp.start();
  started.catch(() => {});
  return { xmpp, started };
}

function startOurs(server: FakeServer, options: Parameters<typeof ours>[1] = {}) {
  const session = ours(server.port, options);
  cleanUp.push(() => session.stop());
  session.start();
  return session;
}

const login = (options?: FakeLogin) => async (peer: FakePeer) => void (await peer.login(options));
const PING = "<iq type='get' id='ready' from='localhost'><ping xmlns='urn:xmpp:ping'/></iq>";

describe("fault 1: a character cut between two packets", () => {
  const TEXT = "a€😀é\u4e16";
  const bytes = Buffer.from(TEXT);

  /** The ping goes with the first half: its answer proves that the half was read on its own. */
  const cutAt = (cut: number) => async (peer: FakePeer) => {
    await peer.login();
    const head = Buffer.from(`${PING}<message from='a@b'><body>`);
    peer.send(Buffer.concat([head, bytes.subarray(0, cut)]));
    await peer.expect(/id="ready"/);
    peer.send(Buffer.concat([bytes.subarray(cut), Buffer.from("</body></message>")]));
  };

  it("stock corrupts it", async () => {
    const server = await serve(cutAt(2));
    const { xmpp } = startStock(server);
    const body = await new Promise<string>((resolve) =>
      xmpp.on(
        "stanza",
        (stanza: Element) => stanza.is("message") && resolve(stanza.getChildText("body") ?? ""),
      ),
    );
    expect(body).toContain("\ufffd");
  });

  it.each(Array.from(bytes, (_byte, index) => index))(
    "ours reads it, cut at byte %i",
    async (cut) => {
      const server = await serve(cutAt(cut));
      const session = startOurs(server);
      const body = await new Promise<string>((resolve) =>
        session.onStanza((stanza) => {
          if (stanza.is("message")) resolve(stanza.getChildText("body") ?? "");
        }),
      );
      expect(body).toBe(TEXT);
    },
  );
});

describe("fault 4: a reconnect into a black hole", () => {
  const hole = async (peer: FakePeer, index: number) => {
    if (index === 1) return void (await peer.closed); // accepts, and never says a word
    await peer.login();
    if (index === 0) peer.end();
  };

  it("stock hangs for ever", async () => {
    const server = await serve(hole);
    startStock(server, { timeout: 50 });
    await waitFor(() => server.peers.length === 2, { what: "the second connection" });
    // Its own time-out is 50 ms and its wait is 10 ms: a third attempt would be here by then.
    await expect(
      waitFor(() => server.peers.length > 2, { what: "a third connection", timeoutMs: 600 }),
    ).rejects.toThrow("in vain");
  });

  it("ours gives up and tries again", async () => {
    const server = await serve(hole);
    const session = startOurs(server, { timings: { endpointTimeoutMs: 100 } });
    await waitFor(() => server.peers.length === 3, { what: "the third connection" });
    await reached(session, "online");
    expect(session.state.kind).toBe("online");
  });
});

describe("fault 9: STARTTLS stripped from the offer", () => {
  const stripped = async (peer: FakePeer) => {
    await peer.openStream(
      "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>SCRAM-SHA-1</mechanism><mechanism>PLAIN</mechanism></mechanisms>",
    );
    await peer.closed;
  };

  it("stock authenticates in the clear", async () => {
    const server = await serve(stripped);
    startStock(server);
    const sent = waitFor(() => server.peers[0]?.received.includes("<auth"), { what: "<auth/>" });
    expect(await sent).toBe(true);
  });

  it("ours sends nothing and refuses", async () => {
    const server = await serve(stripped);
    const session = startOurs(server, { plaintext: false });
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "tls-required", fatal: true } });
    await server.peers[0]?.closed;
    expect(server.peers[0]?.received).not.toMatch(/auth|bot/);
  });
});

describe("fault 10: the mechanism, and the server's proof", () => {
  const ALL = ["PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"];
  const negotiated = async (start: (server: FakeServer) => unknown) => {
    const used = Promise.withResolvers<string>();
    const server = await serve(async (peer) => used.resolve(await peer.login({ mechanisms: ALL })));
    start(server);
    return await used.promise;
  };

  it("stock takes the weakest SCRAM, ours the strongest", async () => {
    expect(await negotiated((server) => startStock(server))).toBe("SCRAM-SHA-1");
    expect(await negotiated((server) => startOurs(server))).toBe("SCRAM-SHA-512");
  });

  it.each(["bad", "none"] as const)(
    "a server with a %s proof: stock is online, ours refuses",
    async (signature) => {
      const server = await serve(login({ signature }));
      await startStock(server).started;
      const session = startOurs(server);
      await reached(session, "refused");
      expect(session.state).toMatchObject({ error: { condition: "server-signature" } });
    },
  );

  it("ours never uses PLAIN", async () => {
    const server = await serve(async (peer) => {
      await peer.openStream(
        "<mechanisms xmlns='urn:ietf:params:xml:ns:xmpp-sasl'><mechanism>PLAIN</mechanism></mechanisms>",
      );
      await peer.closed;
    });
    const session = startOurs(server);
    await reached(session, "refused");
    expect(session.state).toMatchObject({ error: { condition: "no-mechanism", fatal: true } });
    expect(server.peers[0]?.received).not.toContain("<auth");
  });

  it("ours takes no path of the library around it (SASL2, Bind2, FAST)", async () => {
    const server = await serve(async (peer) => {
      await peer.openStream(
        "<authentication xmlns='urn:xmpp:sasl:2'><mechanism>PLAIN</mechanism><mechanism>SCRAM-SHA-1</mechanism><inline><bind xmlns='urn:xmpp:bind:0'/></inline></authentication>",
      );
      await peer.closed;
    });
    const session = startOurs(server);
    await reached(session, "refused");
    expect(server.peers[0]?.received).not.toContain("<authenticate");
  });
});

describe("fault 12: a refused login, and a server that says nothing", () => {
  it("stock leaves the stream of a refused login open, ours closes it and does not try again", async () => {
    const server = await serve(login({ password: "other" }));
    const { started } = startStock(server);
    await waitFor(() => server.peers[0]?.received.includes("<response"), { what: "the proof" });
    const session = startOurs(server);
    await reached(session, "refused");
    expect(session.state).toMatchObject({
      error: { condition: "not-authorized", advice: expect.stringMatching(/password/) },
    });
    await server.peers[1]?.closed;
    // Ours came and went meanwhile; stock's stream is still there, with nobody logged in.
    expect(server.peers[0]?.isOpen).toBe(true);
    expect(server.peers).toHaveLength(2);
    started.catch(() => {});
  });

  it("start() of stock never settles without features, ours has a deadline", async () => {
    const server = await serve(async (peer) => {
      await peer.expect(/<stream:stream[^>]*>/);
      peer.send(
        "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'>",
      );
      await peer.closed;
    });
    let settled = false;
    const { started } = startStock(server, { timeout: 20 });
    started.then(
      () => (settled = true),
      () => (settled = true),
    );
    const session = startOurs(server, {
      timings: { endpointTimeoutMs: 200, backoffMs: 60_000, maxBackoffMs: 60_000 },
    });
    await reached(session, "waiting");
    expect(session.state).toMatchObject({ error: { condition: "timeout", fatal: false } });
    expect(settled).toBe(false);
  });
});

describe("fault 13: two clients with one resource", () => {
  const kick = async (peer: FakePeer) => {
    await peer.login();
    peer.send(
      "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error></stream:stream>",
    );
    peer.end();
  };

  it("stock comes back to kick the other, for ever", async () => {
    const server = await serve(kick);
    startStock(server);
    const again = waitFor(() => server.peers.length >= 3, { what: "three logins" });
    expect(await again).toBe(true);
  });

  it("ours gives way", async () => {
    const server = await serve(kick);
    const session = startOurs(server);
    await reached(session, "refused");
    expect(session.state).toMatchObject({
      error: { condition: "conflict", advice: expect.stringMatching(/resource/) },
    });
    expect(server.peers).toHaveLength(1);
  });
});

describe("fault 14: answers to requests", () => {
  const forge = async (peer: FakePeer) => {
    await peer.login();
    const [, id] = await peer.expect(/<iq [^>]*id="([^"]+)"[^>]*><q /);
    peer.send(
      `<iq type='result' id='${id}' from='mallory@evil.example'><q xmlns='x' by='mallory'/></iq>`,
    );
    peer.send(
      `<iq type='result' id='${id}' from='room@muc.localhost'><q xmlns='x' by='room'/></iq>`,
    );
  };
  const question = () => {
    const iq = new Element("iq", { type: "get", to: "room@muc.localhost" });
    iq.c("q", { xmlns: "x" });
    return iq;
  };

  it("stock takes a stranger's, ours only that of who was asked", async () => {
    const server = await serve(forge);
    const { xmpp, started } = startStock(server);
    await started;
    const stockAnswer = await xmpp.iqCaller.request(question());
    expect(stockAnswer.getChild("q")?.attrs["by"]).toBe("mallory");
    const session = startOurs(server);
    await reached(session, "online");
    const answer = await session.request(question());
    expect(answer.getChild("q")?.attrs["by"]).toBe("room");
  });

  it("stock lets a request hang when the connection is lost, ours rejects it", async () => {
    const server = await serve(async (peer, index) => {
      await peer.login();
      if (index > 1) return;
      await peer.expect(/<q /);
      peer.end();
    });
    const { xmpp, started } = startStock(server);
    await started;
    xmpp.reconnect.stop();
    let settled = false;
    xmpp.iqCaller
      .request(question(), 5_000)
      .catch(() => {})
      .finally(() => (settled = true));
    await server.peers[0]?.closed;
    const session = startOurs(server);
    await reached(session, "online");
    await expect(session.request(question())).rejects.toThrow(XmppConnectionError);
    expect(settled).toBe(false);
  });
});

describe("fault 15: sending while offline", () => {
  it("stock throws a TypeError, ours says that nothing was sent", async () => {
    const server = await serve(login());
    const { xmpp, started } = startStock(server);
    await started;
    xmpp.reconnect.stop();
    const lost = new Promise((resolve) => xmpp.once("disconnect", resolve));
    server.peers[0]?.end();
    await lost;
    await expect(xmpp.send(chat("x"))).rejects.toThrow(TypeError);
    const session = ours(server.port);
    await expect(session.send(chat("x"))).rejects.toThrow(XmppNotSentError);
    await expect(session.send(chat("x"))).rejects.toMatchObject({ isOffline: true });
    await expect(session.request(new Element("iq"))).rejects.toThrow(XmppNotSentError);
    expect(() => session.post(chat("x"))).not.toThrow();
  });
});

describe("fault 16: characters that end the stream", () => {
  it("stock sends them, ours does not", async () => {
    const server = await serve(login());
    const { xmpp, started } = startStock(server);
    await started;
    await xmpp.send(chat("\u001b[31mred"));
    const stockPeer = await waitFor(
      () => server.peers[0]?.received.includes("red") && server.peers[0],
      { what: "the message" },
    );
    expect(stockPeer.received).toContain("\u001b");
    const session = startOurs(server);
    await reached(session, "online");
    session.post(chat("\u001b[31mred\u0000"));
    const peer = await waitFor(() => server.peers[1]?.received.includes("red") && server.peers[1], {
      what: "the message",
    });
    expect(peer.received).toContain("[31mred</body>");
    expect(peer.received).not.toMatch(/\u001b|\u0000/);
  });
});

describe("fault 18: small packets held back (Nagle)", () => {
  const ROUNDS = 30;
  /** Each round: the client answers with two stanzas, and the server waits for the second. */
  const rounds = async (start: (server: FakeServer) => unknown) => {
    const done = Promise.withResolvers<number>();
    const server = await serve(async (peer) => {
      await peer.login();
      const begin = performance.now();
      for (let round = 0; round < ROUNDS; round += 1) {
        peer.send(`<message from='a@b' id='${round}'/>`);
        await peer.expect(new RegExp(`second-${round}"`));
      }
      done.resolve(performance.now() - begin);
    });
    start(server);
    return await done.promise;
  };
  const answers = (stanza: Element) =>
    ["first", "second"].map(
      (name) => new Element("message", { to: "a@b", id: `${name}-${stanza.attrs["id"]}` }),
    );

  it("stock waits for the peer's delayed ack, ours does not", async () => {
    const stockTime = await rounds((server) => {
      const { xmpp } = startStock(server);
      xmpp.on("stanza", (stanza: Element) => {
        if (stanza.is("message")) for (const answer of answers(stanza)) void xmpp.send(answer);
      });
    });
    const ourTime = await rounds((server) => {
      const session = startOurs(server);
      session.onStanza((stanza) => {
        if (stanza.is("message")) for (const answer of answers(stanza)) session.post(answer);
      });
    });
    expect(ourTime).toBeLessThan(stockTime / 2);
  });
});

describe("fault 21: an answer named otherwise than the question", () => {
  const slot = async (peer: FakePeer) => {
    await peer.login();
    const [, id] = await peer.expect(/<iq [^>]*id="([^"]+)"[^>]*><request/);
    peer.send(
      `<iq type='result' id='${id}' from='upload.localhost'><slot xmlns='urn:xmpp:http:upload:0'/></iq>`,
    );
  };
  const request = () => new Element("request", { xmlns: "urn:xmpp:http:upload:0" });

  it("stock loses it, ours hands it over", async () => {
    const server = await serve(slot);
    const { xmpp, started } = startStock(server);
    await started;
    expect(await xmpp.iqCaller.get(request(), "upload.localhost")).toBeUndefined();
    const session = startOurs(server);
    await reached(session, "online");
    const iq = new Element("iq", { type: "get", to: "upload.localhost" });
    iq.append(request());
    expect((await session.request(iq)).getChild("slot")).toBeDefined();
  });
});
