/**
 * What a stranger's link may make the Gateway fetch. The forbidden server counts who comes: nobody may.
 */
import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { createServer, type RequestListener, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { connect, Socket, type LookupFunction } from "node:net";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, beforeEach, describe, expect, it, vi } from "vitest";
import { createTempDir, type TempDir } from "../../test/support/at-exit.ts";
import { createAuthority } from "../../test/support/certificates.ts";
import { trustedAuthorities } from "../client/trust.ts";
import { download, type DownloadOptions } from "./download.ts";
import { FileRefusedError } from "./save-file.ts";

const PNG = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
let temp: TempDir;
let caFile: string;
let own: Server;
let forbidden: Server;
let ownOrigin: string;
let forbiddenOrigin: string;
let answer: RequestListener;
let hits: number;
let asked: string[];

const portOf = (server: Server) => (server.address() as { port: number }).port;
const listen = async (server: Server, host?: string) =>
  await new Promise<void>((resolve) => server.listen(0, host ?? "127.0.0.1", resolve));

beforeAll(async () => {
  temp = createTempDir("download");
  process.env["OPENCLAW_STATE_DIR"] = temp.path;
  const authority = await createAuthority(temp.path);
  ({ caFile } = authority);
  const { keyFile, certFile } = await authority.issue("own", {
    names: ["localhost", "upload.test", "127.0.0.1"],
  });
  const certificate = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
  own = createHttpsServer(certificate, (request, response) => {
    asked.push(request.url ?? "");
    answer(request, response);
  });
  // Whatever reaches it counts, also what is no HTTP.
  forbidden = createServer((_, response) => response.end("secret"));
  forbidden.on("connection", () => (hits += 1));
  await Promise.all([listen(own), listen(forbidden)]);
  ownOrigin = `https://localhost:${portOf(own)}`;
  forbiddenOrigin = `http://127.0.0.1:${portOf(forbidden)}`;
});
beforeEach(() => {
  hits = 0;
  asked = [];
  answer = (_, response) => response.setHeader("content-type", "image/png").end(PNG);
});
afterAll(() => {
  own.closeAllConnections();
  own.close();
  forbidden.close();
  temp.remove();
});

function fetchIt(url: string, more: Partial<DownloadOptions> = {}) {
  return download(url, {
    uploads: {
      origins: async () => new Set([ownOrigin]),
      trust: () => trustedAuthorities(caFile, false),
    },
    maxBytes: 100_000,
    timeoutMs: 5_000,
    signal: new AbortController().signal,
    ...more,
  });
}

const refused = (reason: RegExp) => ({
  name: FileRefusedError.name,
  message: expect.stringMatching(reason),
});

it("the forbidden server counts who comes", async () => {
  const socket = connect(portOf(forbidden), "127.0.0.1");
  await new Promise((resolve) => socket.once("connect", resolve));
  socket.destroy();
  await expect.poll(() => hits).toBe(1);
});

it("a file of our own upload service is kept by the host's media store", async () => {
  const saved = await fetchIt(`${ownOrigin}/files/cat.png`);
  expect(saved).toMatchObject({ contentType: "image/png", fileName: "cat.png" });
  expect(saved.path.startsWith(temp.path)).toBe(true);
  expect(readFileSync(saved.path)).toEqual(PNG);
});

describe("nothing private is reached", () => {
  const port = () => portOf(forbidden);
  it.each<[string, () => string, RegExp]>([
    ["a loopback address", () => `https://127.0.0.1:${port()}/`, /not a public/],
    ["without TLS", () => `${forbiddenOrigin}/`, /only https/],
    ["a name of this machine", () => `https://localhost:${port()}/`, /not a public/],
    ["IPv6 loopback", () => `https://[::1]:${port()}/`, /not a public/],
    ["IPv4 in IPv6", () => `https://[::ffff:127.0.0.1]:${port()}/`, /not a public/],
    ["a number for an address", () => `https://2130706433:${port()}/`, /not a public/],
    ["octal", () => `https://0177.0.0.1:${port()}/`, /not a public/],
    ["the address of all interfaces", () => `https://0.0.0.0:${port()}/`, /not a public/],
    ["a private network", () => "https://192.168.0.1/", /not a public/],
    [
      "link-local, where clouds keep secrets",
      () => "https://169.254.169.254/latest",
      /not a public/,
    ],
    ["a file of this machine", () => "file:///etc/passwd", /only https/],
    ["data", () => "data:image/png;base64,AAAA", /only https/],
    ["another scheme", () => `gopher://127.0.0.1:${port()}/`, /only https/],
    ["no URL", () => "not a url", /only https/],
    [
      "the name of our service on another port",
      () => `https://localhost:${port()}/x`,
      /not a public/,
    ],
    [
      "our service named by a user part",
      () => `https://localhost@127.0.0.1:${port()}/`,
      /not a public/,
    ],
  ])("%s", async (_, url, reason) => {
    await expect(fetchIt(url())).rejects.toMatchObject(refused(reason));
    expect(hits).toBe(0);
    expect(asked).toEqual([]);
  });

  it("a name that leads to loopback", async () => {
    const lookup = async () => [{ address: "127.0.0.1", family: 4 }];
    const url = `https://files.example:${port()}/x`;
    await expect(fetchIt(url, { lookup })).rejects.toMatchObject(refused(/not a public/));
    expect(hits).toBe(0);
  });

  it("a name that leads to a public address first and to loopback when it is asked again", async () => {
    let lookups = 0;
    const lookup = async () => [{ address: lookups++ === 0 ? "1.2.3.4" : "127.0.0.1", family: 4 }];
    // Nobody is called up: what would be is written down.
    const dialled: unknown[] = [];
    const dial = vi.spyOn(Socket.prototype, "connect").mockImplementation(function (
      this: Socket,
      ...parameters: unknown[]
    ) {
      const [options] = parameters.flat() as [{ host: string; lookup: LookupFunction }];
      options.lookup(options.host, { all: true }, (_, found) => dialled.push(...[found].flat()));
      queueMicrotask(() => this.destroy(new Error("not dialled")));
      return this;
    });
    const url = `https://files.example:${port()}/x`;
    const failed = fetchIt(url, { lookup });
    await expect(failed).rejects.toMatchObject(refused(/could not be reached/));
    dial.mockRestore();
    expect(dialled).toEqual([{ address: "1.2.3.4", family: 4 }]);
    expect(lookups).toBe(1);
    expect(hits).toBe(0);
  });

  it.each<[string, () => string]>([
    ["to another port of this machine", () => `http://127.0.0.1:${port()}/`],
    ["to it by TLS", () => `https://localhost:${port()}/`],
    ["to a private network", () => "https://10.0.0.1/"],
    ["to a file", () => "file:///etc/passwd"],
  ])("a redirect of our own service %s", async (_, to) => {
    answer = (__, response) => response.writeHead(302, { location: to() }).end();
    await expect(fetchIt(`${ownOrigin}/x`)).rejects.toMatchObject(refused(/./));
    expect(hits).toBe(0);
  });

  it("a redirect to a public place without TLS: its name is not even looked up", async () => {
    answer = (_, response) => response.writeHead(302, { location: "http://files.example/" }).end();
    const names: string[] = [];
    const lookup = async (name: string) => {
      names.push(name);
      return [{ address: "127.0.0.1", family: 4 }];
    };
    const failed = fetchIt(`${ownOrigin}/x`, { lookup });
    await expect(failed).rejects.toMatchObject(refused(/could not be reached/));
    expect(names).toEqual(["localhost"]);
  });

  it("redirects without an end", async () => {
    answer = (request, response) =>
      response.writeHead(302, { location: `${ownOrigin}${request.url}x` }).end();
    await expect(fetchIt(`${ownOrigin}/x`)).rejects.toMatchObject(refused(/redirected too often/));
    expect(asked.length).toBeLessThanOrEqual(4);
  });
});

describe("our own service by a name that leads home", () => {
  const home = (address: string) => ({
    uploads: {
      origins: async () => new Set([`https://upload.test:${portOf(own)}`]),
      trust: () => trustedAuthorities(caFile, false),
    },
    lookup: async () => [{ address, family: 4 }],
  });

  it("is reached", async () => {
    const url = `https://upload.test:${portOf(own)}/cat.png`;
    const saved = await fetchIt(url, home("127.0.0.1"));
    expect(saved.contentType).toBe("image/png");
  });

  it("leads nowhere else", async () => {
    answer = (_, response) => response.writeHead(302, { location: `${forbiddenOrigin}/` }).end();
    const url = `https://upload.test:${portOf(own)}/cat.png`;
    await expect(fetchIt(url, home("127.0.0.1"))).rejects.toMatchObject(refused(/./));
    expect(hits).toBe(0);
  });

  it("is not believed with the certificate of another authority", async () => {
    const uploads = {
      ...home("127.0.0.1").uploads,
      trust: () => trustedAuthorities(undefined, false),
    };
    const url = `https://upload.test:${portOf(own)}/cat.png`;
    const failed = fetchIt(url, { ...home("127.0.0.1"), uploads });
    await expect(failed).rejects.toMatchObject(refused(/could not be reached/));
    expect(asked).toEqual([]);
  });
});

describe("what is too much", () => {
  it("is refused by the size that the sender says", async () => {
    const metadata = { size: 100_001, hashes: [] };
    await expect(fetchIt(`${ownOrigin}/x`, { metadata })).rejects.toMatchObject(
      refused(/larger than 0.1 MB/),
    );
    expect(asked).toEqual([]);
  });

  it("is refused by the size that its server says", async () => {
    answer = (_, response) => response.writeHead(200, { "content-length": 100_001 }).end();
    await expect(fetchIt(`${ownOrigin}/x`)).rejects.toMatchObject(refused(/larger/));
  });

  it("is refused while it comes", async () => {
    answer = (_, response) => {
      const more = () => void response.write(Buffer.alloc(50_000), more);
      more();
    };
    await expect(fetchIt(`${ownOrigin}/x`)).rejects.toMatchObject(refused(/larger/));
  });

  it("is refused as it is unpacked", async () => {
    const bomb = gzipSync(Buffer.alloc(50_000_000));
    expect(bomb.byteLength).toBeLessThan(100_000);
    answer = (_, response) => response.setHeader("content-encoding", "gzip").end(bomb);
    await expect(fetchIt(`${ownOrigin}/x`)).rejects.toMatchObject(refused(/larger/));
  });

  it("is what takes too long", async () => {
    answer = (_, response) => void response.writeHead(200).write("x");
    const failed = fetchIt(`${ownOrigin}/x`, { timeoutMs: 200 });
    await expect(failed).rejects.toMatchObject(refused(/did not arrive within/));
  });
});

describe("the hash that the sender announced", () => {
  const digest = (data: Buffer, name: string) => createHash(name).update(data).digest("base64");
  const withHash = (algorithm: string, value: string) => ({
    metadata: { hashes: [{ algorithm, digest: value }] },
  });

  it("is right", async () => {
    const right = withHash("sha-256", digest(PNG, "sha256"));
    expect(await fetchIt(`${ownOrigin}/cat.png`, right)).toMatchObject({
      contentType: "image/png",
    });
  });

  it("is wrong", async () => {
    const wrong = withHash("sha-256", digest(Buffer.from("else"), "sha256"));
    await expect(fetchIt(`${ownOrigin}/cat.png`, wrong)).rejects.toMatchObject(
      refused(/hash differs/),
    );
  });

  it("is wrong beside a right one that proves nothing", async () => {
    const hashes = [
      { algorithm: "md5", digest: digest(PNG, "md5") },
      { algorithm: "sha-512", digest: digest(Buffer.from("else"), "sha512") },
    ];
    const failed = fetchIt(`${ownOrigin}/cat.png`, { metadata: { hashes } });
    await expect(failed).rejects.toMatchObject(refused(/hash differs/));
  });
});

describe("what it is", () => {
  it.each<[string, string, Buffer, string, string]>([
    ["a picture that is called a text", "notes.txt", PNG, "text/plain", "image/png notes.png"],
    [
      "a page that is called a picture",
      "cat.png",
      Buffer.from("<html>hi"),
      "image/png",
      "text/plain cat.txt",
    ],
    [
      "bytes that are called a sound",
      "a.mp3",
      Buffer.from([1, 0, 2, 0]),
      "audio/mpeg",
      "application/octet-stream a.bin",
    ],
    ["a table", "a.csv", Buffer.from("a;b\n1;2"), "application/octet-stream", "text/csv a.csv"],
    ["text in some language", "prog.zig", Buffer.from("const π = 3;"), "", "text/plain prog.zig"],
  ])("%s", async (_, name, data, claimed, expected) => {
    answer = (__, response) => response.setHeader("content-type", claimed).end(data);
    const { contentType, fileName } = await fetchIt(`${ownOrigin}/${name}`);
    expect(`${contentType} ${fileName}`).toBe(expected);
  });

  it("is kept under a name that leads nowhere", async () => {
    const metadata = { name: "../../../etc/cron.d/evil.png", hashes: [] };
    const { path, fileName } = await fetchIt(`${ownOrigin}/x`, { metadata });
    expect(fileName).toBe("______etc_cron.d_evil.png");
    expect(path.startsWith(`${temp.path}/`)).toBe(true);
  });
});
