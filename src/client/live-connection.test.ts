import { Element } from "ltx";
import { expect, it } from "vitest";
import { chat, SILENT } from "../../test/support/xmpp-subjects.ts";
import { XmppNotSentError, type XmppConnectionError } from "../errors.ts";
import { parseJid } from "../protocol/jid.ts";
import { connectionError } from "./conditions.ts";
import { goLive } from "./live-connection.ts";
import type { Login } from "./negotiation.ts";
import { endBoundStream, openBoundStream } from "./resumption.ts";
import { DEFAULT_TIMINGS } from "./session.ts";
import type { XmppStream } from "./xmppjs.ts";

/** A connection over a stream that is ours: `hear` is its other side. */
function setUp(more: Partial<Parameters<typeof goLive>[0]> = {}) {
  const closed = Promise.withResolvers<XmppConnectionError>();
  const written: Element[] = [];
  let hear: (element: Element) => void = () => undefined;
  const stream = {
    address: "127.0.0.1:5222",
    closed: closed.promise,
    send: (element: Element) => void written.push(element),
    listen: (listener: (element: Element) => void) => void (hear = listener),
    fail: () => undefined,
  } as unknown as XmppStream;
  const jid = parseJid("bot@localhost/test");
  if (!jid) throw new Error("no JID");
  const bound = openBoundStream(jid, undefined);
  const connection = goLive({
    login: { stream, bound, resumed: false, early: [], endpoint: {} } as unknown as Login,
    since: 0,
    timings: DEFAULT_TIMINGS,
    log: SILENT,
    onStanza: () => undefined,
    iqHandlers: [],
    onLost: endBoundStream,
    ...more,
  });
  return { closed, connection, hear: (element: Element) => hear(element), written };
}

it("what is sent when the connection has just ended did not leave, and says so", async () => {
  const { closed, connection, written } = setUp();
  closed.resolve(connectionError("network", "cut"));
  await connection.closed;
  const error: unknown = await connection.send(chat("x")).catch((thrown: unknown) => thrown);
  expect(error).toBeInstanceOf(XmppNotSentError);
  expect(error).toMatchObject({ isOffline: true });
  expect(written).toEqual([]);
});

it("questions that we wait for are answered, however many there are", async () => {
  const { closed, connection, hear, written } = setUp({
    iqHandlers: [() => new Element("pong")],
    isAwaited: (iq) => iq.attrs["from"] === "alice@localhost/x",
  });
  connection.begin();
  for (const from of ["alice@localhost/x", "mallory@localhost/x"]) {
    for (let id = 0; id < 150; id += 1) {
      const iq = new Element("iq", { type: "set", id: `${id}`, from });
      iq.c("block", { xmlns: "urn:test" });
      hear(iq);
    }
  }
  await new Promise((resolve) => setImmediate(resolve));
  const answersTo = (to: string) => written.filter(({ attrs }) => attrs["to"] === to).length;
  expect(answersTo("alice@localhost/x")).toBe(150);
  expect(answersTo("mallory@localhost/x")).toBe(100);
  closed.resolve(connectionError("network", "cut"));
  await connection.closed;
});
