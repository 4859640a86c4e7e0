/**
 * More faults of stock xmpp.js 0.14 (see faults.test.ts): stream management, and stanzas that are too
 * much. Where a test of stock fails, the library has mended it, and ours may go (docs/xmppjs-faults.md).
 */
import { Element } from "ltx";
import { afterEach, describe, expect, it } from "vitest";
import { startFakeServer } from "../../test/support/fake-server.ts";
import type { FakePeer, FakeServer } from "../../test/support/fake-server.ts";
import { chat, ours, reached, stock } from "../../test/support/xmpp-subjects.ts";
import type { OursOptions } from "../../test/support/xmpp-subjects.ts";
import { waitFor } from "../../test/support/wait.ts";
import { XmppStanzaError } from "../errors.ts";

const cleanUp: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((task) => task()));
});

async function serve(script: (peer: FakePeer, index: number) => Promise<unknown>) {
  const server = await startFakeServer({ script: async (...args) => void (await script(...args)) });
  cleanUp.push(() => server.stop());
  return server;
}

function startStock(server: FakeServer) {
  const xmpp = stock(server.port, { timeout: 2000 });
  cleanUp.push(async () => {
    xmpp.reconnect.stop();
    xmpp.removeAllListeners();
    xmpp.on("error", () => {});
    xmpp.socket?.end();
  });
  xmpp.start().catch(() => {});
  return xmpp;
}

function startOurs(server: FakeServer, options: OursOptions = {}) {
  const session = ours(server.port, options);
  cleanUp.push(() => session.stop());
  session.start();
  return session;
}

const R = "<r xmlns='urn:xmpp:sm:3'/>";
const acknowledgement = async (peer: FakePeer) => {
  peer.send(R);
  const [, h] = await peer.expect(/<a [^>]*h="(\d+)"/);
  return Number(h);
};
const query = () => {
  const iq = new Element("iq", { type: "get", to: "localhost" });
  iq.c("q", { xmlns: "x" });
  return iq;
};

describe("fault 2: answers to our own requests are not counted", () => {
  const QUERIES = 3;
  /** What the client acknowledges after three answers and a message. */
  const counted = async (start: (server: FakeServer) => unknown) => {
    const h = Promise.withResolvers<number>();
    const server = await serve(async (peer) => {
      await peer.login({ streamManagement: true });
      for (let index = 0; index < QUERIES; index += 1) {
        const [, id] = await peer.expect(/<iq [^>]*id="([^"]+)"[^>]*><q /);
        peer.send(`<iq type='result' id='${id}' from='localhost'><q xmlns='x'/></iq>`);
      }
      peer.send("<message from='a@b'/>");
      h.resolve(await acknowledgement(peer));
    });
    start(server);
    return await h.promise;
  };

  it("stock: the server would send again what was handled", async () => {
    const h = await counted((server) => {
      const xmpp = startStock(server);
      void waitFor(() => xmpp.streamManagement.enabled, { what: "stream management" }).then(() => {
        for (let index = 0; index < QUERIES; index += 1) void xmpp.iqCaller.request(query());
      });
    });
    expect(h).toBeLessThan(QUERIES + 1);
  });

  it("ours counts them", async () => {
    const h = await counted(async (server) => {
      const session = startOurs(server);
      await reached(session, "online");
      for (let index = 0; index < QUERIES; index += 1) void session.request(query());
    });
    expect(h).toBe(QUERIES + 1);
  });
});

describe("fault 3: what comes together with <enabled/> is miscounted", () => {
  const MESSAGES = ["early", "late"].map((id) => `<message from='a@b' id='${id}'/>`);
  const counted = async (start: (server: FakeServer) => unknown) => {
    const h = Promise.withResolvers<number>();
    const server = await serve(async (peer) => {
      const [before = "", after = ""] = MESSAGES;
      await peer.login({ streamManagement: true, aroundEnabled: [before, after] });
      h.resolve(await acknowledgement(peer));
    });
    start(server);
    return await h.promise;
  };

  it("stock acknowledges more than was sent, for which servers end the stream", async () => {
    expect(await counted(startStock)).toBe(2);
  });

  it("ours counts from there, and loses nothing of what was before", async () => {
    const heard: unknown[] = [];
    const h = await counted((server) =>
      startOurs(server).onStanza((stanza) => void heard.push(stanza.attrs["id"])),
    );
    expect(h).toBe(1);
    expect(heard).toEqual(["early", "late"]);
  });
});

describe("fault 7: acknowledgements starve under a steady load", () => {
  const COUNT = 150;
  /** How often the client has asked by the time that all stanzas are here. */
  const questions = async (server: FakeServer, send: (index: number) => unknown) => {
    // As fast as the debounce of stock (250 ms) never comes to rest.
    for (let index = 0; index < COUNT; index += 1) {
      send(index);
      await new Promise((resolve) => setImmediate(resolve));
    }
    const received = () => server.peers[0]?.received ?? "";
    await waitFor(() => received().includes(`>${COUNT - 1}</body>`), { what: "the last one" });
    const upToLast = received().slice(0, received().indexOf(`>${COUNT - 1}</body>`));
    return upToLast.split(/<r [^>]*urn:xmpp:sm:3/).length - 1;
  };
  const managed = () =>
    serve((peer) => peer.login({ streamManagement: true, resumable: "resume='true' id='x'" }));

  it("stock asks only when it has nothing more to say", async () => {
    const server = await managed();
    const xmpp = startStock(server);
    await waitFor(() => server.peers[0]?.received.includes("<enable "), { what: "<enable/>" });
    await waitFor(() => xmpp.status === "online", { what: "online" });
    expect(await questions(server, (index) => xmpp.send(chat(`${index}`)))).toBe(0);
  });

  it("ours asks meanwhile", async () => {
    const server = await managed();
    const session = startOurs(server);
    await reached(session, "online");
    expect(session.state.kind).toBe("online");
    const asked = await questions(server, (index) => session.post(chat(`${index}`)));
    expect(asked).toBeGreaterThan(0);
  });
});

describe("fault 15: a resumed stream is online, and nobody is told", () => {
  const resuming = () =>
    serve(async (peer, index) => {
      if (index === 0) {
        await peer.login({ streamManagement: true, resumable: "resume='true' id='x'" });
        await peer.expect(/<presence/);
        peer.reset();
      } else {
        await peer.login({ resume: "<resumed xmlns='urn:xmpp:sm:3' previd='x' h='1'/>" });
        await peer.expect(/<presence id="second"/);
      }
    });

  it("stock emits no second `online`", async () => {
    const server = await resuming();
    const xmpp = startStock(server);
    let online = 0;
    xmpp.on("online", () => (online += 1));
    await waitFor(() => xmpp.streamManagement.enabled, { what: "stream management" });
    await xmpp.send(new Element("presence"));
    await waitFor(() => server.peers[1]?.received.includes("<resume "), { what: "<resume/>" });
    await waitFor(() => xmpp.status === "online", { what: "the resumed stream" });
    expect(online).toBe(1);
  });

  it("ours says so, and that it is the same stream", async () => {
    const server = await resuming();
    const session = startOurs(server);
    await reached(session, "online");
    session.post(new Element("presence"));
    await reached(session, "waiting");
    await reached(session, "online");
    expect(session.state).toMatchObject({ facts: { resumed: true } });
    session.post(new Element("presence", { id: "second" }));
    await waitFor(() => server.peers[1]?.received.includes("second"), {
      what: "the next presence",
    });
  });
});

describe("fault 17: a stanza that is larger than servers take", () => {
  const LARGE = "x".repeat(300_000);

  it("stock sends it", async () => {
    const server = await serve((peer) => peer.login());
    const xmpp = startStock(server);
    await waitFor(() => xmpp.status === "online", { what: "online" });
    await xmpp.send(chat(LARGE));
    const arrived = () => server.peers[0]?.received.includes(LARGE);
    expect(await waitFor(arrived, { what: "all of it" })).toBe(true);
  });

  it("ours refuses it, and goes on", async () => {
    const server = await serve((peer) => peer.login());
    const session = startOurs(server);
    await reached(session, "online");
    await expect(session.send(chat(LARGE))).rejects.toThrow(XmppStanzaError);
    session.post(chat("small"));
    await waitFor(() => server.peers[0]?.received.includes("small"), { what: "the next one" });
    expect(server.peers[0]?.received).not.toContain("xxx");
  });
});

describe("fault 17: a server that says what it takes (XEP-0478)", () => {
  it("ours sends it nothing larger, in whichever way", async () => {
    const features =
      "<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>12000</max-bytes></limits>";
    const server = await serve((peer) => peer.login({ features }));
    const session = startOurs(server);
    await reached(session, "online");
    const large = "x".repeat(20_000);
    await expect(session.send(chat(large))).rejects.toThrow(XmppStanzaError);
    const iq = query();
    iq.c("large").t(large);
    await expect(session.request(iq)).rejects.toThrow(/bytes was not sent/);
    session.post(chat(large));
    session.post(chat("small"));
    await waitFor(() => server.peers[0]?.received.includes("small"), { what: "the next one" });
    expect(server.peers[0]?.received).not.toContain("xxx");
  });
});

describe("fault 19: an acknowledgement of what was never sent", () => {
  const lying = () =>
    serve(async (peer, index) => {
      await peer.login({ streamManagement: true, resumable: "resume='true' id='x'" });
      if (index === 0) peer.send("<a xmlns='urn:xmpp:sm:3' h='9'/>");
      await peer.closed;
    });

  it("stock stumbles (and ends the process where nobody listens for errors)", async () => {
    const xmpp = startStock(await lying());
    const error = await new Promise((resolve) => xmpp.on("error", resolve));
    expect(error).toBeInstanceOf(TypeError);
  });

  it("ours ends the stream, and comes back with a new one", async () => {
    const session = startOurs(await lying());
    await reached(session, "waiting");
    expect(session.state).toMatchObject({ error: { condition: "protocol" } });
    await reached(session, "online");
    expect(session.state).toMatchObject({ facts: { resumed: false } });
  });
});

describe("fault 20: elements in elements, without end", () => {
  const LEVELS = 20_000;
  const deep = () =>
    serve(async (peer) => {
      await peer.login();
      peer.send(`<message from='a@b'>${"<x>".repeat(LEVELS)}${"</x>".repeat(LEVELS)}</message>`);
      await peer.closed;
    });

  it("stock hands over what cannot even be logged", async () => {
    const server = await deep();
    const xmpp = startStock(server);
    const stanza = await new Promise<Element>((resolve) =>
      xmpp.on("stanza", (each: Element) => each.is("message") && resolve(each)),
    );
    expect(() => stanza.toString()).toThrow(RangeError);
  });

  it("ours leaves out what lies too deep", async () => {
    const server = await deep();
    const session = startOurs(server);
    const stanza = await new Promise<Element>((resolve) =>
      session.onStanza((each) => resolve(each)),
    );
    expect(stanza.toString().length).toBeLessThan(2_000);
    expect(session.state.kind).toBe("online");
  });
});
