/**
 * Faults 5 and 6 of stock xmpp.js 0.14, which end the process: each client in a process of its own.
 */
import { afterEach, describe, expect, it } from "vitest";
import { startFakeServer } from "../../test/support/fake-server.ts";
import type { FakePeer, FakeServer } from "../../test/support/fake-server.ts";
import { startProcess } from "../../test/support/process.ts";
import type { RunningProcess } from "../../test/support/process.ts";

const CHILD = new URL("../../test/support/fault-child.ts", import.meta.url).pathname;
const cleanUp: Array<() => Promise<unknown>> = [];
afterEach(async () => {
  await Promise.all(cleanUp.splice(0).map((task) => task()));
});

async function setUp(
  subject: "stock" | "ours",
  script: (peer: FakePeer, index: number) => Promise<void>,
  ...args: string[]
): Promise<{ server: FakeServer; child: RunningProcess }> {
  const server = await startFakeServer({ script });
  const child = await startProcess({
    name: `${subject} client`,
    command: process.execPath,
    args: [CHILD, subject, `${server.port}`, ...args],
  });
  cleanUp.push(
    () => server.stop(),
    () => child.stop(0),
  );
  return { server, child };
}

describe("fault 5: a reset that comes after the client let go of the socket", () => {
  const silent = async (peer: FakePeer) => void (await peer.login());

  it.each([
    ["stock", 1],
    ["ours", 0],
  ] as const)("%s ends with code %i", async (subject, code) => {
    const { server, child } = await setUp(subject, silent);
    await child.waitForOutput(/online/);
    child.write("stop\n"); // the server neither closes its stream nor its socket
    await child.waitForOutput(/stopped/);
    server.peers[0]?.reset();
    if (code === 0) child.write("exit\n");
    expect((await child.exited).code).toBe(code);
  });

  it("ours survives a reset of the live connection, and comes back", async () => {
    const { server, child } = await setUp("ours", silent);
    await child.waitForOutput(/online/);
    server.peers[0]?.reset();
    await child.waitForOutput(/online[^]*waiting[^]*online/);
    child.write("exit\n");
    expect((await child.exited).code).toBe(0);
  });
});

describe("fault 6: what must not leave the event loop as an exception", () => {
  const say = (text: string) => async (peer: FakePeer, index: number) => {
    await peer.login();
    if (index === 0) peer.send(text);
  };

  it.each([
    ["an unknown entity", "<message><body>&bogus;</body></message>"],
    ["a forbidden character", "<message><body>&#0;</body></message>"],
  ])("%s: stock dies, ours reconnects", async (_what, text) => {
    const stock = await setUp("stock", say(text));
    expect((await stock.child.exited).code).toBe(1);
    const ours = await setUp("ours", say(text));
    await ours.child.waitForOutput(/online[^]*waiting[^]*online/);
  });

  it("a bad sender: stock dies, ours does not mind", async () => {
    const stock = await setUp("stock", say("<message from='@'/>"));
    expect((await stock.child.exited).code).toBe(1);
    const ours = await setUp("ours", async (peer) => {
      await say("<message from='@'/>")(peer, 0);
      peer.send("<iq type='get' id='alive' from='a@b/c'><ping xmlns='urn:xmpp:ping'/></iq>");
      await peer.expect(/id="alive"/);
      peer.send("</stream:stream>");
    });
    await ours.child.waitForOutput(/online[^]*waiting/);
  });

  it("a listener that throws: stock dies, ours goes on", async () => {
    const script = async (peer: FakePeer) => {
      await peer.login();
      peer.send(
        "<message from='a@b'/><iq type='get' id='alive' from='a@b/c'><ping xmlns='urn:xmpp:ping'/></iq>",
      );
      await peer.expect(/id="alive"/);
      peer.send("</stream:stream>");
    };
    const stock = await setUp("stock", script, "throwing");
    expect((await stock.child.exited).code).toBe(1);
    const ours = await setUp("ours", script, "throwing");
    await ours.child.waitForOutput(/online[^]*waiting/);
  });
});
