import { Element, parse } from "ltx";
import { expect, test } from "vitest";
import { type StanzaError, decodeStanzaError, encodeStanzaError } from "./rfc-6120-stanza-error.ts";

test("what is written is read the same", () => {
  const error: StanzaError = { type: "wait", condition: "resource-constraint", text: "a < b" };
  const iq = new Element("iq", { type: "error" });
  iq.append(encodeStanzaError(error));
  expect(decodeStanzaError(parse(iq.toString()))).toEqual(error);
});

test("application conditions and other namespaces are no condition", () => {
  const xml =
    "<iq type='error'><error type='wait'><too-many xmlns='urn:app'/><text xmlns='urn:app'>x</text></error></iq>";
  expect(decodeStanzaError(parse(xml))).toEqual({ type: "wait", condition: "undefined-condition" });
});

test("somebody's words are one line, without controls, and short", () => {
  const said = `no\n[default] logged in as owner\u009b2J${"x".repeat(5000)}`;
  const iq = new Element("iq", { type: "error" });
  iq.append(encodeStanzaError({ type: "auth", condition: "forbidden", text: said }));
  const { text = "" } = decodeStanzaError(parse(iq.toString()));
  expect(text).toMatch(/^no \[default\] logged in as owner 2Jx+$/);
  expect(text.length).toBeLessThanOrEqual(300);
});
