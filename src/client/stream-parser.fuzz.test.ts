/** Hostile bytes end the stream with one error, however they are cut; they never throw, nor loop. */
import * as fc from "fast-check";
import type { Element } from "ltx";
import { expect, it } from "vitest";
import { anyElement, runs } from "../../test/support/fuzz.ts";
import { XmppConnectionError } from "../errors.ts";
import { FrameParser, StreamParser } from "./stream-parser.ts";

const HEADER =
  "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams'>";

/** What the parser says of `text`, given to it in pieces of these sizes. */
function eventsOf(text: string, sizes: readonly number[] = [], parser = new StreamParser()) {
  const events: string[] = [];
  parser.on("start", () => events.push("start"));
  parser.on("element", (element: Element) => events.push(String(element)));
  parser.on("end", () => events.push("end"));
  parser.on("error", (error: unknown) => {
    expect(error).toBeInstanceOf(XmppConnectionError);
    events.push("error");
  });
  let at = 0;
  for (const size of sizes) parser.write(text.slice(at, (at += size)));
  parser.write(text.slice(at));
  return events;
}

const piece = fc.oneof(
  fc.constantFrom(
    "<",
    ">",
    "/>",
    "</",
    "<a",
    "<message>",
    "</message>",
    "</stream:stream>",
    "<!--",
    "-->",
    "<![CDATA[",
    "]]>",
    "<?xml version='1.0'?>",
    "<?php",
    "<!DOCTYPE a [<!ENTITY b 'c'>]>",
    "&b;",
    "&lt;",
    "&#0;",
    "&#x110000;",
    "&#xD800;",
    "&",
    "xmlns='",
    '="',
    "'",
    "\u0000",
    "\ud800",
    "\ufffd",
  ),
  fc.string({ unit: "binary", maxLength: 12 }),
  anyElement.map(String),
);
const soup = fc.array(piece, { maxLength: 25 }).map((pieces) => pieces.join(""));
const sizes = fc.array(fc.integer({ min: 0, max: 20 }), { maxLength: 60 });

it("says the same of anything, however it is cut", () => {
  fc.assert(
    fc.property(soup, sizes, (text, cuts) => {
      const whole = eventsOf(HEADER + text);
      expect(whole.filter((event) => event === "error" || event === "end").length).toBeLessThan(2);
      expect(eventsOf(HEADER + text, cuts)).toEqual(whole);
    }),
    runs(1_000),
  );
});

it("takes anything in place of a stream header, or of a frame", () => {
  fc.assert(
    fc.property(soup, (text) => {
      for (const parser of [new StreamParser(), new FrameParser()]) {
        expect(eventsOf(text, [], parser).filter((event) => event === "error").length).toBeLessThan(
          2,
        );
      }
    }),
    runs(500),
  );
});
