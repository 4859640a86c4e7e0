/** Files within the stream: from whom policy lets in they come to the agent, to anybody else nobody is there. */
import { createHash } from "node:crypto";
import { readFileSync, readdirSync, statSync } from "node:fs";
import { join } from "node:path";
import { parse } from "ltx";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createTempDir, type TempDir } from "../../test/support/at-exit.ts";
import { OWN_JID } from "../../test/support/fake-session.ts";
import { createRoadIn, type RoadInOptions } from "../../test/support/road-in.ts";
import { waitFor } from "../../test/support/wait.ts";
import { createInBandFiles } from "./in-band-files.ts";

const IBB = "http://jabber.org/protocol/ibb";
const ALICE = "alice@example/gajim";
const MALLORY = "mallory@example/x";
const CONTENT = Buffer.from("# Notes\nThe quick brown fox jumps over the lazy dog.\n");

let temp: TempDir;
beforeAll(() => {
  temp = createTempDir("in-band");
  process.env["OPENCLAW_STATE_DIR"] = temp.path;
});
afterAll(() => temp.remove());

function setUp(options: RoadInOptions = {}) {
  const keys = { dmPolicy: "allowlist", allowFrom: ["alice@example"], ...options.keys };
  const road = createRoadIn({ ...options, keys });
  const inBand = createInBandFiles({ ...road.context, receiver: road.receiver });
  let last = 0;
  const iq = (payload: string, from = ALICE) =>
    `<iq xmlns="jabber:client" type="set" id="i${++last}" from="${from}" to="${OWN_JID}">${payload}</iq>`;
  const ask = async (payload: string, from?: string) => await road.session.ask(iq(payload, from));
  const sendAll = async (sid: string, content = CONTENT) => {
    const answers = [await ask(`<open xmlns="${IBB}" sid="${sid}" block-size="20"/>`)];
    for (let seq = 0; seq * 20 < content.length; seq += 1) {
      const data = content.subarray(seq * 20, seq * 20 + 20).toString("base64");
      answers.push(await ask(`<data xmlns="${IBB}" sid="${sid}" seq="${seq}">${data}</data>`));
    }
    return [...answers, await ask(`<close xmlns="${IBB}" sid="${sid}"/>`)];
  };
  const turn = async () => await waitFor(() => road.turns[0], { what: "a turn" });
  return { ...road, inBand, iq, ask, sendAll, turn };
}

const si = (size = CONTENT.length, extra = "", inner = "") =>
  `<si xmlns="http://jabber.org/protocol/si" id="s1" profile="http://jabber.org/protocol/si/profile/file-transfer">
    <file xmlns="http://jabber.org/protocol/si/profile/file-transfer" name="../notes.md" size="${size}" ${extra}>${inner}</file>
    <feature xmlns="http://jabber.org/protocol/feature-neg"><x xmlns="jabber:x:data" type="form">
    <field var="stream-method" type="list-single"><option><value>${IBB}</value></option></field></x></feature></si>`;
const jingle = (hash = createHash("sha256").update(CONTENT).digest("base64")) =>
  `<jingle xmlns="urn:xmpp:jingle:1" action="session-initiate" sid="j1"><content creator="initiator" name="f" senders="initiator">
    <description xmlns="urn:xmpp:jingle:apps:file-transfer:5"><file><name>notes.md</name><size>${CONTENT.length}</size>
    <hash xmlns="urn:xmpp:hashes:2" algo="sha-256">${hash}</hash></file></description>
    <transport xmlns="urn:xmpp:jingle:transports:ibb:1" block-size="4096" sid="t1"/></content></jingle>`;

describe("a file within the stream", () => {
  it("comes to the agent, with what was said of it, from whom policy lets in", async () => {
    const { ask, sendAll, turn } = setUp();
    expect(await ask(si(CONTENT.length, "", "<desc>What do you think?</desc>"))).toContain(IBB);
    for (const answer of await sendAll("s1")) expect(answer).toContain('type="result"');
    const { message, media, from } = await turn();
    expect(from).toContain("alice@example");
    expect(message.bodyForAgent).toBe("What do you think?");
    expect(media).toHaveLength(1);
    expect(readFileSync(media?.[0]?.path ?? "")).toEqual(CONTENT);
    expect(media?.[0]?.path?.startsWith(temp.path)).toBe(true);
    expect(media?.[0]?.contentType).toMatch(/^text\//);
  });

  it("comes by Jingle, and its sender hears of the success", async () => {
    const { ask, sendAll, session, turn } = setUp();
    session.takeSent();
    await ask(jingle());
    const sent: string[] = [];
    const has = async (what: string) =>
      await waitFor(() => (sent.push(...session.takeSent()), sent.join().includes(what)), { what });
    await has("session-accept");
    await sendAll("t1");
    await has("<success");
    expect((await turn()).media).toHaveLength(1);
  });

  it.each([
    ["SI", si()],
    ["Jingle", jingle()],
    ["bytes", `<open xmlns="${IBB}" sid="s1" block-size="20"/>`],
    ["a broken session", '<jingle xmlns="urn:xmpp:jingle:1" action="session-initiate"/>'],
  ])("of a stranger finds nobody: %s", async (_, offer) => {
    const { ask, session, challenged, tally } = setUp({ keys: { dmPolicy: "pairing" } });
    session.takeSent();
    expect(await ask(offer, MALLORY)).toBe("unanswered");
    await new Promise((resolve) => setImmediate(resolve));
    expect(session.takeSent()).toEqual([]);
    expect(challenged).toEqual([]);
    expect(tally.read()).toMatchObject({ "not-admitted": 1 });
  });

  it("of another sender's session is nobody else's", async () => {
    const { ask } = setUp();
    await ask(si());
    expect(await ask(`<open xmlns="${IBB}" sid="s1" block-size="20"/>`, MALLORY)).toBe(
      "unanswered",
    );
    expect(
      await ask(`<open xmlns="${IBB}" sid="s1" block-size="20"/>`, "alice@example/phone"),
    ).toContain("item-not-found");
  });

  it("that is too large is refused, announced or not", async () => {
    const { ask, sendAll, turns, receiver } = setUp({ keys: { mediaMaxMb: 0.00001 } });
    expect(await ask(si())).toContain("forbidden");
    await ask(si(5));
    expect((await sendAll("s1")).join()).toContain("error");
    await receiver.idle();
    expect(turns).toEqual([]);
  });

  it("that is another than announced is not taken up", async () => {
    const { ask, sendAll, turns, receiver, session } = setUp();
    await ask(jingle(createHash("sha256").update("another").digest("base64")));
    await sendAll("t1");
    await waitFor(() => session.takeSent().join().includes("media-error"), { what: "the end" });
    await receiver.idle();
    expect(turns).toEqual([]);
  });

  it("is bounded in number", async () => {
    const { ask } = setUp();
    const offers = [si(), si().replace('"s1"', '"s2"'), si().replace('"s1"', '"s3"')];
    const answers = [];
    for (const offer of offers) answers.push(await ask(offer));
    expect(answers.map((answer) => answer.includes("error"))).toEqual([false, false, true]);
  });

  it("ends with the connection", async () => {
    const { ask, session } = setUp();
    await ask(si());
    session.goOffline();
    session.goOnline();
    expect(await ask(`<open xmlns="${IBB}" sid="s1" block-size="20"/>`)).toContain(
      "item-not-found",
    );
  });

  it("is answered block by block however many there are, and nothing else is", async () => {
    const { ask, inBand, iq } = setUp();
    const block = parse(iq(`<data xmlns="${IBB}" sid="s1" seq="0">AAAA</data>`));
    expect(inBand.isAwaited(block)).toBe(false);
    await ask(si());
    expect(inBand.isAwaited(block)).toBe(true);
    expect(inBand.isAwaited(parse(iq('<query xmlns="jabber:iq:version"/>')))).toBe(false);
    expect(inBand.isAwaited(parse(iq(`<data xmlns="${IBB}" sid="s1"/>`, MALLORY)))).toBe(false);
    const granted = Array.from({ length: 1000 }, () => inBand.isAwaited(block));
    expect(granted.filter(Boolean).length).toBeLessThan(100);
  });

  it("is on disk before its sender hears that it arrived, and is answered after a crash", async () => {
    const file = join(temp.path, "ingress.sqlite");
    const before = setUp({ file, failures: Infinity });
    await before.ask(si());
    const answers = await before.sendAll("s1");
    expect(answers.at(-1)).toContain('type="result"');
    await before.receiver.stop();
    before.database.close();
    const after = setUp({ file });
    const { media } = await after.turn();
    expect(readFileSync(media?.[0]?.path ?? "")).toEqual(CONTENT);
    await after.receiver.idle();
    expect(after.turns).toHaveLength(1);
  });

  it("that cannot be stored is not said to have arrived, and is not kept", async () => {
    const { ask, sendAll, database } = setUp();
    const filesIn = () => readdirSync(temp.path, { recursive: true, encoding: "utf8" });
    await ask(si());
    const before = filesIn();
    database.close();
    expect((await sendAll("s1")).at(-1)).toBe("resource-constraint");
    const isFile = (name: string) => statSync(join(temp.path, name)).isFile();
    expect(filesIn().filter((name) => !before.includes(name) && isFile(name))).toEqual([]);
  });

  it.each([
    ["SI", si()],
    ["Jingle", jingle()],
  ])("of another account of this Gateway finds nobody: %s", async (_, offer) => {
    const isSibling = ({ bare }: { bare: string }) => bare === "alice@example";
    const { ask, session } = setUp({ context: { isSibling } });
    session.takeSent();
    expect(await ask(offer)).toBe("unanswered");
    expect(session.takeSent()).toEqual([]);
  });
});
