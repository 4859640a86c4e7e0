/**
 * A stream that outlives its connection, on a scripted server (XEP-0198 §5).
 */
import { Element } from "ltx";
import { afterEach, describe, expect, it } from "vitest";
import { startFakeServer } from "../../test/support/fake-server.ts";
import type { FakePeer } from "../../test/support/fake-server.ts";
import { waitFor } from "../../test/support/wait.ts";
import { chat, ours, reached } from "../../test/support/xmpp-subjects.ts";
import { XmppUnconfirmedError } from "../errors.ts";
import { nameOf } from "./connection-states.ts";
import type { ConnectionState, XmppSession } from "./types.ts";

const cleanUp: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((task) => task()));
});

const ENABLED = "resume='true' id='stream-1'";
const resumed = (h: number, id = "stream-1") =>
  `<resumed xmlns='urn:xmpp:sm:3' previd='${id}' h='${h}'/>`;
const failed = (h?: number) =>
  `<failed xmlns='urn:xmpp:sm:3'${h === undefined ? "" : ` h='${h}'`}><item-not-found xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></failed>`;
const acknowledged = (h: number) => `<a xmlns='urn:xmpp:sm:3' h='${h}'/>`;

/** Each connection follows its own script; those after the last script are held open. */
async function setUp(
  scripts: Array<(peer: FakePeer) => Promise<unknown>>,
  {
    prepare,
    ...options
  }: Parameters<typeof ours>[1] & { prepare?: (session: XmppSession) => void } = {},
) {
  const server = await startFakeServer({
    script: async (peer, index) => {
      await scripts[index]?.(peer);
      await peer.closed;
    },
  });
  const session = ours(server.port, options);
  const states: ConnectionState[] = [];
  session.onState((state) => states.push(state));
  prepare?.(session);
  cleanUp.push(
    () => server.stop(),
    () => session.stop(),
  );
  session.start();
  await reached(session, "online");
  const sent = (index: number) => server.peers[index]?.received ?? "";
  return { server, session, states, sent };
}

/** The second time that the session is online, as it tells it. */
async function backOnline(session: XmppSession, states: ConnectionState[]) {
  const again = () => states.filter((state) => state.kind === "online")[1];
  const state = await waitFor(again, { what: "the second login", intervalMs: 5 });
  expect(session.state.kind).toBe("online");
  return state.facts;
}

const bodiesIn = (xml: string) => [...xml.matchAll(/<body>([^<]*)<\/body>/g)].map(([, b]) => b);
const outcomeOf = (promise: Promise<unknown>) =>
  promise.then(
    () => "confirmed",
    (error: unknown) => (error instanceof Error ? error.name : "?"),
  );
const query = () => {
  const iq = new Element("iq", { type: "get", to: "a@b" });
  iq.c("q", { xmlns: "x" });
  return iq;
};

/** Loses the connection once the three messages of `sendThree` are there. */
const loseThree = async (peer: FakePeer) => {
  await peer.login({ resumable: ENABLED });
  await peer.expect(/three<\/body>/);
  peer.reset();
};
const sendThree = (session: XmppSession) =>
  ["one", "two", "three"].map((text) => outcomeOf(session.send(chat(text))));

describe("a resumed stream", () => {
  it("goes on: the same JID, no bind, and only what the server has not got is written again", async () => {
    const { session, states, sent } = await setUp([
      loseThree,
      async (peer) => {
        await peer.login({ resume: resumed(1) });
        await peer.expect(/three<\/body>.*<r [^>]*>/s);
        peer.send(acknowledged(3));
      },
    ]);
    const { jid } = session;
    const outcomes = sendThree(session);
    const facts = await backOnline(session, states);
    session.post(chat("four"));
    expect(await Promise.all(outcomes)).toEqual(["confirmed", "confirmed", "confirmed"]);
    expect(facts).toMatchObject({ jid, resumed: true });
    await waitFor(() => sent(1).includes("four"), { what: "the last one" });
    expect(sent(1)).not.toMatch(/<bind|<enable/);
    expect(sent(1)).toMatch(/<resume [^>]*previd="stream-1"/);
    expect(bodiesIn(sent(1))).toEqual(["two", "three", "four"]);
    const steps = ["connecting", "securing", "authenticating"];
    expect(states.map(nameOf)).toEqual([...steps, "fresh", "waiting", ...steps, "resumed"]);
    expect(states.slice(4, 8)).toMatchObject(
      Array.from({ length: 4 }, () => ({ resumable: true })),
    );
  });

  it("confirms what the server has by `<resumed/>` alone", async () => {
    const { session, sent } = await setUp([
      loseThree,
      async (peer) => void (await peer.login({ resume: resumed(3) })),
    ]);
    const outcomes = sendThree(session);
    expect(await Promise.all(outcomes)).toEqual(["confirmed", "confirmed", "confirmed"]);
    expect(bodiesIn(sent(1))).toEqual([]);
  });

  it("counts on in both directions: each stanza is handed over once, and is counted once", async () => {
    const counts: string[] = [];
    const seen: string[] = [];
    const message = (n: number) => `<message from='a@b'><body>${n}</body></message>`;
    const answer = (session: XmppSession) =>
      session.onStanza((stanza) => {
        const body = stanza.getChildText("body") ?? "";
        seen.push(body);
        session.post(chat(`got ${body}`));
      });
    const scripts = [
      async (peer: FakePeer) => {
        await peer.login({ resumable: ENABLED });
        peer.send(message(1) + message(2));
        await peer.expect(/got 2/);
        peer.reset();
      },
      async (peer: FakePeer) => {
        // In one piece, and more than a negotiation may queue.
        const more = Array.from({ length: 100 }, (_, index) => message(index + 3)).join("");
        await peer.login({ resume: resumed(2) + more });
        peer.send("<r xmlns='urn:xmpp:sm:3'/>");
        const [, h = ""] = await peer.expect(/<a [^>]*h="(\d+)"/);
        counts.push(h, /<resume [^>]*h="(\d+)"/.exec(peer.received)?.[1] ?? "");
      },
    ];
    const { session, states } = await setUp(scripts, { prepare: answer });
    await backOnline(session, states);
    await waitFor(() => counts.length === 2, { what: "the counts" });
    expect(counts).toEqual(["102", "2"]);
    expect(seen).toEqual(Array.from({ length: 102 }, (_, index) => `${index + 1}`));
  });

  it("answers `<r/>` at once with what is handled, and again once the rest is", async () => {
    const kept = Promise.withResolvers<void>();
    const told: string[] = [];
    const script = async (peer: FakePeer) => {
      await peer.login({ resumable: ENABLED });
      peer.send("<presence from='a@b'/><message from='a@b'/><r xmlns='urn:xmpp:sm:3'/>");
      const [, now = ""] = await peer.expect(/<a [^>]*h="(\d+)"/);
      told.push(now);
      kept.resolve();
      const [, later = ""] = await peer.expect(/<a [^>]*h="(\d+)"/);
      told.push(later);
    };
    await setUp([script], {
      prepare: (session) =>
        session.onStanza((stanza) => (stanza.is("message") ? kept.promise : undefined)),
    });
    await waitFor(() => told.length === 2, { what: "the second answer" });
    expect(told).toEqual(["1", "2"]);
  });

  it("drops the connection over a stanza that could not be kept, and gets it again", async () => {
    const seen: string[] = [];
    let isFull = true;
    const message = (n: number) => `<message from='a@b'><body>${n}</body></message>`;
    const counts: string[] = [];
    const { session, states } = await setUp(
      [
        async (peer) => {
          await peer.login({ resumable: ENABLED });
          peer.send(message(1) + message(2) + message(3));
          await peer.closed;
        },
        async (peer) => {
          isFull = false;
          await peer.login({ resume: resumed(0) + message(2) + message(3) });
          peer.send("<r xmlns='urn:xmpp:sm:3'/>");
          const [, h = ""] = await peer.expect(/<a [^>]*h="(3)"/);
          counts.push(/<resume [^>]*h="(\d+)"/.exec(peer.received)?.[1] ?? "", h);
        },
      ],
      {
        prepare: (bot) =>
          bot.onStanza(async (stanza) => {
            const body = stanza.getChildText("body") ?? "";
            if (body === "2" && isFull) throw new Error("database or disk is full");
            seen.push(body);
          }),
      },
    );
    await waitFor(() => counts.length === 2, { what: "the counts" });
    expect(counts).toEqual(["1", "3"]);
    expect(seen.slice(-2)).toEqual(["2", "3"]);
    expect(states.find(({ kind }) => kind === "waiting")).toMatchObject({
      error: { condition: "network", message: expect.stringContaining("disk is full") },
    });
    expect(session.state.kind).toBe("online");
  });

  it("takes the answer to a request of before, in whose time it still is", async () => {
    const { session, sent } = await setUp([
      async (peer) => {
        await peer.login({ resumable: ENABLED });
        await peer.expect(/<q .*<q /s);
        peer.reset();
      },
      async (peer) => {
        await peer.login({ resume: resumed(2) });
        for (const [, id] of sent(0).matchAll(/<iq [^>]*id="([^"]+)"[^>]*><q /g)) {
          peer.send(`<iq type='result' from='a@b' id='${id}'/>`);
        }
      },
    ]);
    const late = outcomeOf(session.request(query(), { timeoutMs: 1 }));
    const answer = await session.request(query());
    expect(answer.attrs["type"]).toBe("result");
    expect(await late).toBe("XmppConnectionError");
  });

  it("gets the answer that was not ready when its connection ended", async () => {
    const release = Promise.withResolvers<void>();
    const answer = (session: XmppSession) =>
      session.onIq(async () => {
        session.post(chat("asked"));
        await release.promise;
        return new Element("iq");
      });
    const scripts = [
      async (peer: FakePeer) => {
        await peer.login({ resumable: ENABLED });
        peer.send("<iq type='get' id='slow' from='a@b/c'><q xmlns='x'/></iq>");
        await peer.expect(/asked/);
        peer.reset();
      },
      async (peer: FakePeer) => void (await peer.login({ resume: resumed(1) })),
    ];
    const { session, states, sent } = await setUp(scripts, { prepare: answer });
    await backOnline(session, states);
    release.resolve();
    const answered = () => sent(1).includes('type="result" id="slow"');
    expect(await waitFor(answered, { what: "the answer", intervalMs: 5 })).toBe(true);
  });

  it("may be lost and resumed again and again, as long as it works in between", async () => {
    const again = async (peer: FakePeer) => {
      await peer.login({ resume: resumed(0) });
      await peer.expect(/<r [^>]*>/);
      peer.send(acknowledged(0));
      await peer.expect(/<r [^>]*>/); // so that the answer has been read
      peer.reset();
    };
    const { session, states } = await setUp([
      async (peer) => {
        await peer.login({ resumable: ENABLED });
        await peer.expect(/<message/);
        peer.reset();
      },
      ...Array.from({ length: 5 }, () => again),
      async (peer) => {
        await peer.login({ resume: resumed(0) });
        await peer.expect(/<r [^>]*>/);
        peer.send(acknowledged(1));
      },
    ]);
    expect(await outcomeOf(session.send(chat("x")))).toBe("confirmed");
    const online = states.flatMap((state) =>
      state.kind === "online" ? [state.facts.resumed] : [],
    );
    expect(online).toEqual([false, ...Array.from({ length: 6 }, () => true)]);
  });
});

describe("a stream that cannot be resumed", () => {
  const waits = async (peer: FakePeer) => void (await peer.login({ resumable: ENABLED }));

  it("is followed by a new one, on which nothing is sent twice", async () => {
    const { session, states, sent } = await setUp([
      loseThree,
      async (peer) => void (await peer.login({ resume: failed(), resumable: ENABLED })),
    ]);
    const request = outcomeOf(session.request(query()));
    const outcomes = sendThree(session);
    const facts = await backOnline(session, states);
    expect(facts.resumed).toBe(false);
    const lost = "XmppUnconfirmedError";
    expect(await Promise.all(outcomes)).toEqual([lost, lost, lost]);
    expect(await request).toBe("XmppConnectionError");
    expect(sent(1)).toMatch(/<resume .*<bind.*<enable /s);
    expect(bodiesIn(sent(1))).toEqual([]);
    expect(sent(1)).not.toContain("<q ");
  });

  it("says so before the new login, so that nobody counts on the old one", async () => {
    const { session, states } = await setUp([
      loseThree,
      async (peer) => void (await peer.login({ resume: failed() })),
    ]);
    sendThree(session);
    await backOnline(session, states);
    expect(
      states
        .slice(states.findIndex(({ kind }) => kind === "waiting"))
        .map((state) => [state.kind, "resumable" in state && state.resumable]),
    ).toEqual([
      ["waiting", true],
      ["connecting", true],
      ["securing", true],
      ["authenticating", true],
      ["authenticating", false],
      ["online", false],
    ]);
  });

  it.each([
    ["of what was sent", 2, ["confirmed", "confirmed", "XmppNotSentError"]],
    ["of nothing", 0, ["XmppNotSentError", "XmppNotSentError", "XmppNotSentError"]],
    [
      "of more than that",
      9,
      ["XmppUnconfirmedError", "XmppUnconfirmedError", "XmppUnconfirmedError"],
    ],
  ])(
    "believes the count that the server remembers, as far as it can be: %s",
    async (_what, h, expected) => {
      const { session, sent } = await setUp([
        loseThree,
        async (peer) => void (await peer.login({ resume: failed(h) })),
      ]);
      expect(await Promise.all(sendThree(session))).toEqual(expected);
      expect(bodiesIn(sent(1))).toEqual([]);
    },
  );

  it.each([
    ["more than was sent", resumed(4)],
    ["another stream", resumed(3, "stream-2")],
    ["something else", "<message from='a@b'/>"],
    [
      "an error of the stream",
      "<stream:error><internal-server-error xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
    ],
  ])("a server that answers with %s is asked once", async (_what, resume) => {
    const { session, states, sent } = await setUp([
      loseThree,
      async (peer) => void (await peer.login({ resume })),
      waits,
    ]);
    const outcomes = sendThree(session);
    const facts = await backOnline(session, states);
    expect(facts.resumed).toBe(false);
    expect(await Promise.all(outcomes)).toEqual(
      Array.from({ length: 3 }, () => "XmppUnconfirmedError"),
    );
    expect(sent(2)).toContain("<bind");
    expect(sent(2)).not.toContain("<resume");
    expect(bodiesIn(sent(1) + sent(2))).toEqual([]);
  });

  it("a server that does not answer is asked once", async () => {
    const { session, states, sent } = await setUp(
      [loseThree, async (peer) => void (await peer.login({ resume: "\n" })), waits],
      { timings: { endpointTimeoutMs: 300 } },
    );
    sendThree(session);
    expect((await backOnline(session, states)).resumed).toBe(false);
    expect(sent(2)).not.toContain("<resume");
  });

  it("a line that breaks meanwhile says nothing: the server is asked again", async () => {
    const { session, states, sent } = await setUp([
      loseThree,
      async (peer) => {
        await peer.login({ resume: "\n" });
        peer.reset();
      },
      async (peer) => {
        await peer.login({ resume: resumed(1) });
        await peer.expect(/three<\/body>/);
        peer.send(acknowledged(3));
      },
    ]);
    const outcomes = sendThree(session);
    expect((await backOnline(session, states)).resumed).toBe(true);
    expect(await Promise.all(outcomes)).toEqual(["confirmed", "confirmed", "confirmed"]);
    expect(bodiesIn(sent(2))).toEqual(["two", "three"]);
  });

  it("is given up when each connection of it ends at once", async () => {
    const dies = async (peer: FakePeer) => {
      await peer.login({ resume: resumed(0) });
      await peer.expect(/<body>/);
      peer.reset();
    };
    const { session, states, server } = await setUp([loseThree, dies, dies, dies, waits]);
    const outcomes = sendThree(session);
    const fresh = () =>
      states.flatMap((state) => (state.kind === "online" ? [state.facts.resumed] : []));
    await waitFor(() => fresh().length === 5, { what: "the new login", intervalMs: 5 });
    expect(fresh()).toEqual([false, true, true, true, false]);
    expect(await Promise.all(outcomes)).toContain("XmppUnconfirmedError");
    expect(server.peers[4]?.received).not.toContain("<resume");
  });

  it("is not asked for where the server did not offer it, or does not any more", async () => {
    const first = await setUp([
      async (peer) => {
        await peer.login({ streamManagement: true });
        await peer.expect(/<body>/);
        peer.reset();
      },
      async (peer) => void (await peer.login({ streamManagement: true })),
    ]);
    const lost = outcomeOf(first.session.send(chat("x")));
    expect((await backOnline(first.session, first.states)).resumed).toBe(false);
    expect(await lost).toBe("XmppUnconfirmedError");
    expect(first.sent(1)).not.toContain("<resume");
    expect(first.states.some((state) => "resumable" in state && state.resumable)).toBe(false);

    const second = await setUp([loseThree, async (peer) => void (await peer.login())]);
    const outcomes = sendThree(second.session);
    expect((await backOnline(second.session, second.states)).resumed).toBe(false);
    expect(await outcomes[0]).toBe("XmppUnconfirmedError");
    expect(second.sent(1)).not.toContain("<resume");
  });

  it("keeps nobody waiting for longer than the server keeps it", async () => {
    const { session, server, states } = await setUp([
      async (peer) => {
        await peer.login({ resumable: `${ENABLED} max='1'` });
        await peer.expect(/<body>/);
        await server.stop();
      },
    ]);
    expect(await outcomeOf(session.send(chat("x")))).toBe("XmppUnconfirmedError");
    expect(states.some((state) => "resumable" in state && state.resumable)).toBe(true);
    expect(session.state).not.toHaveProperty("resumable");
    await expect(session.send(chat("y"))).rejects.toThrow(/not connected/);
  });
});

describe("an end that is final", () => {
  it("closes the stream: the server has nothing to keep, and we do not come back", async () => {
    const { session, sent } = await setUp([
      async (peer) => {
        await peer.login({ resumable: ENABLED });
        peer.send("<message from='a@b'/>");
        await peer.expect(/<\/stream:stream>/);
        peer.send("</stream:stream>");
        peer.end();
      },
    ]);
    await session.stop();
    expect(sent(0)).toMatch(/<a [^>]*h="1"\/><\/stream:stream>$/);
    expect(session.state).toEqual({ kind: "stopped" });
  });

  it("rejects what the server has not confirmed, though it could have been resumed", async () => {
    const { session } = await setUp([
      async (peer) => {
        await peer.login({ resumable: ENABLED });
        await peer.expect(/<\/stream:stream>/);
        peer.reset();
      },
    ]);
    const outcome = outcomeOf(session.send(chat("x")));
    await session.stop();
    expect(await outcome).toBe("XmppUnconfirmedError");
  });

  it("while the connection is lost rejects what waits, at once and for good", async () => {
    const { session } = await setUp([loseThree, async (peer) => void (await peer.closed)]);
    const outcomes = sendThree(session);
    const request = outcomeOf(session.request(query()));
    await reached(session, "connecting");
    await session.stop();
    const lost = "XmppUnconfirmedError";
    expect(await Promise.all(outcomes)).toEqual([lost, lost, lost]);
    expect(await request).toBe("XmppConnectionError");
  });

  it.each([
    ["bad XML", "<message from='a@b'>&nope;</message>"],
    ["a false count", acknowledged(9)],
  ])("by %s: it would come again", async (_what, xml) => {
    const { session, states, sent } = await setUp([
      async (peer) => {
        await peer.login({ resumable: ENABLED });
        await peer.expect(/<body>/);
        peer.send(xml);
      },
      async (peer) => void (await peer.login({ resumable: ENABLED })),
    ]);
    const outcome = outcomeOf(session.send(chat("x")));
    expect((await backOnline(session, states)).resumed).toBe(false);
    expect(await outcome).toBe("XmppUnconfirmedError");
    expect(sent(1)).not.toContain("<resume");
  });

  it("by a conflict is no loss: another has taken our place", async () => {
    const { session } = await setUp([
      async (peer) => {
        await peer.login({ resumable: ENABLED });
        await peer.expect(/<body>/);
        peer.send(
          "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        );
      },
    ]);
    const outcome = outcomeOf(session.send(chat("x")));
    await reached(session, "refused");
    expect(await outcome).toBe("XmppUnconfirmedError");
    expect(session.state).not.toHaveProperty("resumable");
  });

  it("after a refusal, and a new start, is resumed as ever", async () => {
    const { session, states } = await setUp([
      async (peer) => {
        await peer.login({ resumable: ENABLED });
        peer.send(
          "<stream:error><conflict xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>",
        );
      },
      async (peer) => {
        await peer.login({ resumable: ENABLED });
        await peer.expect(/<body>/);
        peer.reset();
      },
      async (peer) => void (await peer.login({ resume: resumed(1) })),
    ]);
    await reached(session, "refused");
    session.start();
    await reached(session, "online");
    expect(await outcomeOf(session.send(chat("x")))).toBe("confirmed");
    await reached(session, "online");
    expect(states.findLast(({ kind }) => kind === "online")).toMatchObject({
      facts: { resumed: true },
    });
  });

  it("by a policy-violation is not resumed: what we sent would be the next one", async () => {
    const condition = "policy-violation";
    const { session, states, sent } = await setUp([
      async (peer) => {
        await peer.login({ resumable: ENABLED });
        await peer.expect(/<body>/);
        peer.send(
          `<stream:error><${condition} xmlns='urn:ietf:params:xml:ns:xmpp-streams'/></stream:error>`,
        );
      },
      async (peer) => void (await peer.login({ resumable: ENABLED })),
    ]);
    const outcome = session.send(chat("x")).catch((error: unknown) => error);
    expect((await backOnline(session, states)).resumed).toBe(false);
    expect(await outcome).toBeInstanceOf(XmppUnconfirmedError);
    expect(await outcome).toMatchObject({ cause: { condition } });
    expect(sent(1)).not.toMatch(/<resume|<body>/);
  });
});

describe("a server that says how large a stanza may be", () => {
  it.each([
    ["is believed", 20_000, 20_000],
    ["cannot have us send more than is usual", 10_000_000, 200 * 1024],
    ["cannot have us send nothing", 10, 10_000],
  ])("%s", async (_, advertised, counts) => {
    const limits = `<limits xmlns='urn:xmpp:stream-limits:0'><max-bytes>${advertised}</max-bytes></limits>`;
    const { session, sent } = await setUp([
      async (peer) => void (await peer.login({ resumable: ENABLED, features: limits })),
    ]);
    const tooLarge = session.send(chat("x".repeat(counts)));
    await expect(tooLarge).rejects.toThrow(`the server ends the stream above ${counts}`);
    void session.send(chat("y".repeat(counts - 500))).catch(() => undefined);
    await waitFor(() => sent(0).includes("yyy"), { what: "the smaller one" });
    expect(sent(0)).not.toContain("xxx");
  });
});
