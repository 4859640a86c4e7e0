/** Files between people and the agent, over the upload services of Prosody and ejabberd. */
import { createHash, randomUUID } from "node:crypto";
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { request } from "node:https";
import { join } from "node:path";
import { parse } from "ltx";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { decodeMessage } from "../../src/protocol/stanza.ts";
import { decodeSlot, encodeSlotRequest } from "../../src/protocol/xep-0363-http-upload.ts";
import { startEjabberd, type Ejabberd } from "../support/ejabberd.ts";
import { startGateway, type Gateway } from "../support/gateway.ts";
import { startProsody, type Prosody } from "../support/prosody.ts";
import { watchDownloads } from "../support/prosody-downloads.ts";
import { passwordFor } from "../support/secrets.ts";
import { startSlixmppUser, type SlixmppClient, type StanzaEvent } from "../support/slixmpp.ts";
import { PACKAGE } from "../support/stage.ts";
import { startStubModel, type ModelRequest, type StubModel } from "../support/stub-model.ts";
import { waitFor } from "../support/wait.ts";

const BOT = "bot@localhost";
/** On ejabberd. */
const JAY = "jay@localhost";
const PASSWORD = passwordFor("bot");
/** On either server. */
const UPLOAD = "upload.localhost";
/** A picture that nobody else has: told by its bytes. */
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);

let prosody: Prosody;
let model: StubModel;
let gateway: Gateway;
let ejabberd: Ejabberd;
let anna: SlixmppClient;
let bob: SlixmppClient;
let room: string;
let workspace: string;
/** What no link may lead to. */
let forbidden: Server;
let hits = 0;

beforeAll(async () => {
  [prosody, ejabberd, model] = await Promise.all([
    startProsody(),
    startEjabberd(),
    startStubModel(),
  ]);
  await prosody.register("bot", PASSWORD);
  await ejabberd.register("jay", PASSWORD);
  room = await prosody.room("pictures");
  forbidden = createServer((_, response) => response.end("secret"));
  forbidden.on("connection", () => (hits += 1));
  await new Promise<void>((resolve) => forbidden.listen(0, "127.0.0.1", resolve));
  gateway = await startGateway({
    modelUrl: model.baseUrl,
    plugins: [{ kind: "path", path: PACKAGE }],
    config: {
      session: { dmScope: "per-account-channel-peer" },
      models: {
        providers: {
          stub: {
            models: [
              {
                id: "stub-model",
                name: "Stub",
                reasoning: false,
                input: ["text", "image"],
                cost: { input: 0, output: 0, cacheRead: 0, cacheWrite: 0 },
                contextWindow: 32_000,
                maxTokens: 2_000,
              },
            ],
          },
        },
      },
      channels: {
        xmpp: {
          dmPolicy: "allowlist",
          mediaMaxMb: 1,
          accounts: {
            default: {
              jid: BOT,
              password: PASSWORD,
              server: `127.0.0.1:${prosody.ports.c2s}`,
              tls: { caFile: prosody.caFile },
              allowFrom: ["anna@localhost"],
              groupPolicy: "open",
              rooms: [room],
            },
            jay: {
              jid: JAY,
              password: PASSWORD,
              server: `127.0.0.1:${ejabberd.ports.c2s}`,
              tls: { caFile: ejabberd.caFile },
              allowFrom: ["bob@localhost"],
            },
          },
        },
      },
    },
  });
  anna = await startSlixmppUser(prosody, "anna");
  bob = await startSlixmppUser(ejabberd, "bob");
  await anna.join(room, "Anna");
  workspace = join(gateway.directory, "workspace");
  mkdirSync(workspace, { recursive: true });
  writeFileSync(join(workspace, "chart.png"), PNG);
});
beforeEach(() => {
  model.setReply();
  model.clear();
  hits = 0;
});
afterAll(async () => {
  await Promise.all([anna?.stop(), bob?.stop(), gateway?.stop()]);
  forbidden?.close();
  await Promise.all([prosody?.stop(), ejabberd?.stop(), model?.stop()]);
});

/** As a client does it: a slot, a PUT, and the URL to tell others. */
async function upload(
  person: SlixmppClient,
  name: string,
  data: Buffer,
  { caFile }: { caFile: string } = prosody,
): Promise<string> {
  const wanted = encodeSlotRequest({ filename: name, size: data.byteLength });
  const { xml } = await person.iq(UPLOAD, "get", wanted.toString());
  const slot = decodeSlot(parse(xml));
  if (!slot) throw new Error(`no slot: ${xml}`);
  const status = await new Promise<number>((resolve, reject) => {
    const put = request(slot.put.url, { method: "PUT", ca: readFileSync(caFile) });
    for (const header of slot.put.headers) put.setHeader(header.name, header.value);
    put.on("response", (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    put.on("error", reject).end(data);
  });
  expect(status).toBe(201);
  return slot.get;
}

const oob = (url: string) => `<x xmlns="jabber:x:oob"><url>${url}</url></x>`;
const share = (url: string, data: Buffer, name: string) =>
  `<file-sharing xmlns="urn:xmpp:sfs:0" disposition="inline"><file xmlns="urn:xmpp:file:metadata:0">` +
  `<media-type>image/png</media-type><name>${name}</name><size>${PNG.byteLength}</size>` +
  `<hash xmlns="urn:xmpp:hashes:2" algo="sha-256">${createHash("sha256").update(data).digest("base64")}</hash></file>` +
  `<sources><url-data xmlns="http://jabber.org/protocol/url-data" target="${url}"/></sources></file-sharing>`;

/** The first page of an Ogg Opus stream, and the head of a WebM: as phones record voice. */
const OGG = Buffer.from(
  "4f6767530002000000000000000001000000000000000000000001134f707573486561640101380180bb0000000000",
  "hex",
);
const WEBM = Buffer.from("1a45dfa3874282847765626d", "hex");

/** What the model was asked next, and what it was shown with that. */
async function asked(): Promise<ModelRequest & { pictures: number }> {
  const first = await waitFor(() => model.requests[0], { what: "a turn", timeoutMs: 90_000 });
  const { messages } = first.body as { messages: { role: string }[] };
  const answered = messages.findLastIndex(({ role }) => role === "assistant");
  const latest = JSON.stringify(messages.slice(answered + 1));
  const pictures = latest.split(PNG.toString("base64")).length - 1;
  return { ...first, pictures };
}

describe("a person sends", () => {
  it.each<[string, (url: string) => { body?: string; extra: string }]>([
    ["a picture by XEP-0066", (url) => ({ body: url, extra: oob(url) })],
    ["a picture by XEP-0447", (url) => ({ extra: share(url, PNG, "cat.png") })],
    ["both, as clients do", (url) => ({ body: url, extra: share(url, PNG, "cat.png") + oob(url) })],
    ["the URL of the server's own upload service", (url) => ({ body: url, extra: "" })],
  ])("%s: the agent sees it, and answers", async (_, say) => {
    const since = anna.stanzas.length;
    model.setReply(() => "seen");
    const url = await upload(anna, "cat.png", PNG);
    await anna.send({ to: BOT, ...say(url) });
    const { pictures, userText } = await asked();
    expect(pictures).toBe(1);
    expect(userText).not.toContain(url);
    await anna.waitFor(({ body }) => body === "seen", { since, timeoutMs: 90_000 });
    expect(model.requests).toHaveLength(1);
  });

  it("a voice note: the agent is told that it is one", async () => {
    const since = anna.stanzas.length;
    model.setReply(() => "heard");
    const url = await upload(anna, "note.ogg", OGG);
    await anna.send({ to: BOT, body: url, extra: oob(url) });
    const { body } = await asked();
    expect(JSON.stringify(body)).toMatch(/\[media attached: [^\]]+\.ogg \(audio\/ogg/);
    await anna.waitFor(({ body: text }) => text === "heard", { since, timeoutMs: 90_000 });
  });

  it("two pictures and a caption, one after the other: one turn", async () => {
    const since = anna.stanzas.length;
    model.setReply(() => "both seen");
    for (const name of ["a.png", "b.png"]) {
      const url = await upload(anna, name, PNG);
      await anna.send({ to: BOT, body: url, extra: oob(url) });
    }
    await anna.send({ to: BOT, body: "what are these?" });
    const { pictures, userText } = await asked();
    expect(pictures).toBe(2);
    expect(userText).toContain("what are these?");
    await anna.waitFor(({ body }) => body === "both seen", { since, timeoutMs: 90_000 });
    expect(model.requests).toHaveLength(1);
  });

  it("a picture in a room, with words for the agent", async () => {
    const since = anna.stanzas.length;
    model.setReply(() => "seen in the room");
    const url = await upload(anna, "cat.png", PNG);
    await anna.send({
      to: room,
      type: "groupchat",
      body: `bot: what is it?\n${url}`,
      extra: oob(url),
    });
    expect((await asked()).pictures).toBe(1);
    await anna.waitFor(({ body }) => body?.includes("seen in the room") === true, {
      since,
      timeoutMs: 90_000,
    });
  });

  it("what leads to this machine, a file of it, or another file than announced: the agent is told", async () => {
    const { port } = forbidden.address() as { port: number };
    const url = await upload(anna, "cat.png", PNG);
    const extra = [
      oob(`https://127.0.0.1:${port}/a.png`),
      oob(`https://localhost:${port}/b.png`),
      oob("file:///etc/passwd"),
      oob("data:image/png;base64,AAAA"),
      oob("aesgcm://localhost/x.png#00112233445566778899aabb"),
      share(url, Buffer.from("else"), "other.png"),
    ].join("");
    await anna.send({ to: BOT, body: "look at all this", extra });
    const { pictures, userText } = await asked();
    expect(pictures).toBe(0);
    expect(userText).toContain("look at all this");
    expect(userText.match(/is not available: /g)).toHaveLength(6);
    for (const reason of ["not a public", "only https", "encrypted (OMEMO)", "its hash differs"]) {
      expect(userText).toContain(reason);
    }
    expect(userText).not.toContain("00112233445566778899aabb");
    expect(hits).toBe(0);
  });

  it("a file as somebody whom policy does not let in: nothing is fetched", async () => {
    const mallory = await startSlixmppUser(prosody, "mallory");
    const downloads = await watchDownloads(prosody);
    const [hers, annas] = [`${randomUUID()}.png`, `${randomUUID()}.png`];
    const url = await upload(mallory, hers, PNG);
    await mallory.send({ to: BOT, body: url, extra: oob(url) });
    const since = anna.stanzas.length;
    const ofAnna = await upload(anna, annas, PNG);
    await anna.send({ to: BOT, body: `marker ${ofAnna}`, extra: oob(ofAnna) });
    await anna.waitFor(({ body }) => body?.startsWith("echo: ") === true, {
      since,
      timeoutMs: 90_000,
    });
    expect(model.requests).toHaveLength(1);
    expect(await downloads(annas)).toBe(1);
    expect(await downloads(hers)).toBe(0);
    await mallory.stop();
  });
});

/** The file that a message shows: fetched, as a client would. */
async function shown({ xml, body }: StanzaEvent, { caFile }: { caFile: string } = prosody) {
  const { fallbacks, fileShares, oobUrls } = decodeMessage(parse(xml));
  const [file] = fileShares;
  const data = await new Promise<Buffer>((resolve, reject) => {
    const parts: Buffer[] = [];
    request(body ?? "", { ca: readFileSync(caFile) }, (response) => {
      response.on("data", (part: Buffer) => parts.push(part));
      response.on("end", () => resolve(Buffer.concat(parts)));
    })
      .on("error", reject)
      .end();
  });
  return { data, file, fallbacks, oobUrls };
}

const isFile = ({ event, xml }: StanzaEvent) =>
  event === "message" && xml.includes("urn:xmpp:sfs:0");

describe("the agent sends", () => {
  it("a picture of its workspace with its answer: the caption first, then the file", async () => {
    const since = anna.stanzas.length;
    model.setReply(() => `Here it is.\n\nMEDIA:${join(workspace, "chart.png")}`);
    await anna.send({ to: BOT, body: "draw a chart" });
    const message = await anna.waitFor(isFile, { since, timeoutMs: 90_000 });
    const { data, file, fallbacks, oobUrls } = await shown(message);
    expect(data).toEqual(PNG);
    expect(oobUrls).toEqual([message.body]);
    expect(fallbacks).toContainEqual({ for: "urn:xmpp:sfs:0", body: "whole" });
    expect(file?.file).toMatchObject({
      name: "chart.png",
      mediaType: "image/png",
      size: PNG.byteLength,
    });
    const texts = anna.stanzas
      .slice(since)
      .flatMap(({ event, body }) => (event === "message" && body ? [body] : []));
    expect(texts).toEqual(["Here it is.", message.body]);
  });

  it.each([
    ["voice.ogg", OGG, "audio/ogg"],
    ["voice.webm", WEBM, "audio/webm"],
  ])("a voice note (%s) as audio", async (name, data, type) => {
    const since = anna.stanzas.length;
    writeFileSync(join(workspace, name), data);
    model.setReply(() => `[[audio_as_voice]]\nMEDIA:${join(workspace, name)}`);
    await anna.send({ to: BOT, body: "say it" });
    const message = await anna.waitFor(isFile, { since, timeoutMs: 90_000 });
    const { data: heard, file } = await shown(message);
    expect(heard).toEqual(data);
    expect(file?.file.mediaType).toBe(type);
  });

  it("nothing of elsewhere, and the answer is not lost", async () => {
    const since = anna.stanzas.length;
    const secret = join(gateway.directory, "secret.png");
    writeFileSync(secret, PNG);
    model.setReply(() => `Here it is.\n\nMEDIA:${secret}`);
    await anna.send({ to: BOT, body: "show me" });
    const { body } = await anna.waitForBody(BOT, { since, timeoutMs: 90_000 });
    expect(body).toMatch(/^Here it is\./);
    expect(body).not.toContain(gateway.directory);
    model.setReply();
    await anna.send({ to: BOT, body: "marker two" });
    await anna.waitFor(({ body: text }) => text === "echo: marker two", {
      since,
      timeoutMs: 90_000,
    });
    expect(anna.stanzas.slice(since).filter(isFile)).toEqual([]);
  });
});

describe("openclaw message send --media", () => {
  const send = async (to: string, media: string, ...more: string[]) =>
    await gateway.openclaw([
      ...["message", "send", "--channel", "xmpp", "--target", to, "--media", media, "--json"],
      ...more,
    ]);

  it("uploads a file for a person and for a room", async () => {
    const since = anna.stanzas.length;
    for (const to of ["anna@localhost", room]) {
      const { code, stdout, stderr } = await send(
        to,
        join(workspace, "chart.png"),
        "--message",
        `for ${to}`,
      );
      expect({ code, stderr: code === 0 ? "" : stdout + stderr }).toEqual({ code: 0, stderr: "" });
      const from = to === room ? room : BOT;
      const message = await anna.waitFor((each) => isFile(each) && each.from.startsWith(from), {
        since,
      });
      expect((await shown(message)).data).toEqual(PNG);
      expect(anna.stanzas.slice(since).some(({ body }) => body === `for ${to}`)).toBe(true);
    }
  });

  it("refuses what does not lie in the media roots", async () => {
    const since = anna.stanzas.length;
    const { code } = await send("anna@localhost", "/etc/passwd", "--message", "here");
    expect(code).not.toBe(0);
    await anna.ping();
    // A chat state of an earlier answer may still come.
    expect(anna.stanzas.slice(since).flatMap(({ body }) => body ?? [])).toEqual([]);
  });
});

describe("over ejabberd", () => {
  it("a person sends a picture, and the agent another one", async () => {
    const since = bob.stanzas.length;
    model.setReply(() => `Here is mine.\n\nMEDIA:${join(workspace, "chart.png")}`);
    const url = await upload(bob, "cat.png", PNG, { caFile: ejabberd.caFile });
    await bob.send({ to: JAY, body: url, extra: oob(url) });
    expect((await asked()).pictures).toBe(1);
    const message = await bob.waitFor(isFile, { since, timeoutMs: 90_000 });
    const { data, file, oobUrls } = await shown(message, ejabberd);
    expect(data).toEqual(PNG);
    expect(file?.file.name).toBe("chart.png");
    expect(oobUrls).toEqual([message.body]);
  });
});
