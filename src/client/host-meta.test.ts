import { expect, it } from "vitest";
import { findWebSockets } from "./host-meta.ts";

const REL = "urn:xmpp:alt-connections:websocket";
const JSON_FILE = JSON.stringify({
  links: [
    { rel: "urn:xmpp:alt-connections:xbosh", href: "https://example.com/bosh" },
    { rel: REL, href: "ws://example.com/plain" },
    { rel: REL, href: "wss://example.com/ws" },
    { rel: REL, href: 7 },
    null,
  ],
});
const XML_FILE = `<?xml version='1.0'?><XRD xmlns='http://docs.oasis-open.org/ns/xri/xrd-1.0'><Link rel='${REL}' href='wss://example.com/xml'/></XRD>`;

/** A web server with these files; others are not found. */
function web(files: Record<string, string>, asked: string[] = []): typeof fetch {
  return async (url) => {
    asked.push(String(url));
    const body = files[String(url).split("/.well-known/")[1] ?? ""];
    return body === undefined ? new Response("", { status: 404 }) : new Response(body);
  };
}
const find = (get: typeof fetch) => findWebSockets("example.com", AbortSignal.timeout(1000), get);

it("reads the JSON file: encrypted addresses only", async () => {
  const asked: string[] = [];
  expect(await find(web({ "host-meta.json": JSON_FILE }, asked))).toEqual(["wss://example.com/ws"]);
  expect(asked).toEqual(["https://example.com/.well-known/host-meta.json"]);
});

it("gives an address as a URL is written, which steers no terminal", async () => {
  const links = [{ rel: REL, href: "wss://example.com/\u001b[2Jws\u009b" }];
  expect(await find(web({ "host-meta.json": JSON.stringify({ links }) }))).toEqual([
    "wss://example.com/%1B[2Jws%C2%9B",
  ]);
});

it("reads the XML file where there is no JSON", async () => {
  expect(await find(web({ "host-meta": XML_FILE }))).toEqual(["wss://example.com/xml"]);
});

it("finds nothing in what is neither, in what is huge, and where nobody answers", async () => {
  expect(await find(web({ "host-meta.json": "{", "host-meta": "<XRD" }))).toEqual([]);
  const huge = { "host-meta.json": `${JSON_FILE.slice(0, -1)}${" ".repeat(70_000)}}` };
  expect(await find(web(huge))).toEqual([]);
  expect(await find(() => Promise.reject(new Error("refused")))).toEqual([]);
});
