import type { Element } from "ltx";
import SaxParser from "ltx/src/parsers/ltx.js";
import { describe, expect, it } from "vitest";
import { FrameParser, MAX_DEPTH, MAX_STANZA, StreamParser } from "./stream-parser.ts";

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

function collect(parser: StreamParser) {
  const seen: string[] = [];
  parser.on("start", (element: Element) => seen.push(`start ${element.name}`));
  parser.on("element", (element: Element) =>
    seen.push(`element ${element.name} ${element.getNS()}`),
  );
  parser.on("end", () => seen.push("end"));
  parser.on("error", (error: Error) => seen.push(`error ${error.name}`));
  return seen;
}

describe("fault 22: a packet ends between the last two characters of the XML declaration", () => {
  const PACKETS = ["<?xml version='1.0'?", `>${HEADER}`, "<message/>"];

  it("stock takes the rest of the stream for the declaration", () => {
    const sax = new SaxParser();
    const seen: string[] = [];
    sax.on("startElement", (name) => seen.push(name));
    for (const packet of PACKETS) sax.write(packet);
    expect(seen).toEqual([]);
  });

  it("ours keeps the end of a packet for the next one", () => {
    const parser = new StreamParser();
    const seen = collect(parser);
    for (const packet of PACKETS) parser.write(packet);
    expect(seen).toEqual(["start stream:stream", "element message jabber:client"]);
  });
});

describe("the parser of a stream", () => {
  it("gives the children of the stream, cut anywhere", () => {
    const text = `<?xml version='1.0'?>${HEADER}<message a="&lt;"><body>x&amp;y<![CDATA[?]]]]></body><!-- -- no --></message> <iq/></stream:stream>`;
    for (let cut = 1; cut < text.length; cut += 1) {
      const parser = new StreamParser();
      const seen = collect(parser);
      parser.write(text.slice(0, cut));
      parser.write(text.slice(cut));
      expect(seen).toEqual([
        "start stream:stream",
        "element message jabber:client",
        "element iq jabber:client",
        "end",
      ]);
    }
  });

  it.each([
    ["a custom entity", "<message><body>&bogus;</body></message>"],
    ["an illegal character", "<message><body>&#0;</body></message>"],
    ["a wrong end tag", "<message><body></message>"],
    ["text outside of stanzas", "hello<message/>"],
    ["endless text", `<message>${"x".repeat(MAX_STANZA)}`],
    ["endless nesting", "<x>".repeat(MAX_STANZA)],
  ])("ends on %s with one error, and is deaf then", (_what, text) => {
    const parser = new StreamParser();
    const seen = collect(parser);
    parser.write(HEADER);
    expect(() => parser.write(text)).not.toThrow();
    parser.write("<presence/>");
    expect(seen).toEqual(["start stream:stream", "error XmppConnectionError"]);
  });

  it("leaves out what is nested too deep, and goes on", () => {
    const parser = new StreamParser();
    const stanzas: Element[] = [];
    parser.on("element", (element: Element) => stanzas.push(element));
    parser.write(HEADER);
    const deep = `${"<x>".repeat(80_000)}lost${"</x>".repeat(80_000)}`;
    parser.write(`<message>${deep}<body>kept</body></message><presence/>`);
    expect(stanzas.map(({ name }) => name)).toEqual(["message", "presence"]);
    expect(stanzas[0]?.getChildText("body")).toBe("kept");
    const [opened, closed] = ["<x>".repeat(MAX_DEPTH - 2), "</x>".repeat(MAX_DEPTH - 2)];
    expect(stanzas[0]?.toString()).toBe(
      `<message>${opened}<x/>${closed}<body>kept</body></message>`,
    );
  });

  it("reads nothing after discard(), not even the rest of the chunk", () => {
    const parser = new StreamParser();
    const seen = collect(parser);
    parser.on("element", () => parser.discard());
    parser.write(`${HEADER}<proceed/><message/>`);
    parser.write("<message/>");
    expect(seen).toEqual(["start stream:stream", "element proceed jabber:client"]);
  });

  it("reads WebSocket frames (RFC 7395)", () => {
    const parser = new FrameParser();
    const seen = collect(parser);
    parser.write("<open xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    parser.write("<message xmlns='jabber:client'><body>x</body></message>");
    parser.write("<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>");
    expect(seen).toEqual(["start open", "element message jabber:client", "end"]);
  });
});
