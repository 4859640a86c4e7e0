/** No password leaves on a stream that turns out not to be what it was taken for. */
import { parse, type Element } from "ltx";
import { expect, it, vi } from "vitest";
import { mechanismsFeature, STARTTLS_FEATURE } from "../../test/support/fake-server.ts";
import { ours, reached } from "../../test/support/xmpp-subjects.ts";
import type { StreamOptions, XmppStream } from "./xmppjs.ts";

/** What the stream that the session opens says, and of what kind it is. */
const line = vi.hoisted(() => ({ features: "", loopback: true, written: [] as string[] }));

vi.mock(import("./xmppjs.ts"), async (original) => ({
  ...(await original()),
  createStream: ({ onReached }: StreamOptions): XmppStream => {
    const features = () =>
      parse(
        `<features xmlns="http://etherx.jabber.org/streams">${line.features}</features>`,
      ) as unknown as Element;
    return {
      address: "192.0.2.1:5222",
      secure: false,
      loopback: line.loopback,
      tls: undefined,
      bindings: new Map(),
      open: async () => (onReached?.(), features()),
      startTls: async () => features(),
      restart: async () => features(),
      next: () => new Promise<never>(() => undefined),
      listen: () => undefined,
      send: (element) => void line.written.push(element.toString()),
      fail: () => undefined,
      close: async () => undefined,
      closed: new Promise<never>(() => undefined),
    };
  },
}));

it.each([
  ["to elsewhere than this machine, whatever the operator allows", "", false, true],
  ["where TLS was agreed on and did not come", STARTTLS_FEATURE, true, false],
])("%s", async (_what, features, loopback, plaintext) => {
  Object.assign(line, {
    features: features + mechanismsFeature(["SCRAM-SHA-1"]),
    loopback,
    written: [],
  });
  const session = ours(5222, { plaintext });
  session.start();
  await Promise.race([
    reached(session, "refused"),
    vi.waitFor(() => expect(line.written).not.toEqual([])),
  ]);
  expect(line.written).toEqual([]);
  const condition = plaintext ? "plaintext-refused" : "tls-required";
  expect(session.state).toMatchObject({ kind: "refused", error: { condition } });
  await session.stop();
});
