/**
 * The session on a scripted server: confirmation, keepalive, requests, and its end.
 */
import { Element } from "ltx";
import { afterEach, describe, expect, it } from "vitest";
import { startFakeServer } from "../../test/support/fake-server.ts";
import type { FakePeer } from "../../test/support/fake-server.ts";
import { waitFor } from "../../test/support/wait.ts";
import { chat, ours, QUICK, reached, SILENT } from "../../test/support/xmpp-subjects.ts";
import {
  XmppConfigError,
  XmppConnectionError,
  XmppStanzaError,
  XmppUnconfirmedError,
} from "../errors.ts";
import type { BareJid } from "../protocol/jid.ts";
import { createSession } from "./session.ts";

const cleanUp: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((task) => task()));
});

async function setUp(
  script: (peer: FakePeer, index: number) => Promise<void>,
  options: Parameters<typeof ours>[1] = {},
) {
  const server = await startFakeServer({ script });
  const session = ours(server.port, options);
  cleanUp.push(
    () => server.stop(),
    () => session.stop(),
  );
  session.start();
  return { server, session };
}

const PING = /<iq [^>]*to="localhost"[^>]*id="([^"]+)"[^>]*><ping /;

describe("confirmation", () => {
  it("resolves a send when the server acknowledged it, not before", async () => {
    const release = Promise.withResolvers<void>();
    const { session } = await setUp(async (peer) => {
      await peer.login({ streamManagement: true });
      await peer.expect(/<r [^>]*>/);
      peer.send("<a xmlns='urn:xmpp:sm:3' h='0'/>"); // it has nothing yet
      await peer.expect(/<r [^>]*>/);
      await release.promise;
      peer.send("<a xmlns='urn:xmpp:sm:3' h='1'/>");
      await peer.closed;
    });
    await reached(session, "online");
    let confirmed = false;
    const sending = session.send(chat("x")).then(() => (confirmed = true));
    await new Promise<void>((resolve) => setImmediate(resolve));
    expect(confirmed).toBe(false);
    release.resolve();
    await sending;
  });

  it.each([
    ["result", "<iq type='result' id='ID' from='localhost'/>"],
    [
      "error",
      "<iq type='error' id='ID' from='localhost'><error type='cancel'><service-unavailable xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>",
    ],
  ])("takes a ping's %s where the server has no stream management", async (_what, answer) => {
    const { session, server } = await setUp(async (peer) => {
      await peer.login();
      const [, id = ""] = await peer.expect(PING);
      peer.send(answer.replace("ID", id));
      await peer.closed;
    });
    await reached(session, "online");
    await session.send(chat("before the ping"));
    expect(server.peers[0]?.received).toMatch(/before the ping.*<ping /s);
  });

  it("rejects when the connection ends first", async () => {
    const { session } = await setUp(async (peer) => {
      await peer.login({ streamManagement: true });
      await peer.expect(/<r [^>]*>/);
      peer.end();
    });
    await reached(session, "online");
    await expect(session.send(chat("x"))).rejects.toThrow(XmppUnconfirmedError);
  });

  it("counts every stanza for the server, answers to its own requests included (fault 2)", async () => {
    const counted = Promise.withResolvers<string>();
    const { session } = await setUp(async (peer) => {
      await peer.login({ streamManagement: true });
      const [, id = ""] = await peer.expect(/<iq [^>]*id="([^"]+)"[^>]*><q /);
      peer.send(`<iq type='result' id='${id}'/><message from='a@b'/><presence from='a@b'/>`);
      peer.send("<iq type='get' id='1' from='a@b/c'><q xmlns='x'/></iq><r xmlns='urn:xmpp:sm:3'/>");
      const [, h = ""] = await peer.expect(/<a [^>]*h="(\d+)"/);
      counted.resolve(h);
    });
    await reached(session, "online");
    const iq = new Element("iq", { type: "get" });
    iq.c("q", { xmlns: "x" });
    await session.request(iq);
    expect(await counted.promise).toBe("4");
  });

  it("ends a stream whose server acknowledges what was never sent (fault 19)", async () => {
    const { session } = await setUp(async (peer) => {
      await peer.login({ streamManagement: true });
      peer.send("<a xmlns='urn:xmpp:sm:3' h='7'/>");
      await peer.closed;
    });
    await reached(session, "waiting");
    expect(session.state).toMatchObject({ error: { condition: "protocol", fatal: false } });
  });
});

describe("keepalive", () => {
  it.each([true, false])("finds a dead peer (stream management: %s)", async (streamManagement) => {
    const { session } = await setUp(
      async (peer) => {
        await peer.login({ streamManagement });
        await peer.closed; // reads, and answers nothing more
      },
      { timings: { idleMs: 30, answerMs: 60 } },
    );
    await reached(session, "online");
    await reached(session, "waiting");
    expect(session.state).toMatchObject({ error: { condition: "timeout" } });
  });
});

describe("requests", () => {
  const question = () => {
    const iq = new Element("iq", { type: "get", to: "a@b" });
    iq.c("q", { xmlns: "x" });
    return iq;
  };

  it("time out, and can be given up", async () => {
    const { session } = await setUp(async (peer) => {
      await peer.login();
      await peer.closed;
    });
    await reached(session, "online");
    const late = session.request(question(), { timeoutMs: 20 });
    await expect(late).rejects.toThrow(XmppConnectionError);
    await expect(late).rejects.toMatchObject({ condition: "timeout" });
    const controller = new AbortController();
    const given = session.request(question(), { signal: controller.signal });
    controller.abort(new Error("no longer wanted"));
    await expect(given).rejects.toThrow("no longer wanted");
    await expect(session.request(question(), { signal: controller.signal })).rejects.toThrow(
      "no longer",
    );
  });

  it("turn an error answer into XmppStanzaError", async () => {
    const { session } = await setUp(async (peer) => {
      await peer.login();
      const [, id] = await peer.expect(/<iq [^>]*id="([^"]+)"[^>]*><q /);
      peer.send(
        `<iq type='error' id='${id}' from='a@b'><error type='auth'><forbidden xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error></iq>`,
      );
    });
    await reached(session, "online");
    const answer = session.request(question());
    await expect(answer).rejects.toThrow(XmppStanzaError);
    await expect(answer).rejects.toMatchObject({ type: "auth", condition: "forbidden" });
  });

  it.each([
    ["nobody", undefined, "service-unavailable"],
    [
      "a handler that fails",
      () => {
        throw new TypeError("bug");
      },
      "internal-server-error",
    ],
    [
      "a handler that refuses",
      () => {
        throw new XmppStanzaError("auth", "forbidden");
      },
      "forbidden",
    ],
  ] as const)(
    "from others, answered by %s: exactly one answer",
    async (_who, handler, condition) => {
      const answers = Promise.withResolvers<string>();
      const { session } = await setUp(async (peer) => {
        await peer.login();
        peer.send(
          "<iq type='get' id='q1' from='a@b/c'><ping xmlns='urn:xmpp:ping'/></iq><iq type='set' id='q2' from='a@b/c'/>",
        );
        await peer.expect(/id="q2"[^]*<\/iq>/);
        answers.resolve(peer.received);
      });
      if (handler) session.onIq(handler);
      const received = await answers.promise;
      expect(received.match(/id="q1"/g)).toHaveLength(1);
      expect(received).toMatch(
        new RegExp(`type="error" id="q1" to="a@b/c"><error[^>]*><${condition} `),
      );
      expect(received).toMatch(/id="q2"[^]*<bad-request /);
    },
  );
});

describe("the end", () => {
  it("closes the stream politely, and waits for the socket", async () => {
    const { session, server } = await setUp(async (peer) => {
      await peer.login({ streamManagement: true });
      peer.send("<message from='a@b'/>");
      await peer.expect(/<\/stream:stream>/);
      peer.send("</stream:stream>");
      peer.end();
    });
    await new Promise<void>((resolve) => session.onStanza(() => resolve()));
    await session.stop();
    expect(server.peers[0]?.received).toMatch(/<a [^>]*h="1"\/><\/stream:stream>$/);
    expect(session.state.kind).toBe("stopped");
    expect(session.jid).toBeUndefined();
  });

  it("comes in the middle of a login as well", async () => {
    const { session, server } = await setUp(async (peer) => void (await peer.closed));
    await waitFor(() => server.peers.length === 1, { what: "the connection" });
    await session.stop();
    expect(session.state.kind).toBe("stopped");
    await server.peers[0]?.closed;
    session.start();
    expect(session.state.kind).toBe("stopped");
  });

  it("rejects what is still open", async () => {
    const { session } = await setUp(async (peer) => {
      await peer.login({ streamManagement: true });
      await peer.expect(/<\/stream:stream>/);
      peer.end();
    });
    await reached(session, "online");
    const outcomes = Promise.allSettled([
      session.send(chat("x")),
      session.request(new Element("iq", { type: "get", to: "a@b" })),
    ]);
    await session.stop();
    expect(await outcomes).toMatchObject([
      { reason: { name: "XmppUnconfirmedError" } },
      { reason: { name: "XmppConnectionError" } },
    ]);
  });
});

describe("settings", () => {
  it("asks for the password at each login", async () => {
    let current = "old";
    const server = await startFakeServer({
      script: async (peer) => {
        await peer.login({ password: "new" });
        await peer.closed;
      },
    });
    cleanUp.push(() => server.stop());
    const options = {
      jid: "bot@localhost" as BareJid,
      resource: "test",
      password: async () => {
        if (current === "old") throw new Error("the store is locked");
        return current;
      },
      server: {
        kind: "endpoint",
        endpoint: { transport: "tcp", host: "127.0.0.1", port: server.port },
      } as const,
      dangerouslyAllowPlaintext: true,
      log: SILENT,
    };
    const session = createSession(options, { timings: QUICK });
    cleanUp.push(() => session.stop());
    session.start();
    await reached(session, "waiting");
    expect(session.state).toMatchObject({
      error: { condition: "credentials", message: expect.stringMatching(/locked/) },
    });
    current = "new";
    await reached(session, "online");
  });

  it("refuses a JID that is no account", () => {
    for (const jid of ["localhost", "bot@localhost/x", "", "@"]) {
      expect(
        () =>
          ours(1, {}) &&
          createSession({
            jid: jid as BareJid,
            resource: "x",
            password: () => "",
            server: { kind: "discover", domain: "x" },
            log: SILENT,
          }),
      ).toThrow(XmppConfigError);
    }
  });

  it("shows the wire only when asked, and never a secret", async () => {
    const lines: string[] = [];
    const log = { ...SILENT, info: (line: string) => void lines.push(line) };
    const server = await startFakeServer({
      script: async (peer) => {
        await peer.login();
        await peer.closed;
      },
    });
    cleanUp.push(() => server.stop());
    let isWireLogged = false;
    const run = async () => {
      lines.length = 0;
      const session = createSession(
        {
          jid: "bot@localhost" as BareJid,
          resource: "test",
          password: () => "secret",
          server: {
            kind: "endpoint",
            endpoint: { transport: "tcp", host: "127.0.0.1", port: server.port },
          },
          dangerouslyAllowPlaintext: true,
          isWireLogged: () => isWireLogged,
          log,
        },
        { timings: QUICK },
      );
      cleanUp.push(() => session.stop());
      session.start();
      await reached(session, "online");
      return session;
    };
    const running = await run();
    expect(lines.join("\n")).not.toContain("<");
    isWireLogged = true;
    running.post(chat("switched on meanwhile"));
    expect(lines.join("\n")).toContain("switched on meanwhile");
    await running.stop();
    await run();
    const wire = lines.join("\n");
    expect(wire).toContain("<auth");
    expect(wire).toContain("<bind");
    expect(wire).not.toMatch(/biws|[A-Za-z0-9+/]{30,}={0,2}</);
  });
});
