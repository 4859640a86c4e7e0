/** Files on the road out: what the server is given, what people see, and what never leaves. */
import { createHash } from "node:crypto";
import { mkdirSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { isChannelPartialDeliveryError } from "openclaw/plugin-sdk/channel-inbound";
import { parse, type Element } from "ltx";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createTempDir, type TempDir } from "../../test/support/at-exit.ts";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { createOutbox } from "../../test/support/outbox.ts";
import { createRooms } from "../client/rooms.ts";
import type { FileToUpload, Uploads } from "../client/upload.ts";
import { XmppNotSentError, XmppUploadError } from "../errors.ts";
import type { BareJid, FullJid } from "../protocol/jid.ts";
import { decodeMessage } from "../protocol/stanza.ts";
import { deliverWithFiles } from "./deliver-files.ts";
import { deliverText, type DeliveryOptions } from "./deliver.ts";
import type { OutgoingFile } from "./outgoing-file.ts";
import type { Target } from "./target.ts";

const ALICE: Target = { kind: "direct", to: "alice@example.com" as BareJid };
const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const DELIVERY = { deliveryId: "row", part: 0, parts: 1 };

let temp: TempDir;
let root: string;
let elsewhere: string;
beforeAll(() => {
  temp = createTempDir("outgoing");
  root = join(temp.path, "workspace");
  elsewhere = join(temp.path, "elsewhere");
  for (const folder of [root, elsewhere]) mkdirSync(folder);
  for (const name of ["cat.png", "dog.png", "really a picture.txt"]) {
    writeFileSync(join(root, name), PNG);
  }
  writeFileSync(join(root, "notes.md"), "# Notes");
  writeFileSync(join(root, "large.bin"), Buffer.alloc(2_000, 1));
  const ogg = Buffer.concat([Buffer.from("OggS\0\x02"), Buffer.alloc(22), Buffer.from("OpusHead")]);
  writeFileSync(join(root, "voice"), ogg);
  writeFileSync(join(elsewhere, "secret.png"), PNG);
  symlinkSync(join(elsewhere, "secret.png"), join(root, "link.png"));
});
afterAll(() => temp.remove());

type Options = {
  failures?: (Error | undefined)[];
  uploads?: (Error | undefined)[];
  hasService?: boolean;
  maxFileSize?: number;
  onUpload?: () => void;
};

function setUp(options: Options = {}) {
  const { failures = [], uploads = [], hasService = true, maxFileSize, onUpload } = options;
  const session = createFakeSession();
  session.goOnline();
  const written: Element[] = [];
  session.send = async (stanza) => {
    const failure = failures[written.push(parse(stanza.toString())) - 1];
    if (failure) throw failure;
  };
  const log = createFakeLog();
  const outbox = createOutbox(session, createRooms({ session, log, nick: "bot" }));
  outbox.log = log;
  const uploaded: FileToUpload[] = [];
  const jid = "upload.example" as FullJid;
  outbox.uploads = {
    ...outbox.uploads,
    service: async () => (hasService ? { jid, maxFileSize } : undefined),
    upload: async (file) => {
      const failure = uploads[uploaded.push(file) - 1];
      onUpload?.();
      if (failure) throw failure;
      return `https://upload.example/${uploaded.length}/${encodeURIComponent(file.name)}`;
    },
  } satisfies Uploads;
  const road = { find: () => outbox, departures: outbox.departures, limits: outbox.limits };
  const file = (media: string, more: Partial<OutgoingFile> = {}): OutgoingFile => ({
    media: /^[a-z]+:/.test(media) ? media : join(root, media),
    mediaLocalRoots: [root],
    maxBytes: 100_000,
    ...more,
  });
  const how = { textLimit: 4_000, patienceMs: 0 };
  const deliver = async (text: string, of: OutgoingFile, more: Partial<DeliveryOptions> = {}) =>
    await deliverText(road, ALICE, text, { ...how, file: of, ...more });
  const deliverAll = async (text: string, files: OutgoingFile[]) =>
    await deliverWithFiles(road, ALICE, text, files, how);
  const said = () => written.map((message) => message.getChildText("body"));
  return { session, deliver, deliverAll, file, said, uploaded, written, lines: log.lines };
}

it("the caption comes first; the file is its URL, for clients of either extension", async () => {
  const { deliver, file, uploaded, written } = setUp();
  const { messageIds } = await deliver("look", file("cat.png"));
  expect(uploaded).toEqual([{ name: "cat.png", contentType: "image/png", data: PNG }]);
  expect(written).toHaveLength(2);
  const [caption, picture] = written.map(decodeMessage);
  expect(caption).toMatchObject({ body: "look", oobUrls: [], fileShares: [] });
  const url = "https://upload.example/1/cat.png";
  const digest = createHash("sha256").update(PNG).digest("base64");
  expect(picture).toMatchObject({
    type: "chat",
    body: url,
    oobUrls: [url],
    fallbacks: [{ for: "urn:xmpp:sfs:0", body: "whole" }],
    fileShares: [
      {
        disposition: "inline",
        urls: [url],
        file: {
          name: "cat.png",
          mediaType: "image/png",
          size: PNG.byteLength,
          hashes: [{ algorithm: "sha-256", digest }],
        },
      },
    ],
  });
  expect(messageIds).toEqual([caption?.originId, picture?.originId]);
});

it("a reply is told by what comes first", async () => {
  const { deliver, file, written } = setUp();
  const reply = { id: "their-id", to: ALICE.to };
  await deliver("", file("cat.png"), { reply });
  await deliver("look", file("cat.png"), { reply });
  expect(written.map((xml) => decodeMessage(xml).reply?.id)).toEqual([
    "their-id",
    "their-id",
    undefined,
  ]);
});

it("a file is called what it is, and a voice note is a sound", async () => {
  const { deliver, file, uploaded } = setUp();
  await deliver("", file("really a picture.txt"));
  await deliver("", file("notes.md"));
  await deliver("", file("voice", { audioAsVoice: true }));
  expect(uploaded.map(({ name, contentType }) => [name, contentType])).toEqual([
    ["really a picture.png", "image/png"],
    ["notes.md", "text/markdown"],
    ["voice.ogg", "audio/ogg"],
  ]);
});

it("several files are several messages under one caption", async () => {
  const { deliverAll, file, said } = setUp();
  const { messageIds } = await deliverAll("two", [file("cat.png"), file("dog.png")]);
  expect(said()).toEqual([
    "two",
    "https://upload.example/1/cat.png",
    "https://upload.example/2/dog.png",
  ]);
  expect(new Set(messageIds).size).toBe(3);
});

it("of several, what was seen before one failed is told", async () => {
  const { deliverAll, file } = setUp({
    uploads: [undefined, new XmppUploadError("busy", { retryable: true })],
  });
  const failed: unknown = await deliverAll("two", [file("cat.png"), file("dog.png")]).catch(
    (error: unknown) => error,
  );
  expect(isChannelPartialDeliveryError(failed)).toBe(true);
});

describe("after a crash", () => {
  const first = async () => {
    const before = setUp();
    const { messageIds } = await before.deliver("look", before.file("cat.png"), {
      delivery: DELIVERY,
    });
    return messageIds;
  };

  it("what is there already is neither sent nor uploaded again", async () => {
    const ids = await first();
    const { deliver, file, uploaded, written } = setUp();
    const again = await deliver("look", file("cat.png"), {
      delivery: DELIVERY,
      arrived: new Set(ids),
    });
    expect(again.messageIds).toEqual(ids);
    expect(written).toEqual([]);
    expect(uploaded).toEqual([]);
  });

  it("a file whose caption is there follows it, by the id that it would have had", async () => {
    const ids = await first();
    const { deliver, file, written } = setUp();
    const arrived = new Set(ids.slice(0, 1));
    await deliver("look", file("cat.png"), { delivery: DELIVERY, arrived });
    expect(written.map(({ attrs }) => attrs["id"] as string)).toEqual(ids.slice(1));
  });
});

it("over a lost connection the same file is sent, uploaded once", async () => {
  const lost = new XmppNotSentError("offline", { isOffline: true });
  const { deliver, file, uploaded, written } = setUp({ failures: [lost] });
  await deliver("", file("cat.png"));
  expect(uploaded).toHaveLength(1);
  expect(new Set(written.map(String)).size).toBe(1);
  expect(written).toHaveLength(2);
});

describe("nothing outside the media roots leaves", () => {
  it.each<[string, () => string]>([
    ["a path elsewhere", () => join(elsewhere, "secret.png")],
    ["a file URL", () => `file://${elsewhere}/secret.png`],
    ["a climb", () => join(root, "x") + "/../../elsewhere/secret.png"],
    ["a link in them that leads out", () => join(root, "link.png")],
    ["the machine's users", () => "/etc/passwd"],
    ["a folder", () => root],
  ])("%s", async (_, path) => {
    const { deliver, file, uploaded, written } = setUp();
    const failed = deliver("look", file("cat.png", { media: path() }));
    await expect(failed).rejects.toMatchObject({
      name: "PlatformMessageNotDispatchedError",
      retryable: false,
    });
    expect(uploaded).toEqual([]);
    expect(written).toEqual([]);
  });

  it("and where it lies is not told", async () => {
    const { deliver, file, said } = setUp();
    const media = join(elsewhere, "secret.png");
    await deliver("look", file("cat.png", { media, isOptional: true }));
    expect(said().join()).toMatch(/^look\n\n\(A file could not be sent: /);
    expect(said().join()).not.toContain("elsewhere");
  });

  it.each<[string, () => string]>([
    ["in a folder with a blank", () => `file://${elsewhere}/my%20folder/secret.png`],
    ["right below the root", () => "file:///secret.png"],
  ])("nor %s", async (_, media) => {
    const { deliver, file, said } = setUp();
    await deliver("look", file("cat.png", { media: media(), isOptional: true }));
    expect(said().join()).toMatch(/^look\n\n\(A file could not be sent: .*\)$/);
    expect(said().join()).not.toMatch(/folder|secret|elsewhere/);
  });
});

describe("where a file cannot be uploaded", () => {
  const URL = "https://127.0.0.1:1/cat.png";

  it("a link is sent as a link, under its caption", async () => {
    const { deliver, file, said } = setUp({ hasService: false });
    await deliver("look", file(URL));
    expect(said()).toEqual([`look\n\n${URL}`]);
  });

  it("a link that the guard does not fetch is sent as a link", async () => {
    const { deliver, file, said, uploaded } = setUp();
    await deliver("", file(URL));
    expect(said()).toEqual([URL]);
    expect(uploaded).toEqual([]);
  });

  it("a file of this machine is not sent, nor its caption", async () => {
    const { deliver, file, said } = setUp({ hasService: false });
    const failed = deliver("look", file("cat.png"));
    await expect(failed).rejects.toMatchObject({
      retryable: false,
      message: expect.stringContaining("no upload service"),
    });
    expect(said()).toEqual([]);
  });

  it("an answer is not lost with it", async () => {
    const { deliver, file, said } = setUp({ hasService: false });
    await deliver("look", file("cat.png", { isOptional: true }));
    expect(said()).toEqual([
      "look\n\n(A file could not be sent: the server has no upload service)",
    ]);
  });

  it("for its size, it is not even asked", async () => {
    const { deliver, file, uploaded } = setUp({ maxFileSize: 1_000 });
    await expect(deliver("", file("large.bin"))).rejects.toMatchObject({ retryable: false });
    await expect(deliver("", file("large.bin", { maxBytes: 1_000 }))).rejects.toMatchObject({
      retryable: false,
    });
    expect(uploaded).toEqual([]);
  });

  const busy = () => new XmppUploadError("busy", { retryable: true });

  it("for now, the host tries it again", async () => {
    const { deliver, file, said } = setUp({ uploads: [busy()] });
    await expect(deliver("look", file("cat.png"))).rejects.toMatchObject({ retryable: true });
    expect(said()).toEqual([]);
  });

  describe("for now, and it belongs to an answer", () => {
    beforeEach(() => void vi.useFakeTimers());
    afterEach(() => void vi.useRealTimers());
    const problem = "not uploaded: connect ECONNREFUSED 10.0.0.5:443";
    const silent = new XmppUploadError(problem, { retryable: true });
    const answer = async (uploads: Error[], isCut = false) => {
      const { session, deliver, file, said, uploaded, lines } = setUp({
        uploads,
        onUpload: () => isCut && session.goOffline(),
      });
      const sending = deliver("look", file("cat.png", { isOptional: true }));
      sending.catch(() => undefined);
      await vi.waitFor(() => expect(uploaded.length).toBeGreaterThan(0));
      await vi.advanceTimersByTimeAsync(10_000);
      return { sending, said, uploaded, lines };
    };

    it("is tried once more", async () => {
      const { said, sending } = await answer([busy()]);
      await sending;
      expect(said()).toEqual(["look", expect.stringContaining("https://upload.example/2/")]);
    });

    it("the answer does not wait for it, nor is lost with it", async () => {
      const { said, sending } = await answer([busy(), silent]);
      await sending;
      expect(said()).toEqual(["look\n\n(A file could not be sent: not uploaded)"]);
    });

    it("why is in the log, in a line and without what gives access", async () => {
      const url = "https://me:secret@upload.example/slot?token=secret";
      const refused = new XmppUploadError(`${url} answered\n413`, { retryable: false });
      const { lines, sending } = await answer([refused]);
      await sending;
      expect(lines).toEqual([
        "warn a file of an answer could not be sent: https://upload.example/slot answered 413",
      ]);
      expect((await answer([busy()])).lines).toEqual([]);
    });

    it("nor does a path of this machine stand there", async () => {
      const { deliver, file, lines } = setUp();
      await deliver("look", file("gone.png", { isOptional: true }));
      expect(lines).toHaveLength(1);
      expect(lines.join()).toMatch(/^warn a file of an answer could not be sent: ./);
      expect(lines.join()).not.toContain(root);
    });

    it("the host tries it again where it failed for want of a connection", async () => {
      const { said, sending } = await answer([busy(), busy()], true);
      await expect(sending).rejects.toMatchObject({ retryable: true });
      expect(said()).toEqual([]);
    });
  });
});
