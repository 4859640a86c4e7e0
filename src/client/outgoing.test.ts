import { Element, parse } from "ltx";
import { expect, it } from "vitest";
import { XmppStanzaError } from "../errors.ts";
import { MAX_OUTGOING, outgoingLimit, prepareOutgoing } from "./outgoing.ts";

it("strips what XML 1.0 forbids from text and attributes, everywhere in the tree", () => {
  const message = new Element("message", { to: "a@b", id: "x\u0000y", n: 1, gone: undefined });
  message.c("body").t("red \u001b[31m\ud800 tab\t nl\n 😀 \ufffe\u000b");
  const { stanza: out, bytes } = prepareOutgoing(message);
  expect(out.attrs["id"]).toBe("xy");
  expect(out.getChildText("body")).toBe("red [31m tab\t nl\n 😀 ");
  expect(() => parse(out.toString())).not.toThrow();
  expect(bytes).toBe(Buffer.byteLength(out.toString()));
  expect(message.attrs["id"]).toBe("x\u0000y");
});

it("refuses what servers end the stream for", () => {
  const large = new Element("message");
  large.c("body").t("é".repeat(MAX_OUTGOING / 2));
  expect(() => prepareOutgoing(large)).toThrow(XmppStanzaError);
  expect(() => prepareOutgoing(large)).toThrow(/bytes was not sent/);
  const deep = new Element("message");
  let cursor = deep;
  for (let level = 0; level < 100_000; level += 1) cursor = cursor.c("x");
  expect(() => prepareOutgoing(deep)).toThrow(/nested deeper/);
});

it("strips them from what is no text, too", () => {
  const message = new Element("message");
  const odd: unknown = { toString: () => "a\u0000b\r\nc" };
  (message.children as unknown[]).push(odd);
  expect(prepareOutgoing(message).stanza.getText()).toBe("ab\nc");
});

it("takes the server's word for what it takes, within what all servers take", () => {
  expect(outgoingLimit(undefined)).toBe(MAX_OUTGOING);
  expect(outgoingLimit(50_000)).toBe(50_000);
  expect(outgoingLimit(1)).toBe(10_000);
  expect(outgoingLimit(10_000_000)).toBe(MAX_OUTGOING);
});
