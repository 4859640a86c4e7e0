/** Uploads as a service sees them: what it is asked, what it is sent, and what its answers make of it. */
import { readFileSync } from "node:fs";
import { createServer, type IncomingMessage, type Server } from "node:http";
import { createServer as createHttpsServer } from "node:https";
import { parse } from "ltx";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import { createTempDir, type TempDir } from "../../test/support/at-exit.ts";
import { createAuthority } from "../../test/support/certificates.ts";
import { createFakeLog, createFakeSession } from "../../test/support/fake-session.ts";
import { XmppStanzaError, XmppUploadError } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { HTTP_UPLOAD } from "../protocol/xep-0363-http-upload.ts";
import { createUploads } from "./upload.ts";

const FILE = { name: "cat.png", contentType: "image/png", data: Buffer.from("a picture") };
let temp: TempDir;
let caFile: string;
let server: Server;
let origin: string;
let plain: Server;
let requests: {
  method: string;
  url: string;
  headers: IncomingMessage["rawHeaders"];
  body: string;
}[];
let status: number;

beforeAll(async () => {
  temp = createTempDir("upload");
  const authority = await createAuthority(temp.path);
  ({ caFile } = authority);
  const { keyFile, certFile } = await authority.issue("upload", { names: ["localhost"] });
  const take = async (request: IncomingMessage): Promise<void> => {
    let body = "";
    for await (const chunk of request) body += String(chunk);
    const { method = "", url = "", rawHeaders } = request;
    requests.push({ method, url, headers: rawHeaders, body });
  };
  const certificate = { key: readFileSync(keyFile), cert: readFileSync(certFile) };
  server = createHttpsServer(certificate, (request, response) => {
    void take(request).then(() =>
      response.writeHead(status, { location: `${origin}/other` }).end(),
    );
  });
  plain = createServer((request, response) => {
    void take(request).then(() => response.writeHead(status).end());
  });
  const all = [server, plain].map(
    async (each) => await new Promise<void>((resolve) => each.listen(0, "127.0.0.1", resolve)),
  );
  await Promise.all(all);
  origin = `https://localhost:${portOf(server)}`;
});
beforeEach(() => {
  requests = [];
  status = 201;
});
afterAll(() => {
  server.close();
  plain.close();
  temp.remove();
});

const portOf = (each: Server) => (each.address() as { port: number }).port;
const slot = (put: string, get: string, headers = "") =>
  `<iq type="result"><slot xmlns="${HTTP_UPLOAD}"><put url="${put}">${headers}</put><get url="${get}"/></slot></iq>`;

function setUp(answer: string | Error, more: Partial<Parameters<typeof createUploads>[0]> = {}) {
  const session = createFakeSession();
  session.goOnline();
  session.onRequest(HTTP_UPLOAD, answer);
  const jid = "upload.example" as FullJid;
  const services = {
    uploadService: () => ({ jid, maxFileSize: 1_000 }),
    settled: async () => undefined,
  };
  const uploads = createUploads({ session, services, caFile, log: createFakeLog(), ...more });
  return { session, uploads };
}

it("the size is asked first, and the file is put with the headers that the service may give alone", async () => {
  const headers =
    `<header name="Authorization">Basic abc</header><header name="Cookie">a=b</header>` +
    `<header name="Host">evil.example</header><header name="X-Other">1</header>`;
  const { session, uploads } = setUp(slot(`${origin}/put/1`, `${origin}/get/1/cat.png`, headers));
  expect(await uploads.upload(FILE)).toBe(`${origin}/get/1/cat.png`);
  const [asked = ""] = session.takeSent();
  expect(parse(asked).attrs).toMatchObject({ to: "upload.example", type: "get" });
  expect(asked).toContain(`filename="cat.png" size="9" content-type="image/png"`);
  const [put] = requests;
  expect(requests).toHaveLength(1);
  expect(put).toMatchObject({ method: "PUT", url: "/put/1", body: "a picture" });
  const names = put?.headers
    .filter((_, index) => index % 2 === 0)
    .map((name) => name.toLowerCase());
  expect(names?.toSorted()).toEqual(
    ["authorization", "connection", "content-length", "content-type", "cookie", "host"].toSorted(),
  );
  expect(put?.headers).toContain("Basic abc");
  expect(put?.headers).not.toContain("evil.example");
});

describe("a file is not uploaded", () => {
  const failure = async (uploads: ReturnType<typeof setUp>["uploads"]) =>
    await uploads.upload(FILE).then(
      () => undefined,
      (error: unknown) => error,
    );

  it("where there is no service", async () => {
    const services = { uploadService: () => undefined, settled: async () => undefined };
    const { uploads } = setUp("", { services });
    expect(await failure(uploads)).toMatchObject({ name: "XmppUploadError", retryable: false });
  });

  it("that is larger than the service takes: it is not even asked", async () => {
    const { session, uploads } = setUp("");
    const large = { ...FILE, data: Buffer.alloc(1_001) };
    await expect(uploads.upload(large)).rejects.toBeInstanceOf(XmppUploadError);
    expect(session.takeSent()).toEqual([]);
  });

  it.each([
    [new XmppStanzaError("wait", "resource-constraint", "quota"), true],
    [new XmppStanzaError("modify", "not-acceptable", "too large"), false],
  ])("that the service refuses with %s", async (error, retryable) => {
    const { uploads } = setUp(error);
    expect(await failure(uploads)).toMatchObject({ name: "XmppUploadError", retryable });
  });

  it.each([
    [403, false],
    [413, false],
    [302, false],
    [429, true],
    [503, true],
  ])("that is answered with %i", async (answered, retryable) => {
    status = answered;
    const { uploads } = setUp(slot(`${origin}/put/1`, `${origin}/get/1`));
    expect(await failure(uploads)).toMatchObject({ name: "XmppUploadError", retryable });
    expect(requests).toHaveLength(1);
  });

  it.each(["put", "get"])("without TLS: %s", async (which) => {
    const insecure = `http://127.0.0.1:${portOf(plain)}/x`;
    const [put, get] = which === "put" ? [insecure, `${origin}/x`] : [`${origin}/x`, insecure];
    const { uploads } = setUp(slot(put ?? "", get ?? ""));
    expect(await failure(uploads)).toMatchObject({ message: expect.stringContaining("TLS") });
    expect(requests).toEqual([]);
  });

  it("to a certificate of an authority that nobody trusts", async () => {
    const { uploads } = setUp(slot(`${origin}/x`, `${origin}/x`), { caFile: undefined });
    expect(await failure(uploads)).toMatchObject({ name: "XmppUploadError" });
    expect(requests).toEqual([]);
  });

  it("where the operator's authority cannot be read", async () => {
    const { uploads } = setUp(slot(`${origin}/x`, `${origin}/x`), { caFile: "/nowhere/ca.pem" });
    expect(await failure(uploads)).toMatchObject({ name: "XmppUploadError" });
  });

  it("without TLS to elsewhere than this machine, whatever the operator allows", async () => {
    const url = `http://upload.example:${portOf(plain)}/x`;
    const { uploads } = setUp(slot(url, url), { dangerouslyAllowPlaintext: true });
    expect(await failure(uploads)).toMatchObject({ message: expect.stringContaining("TLS") });
  });
});

it("without TLS to this machine, where the operator allows it", async () => {
  const url = `http://127.0.0.1:${portOf(plain)}/x`;
  const { uploads } = setUp(slot(url, url), { dangerouslyAllowPlaintext: true });
  expect(await uploads.upload(FILE)).toBe(url);
});

describe("from where the service hands out files", () => {
  const granted = () => slot(`${origin}/put/1`, "https://files.example:5443/get/1/x");

  it("is what a slot says, asked for once", async () => {
    const { session, uploads } = setUp(granted());
    expect([...(await uploads.origins())]).toEqual(["https://files.example:5443"]);
    await uploads.origins();
    expect(session.takeSent()).toHaveLength(1);
    expect(requests).toEqual([]);
  });

  it("is what a slot of an upload said", async () => {
    const { session, uploads } = setUp(granted());
    await uploads.upload(FILE);
    session.takeSent();
    expect([...(await uploads.origins())]).toEqual(["https://files.example:5443"]);
    expect(session.takeSent()).toEqual([]);
  });

  it("is nowhere, where no slot is granted; that is asked again after a while", async () => {
    let now = 0;
    const { session, uploads } = setUp(new XmppStanzaError("cancel", "forbidden"), {
      now: () => now,
    });
    expect([...(await uploads.origins())]).toEqual([]);
    await uploads.origins();
    expect(session.takeSent()).toHaveLength(1);
    session.onRequest(HTTP_UPLOAD, granted());
    now = 600_000;
    expect((await uploads.origins()).size).toBe(1);
  });
});
