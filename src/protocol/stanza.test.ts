import { parse } from "ltx";
import { describe, expect, it } from "vitest";
import type { FullJid } from "./jid.ts";
import { decodeMessage, encodeErrorReply, encodeMessage } from "./stanza.ts";
import { sentAt } from "./xep-0203-delay.ts";
import { RETRACTION } from "./xep-0424-retraction.ts";
import { stripFallback } from "./xep-0428-fallback.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

const TO = "alice@example.com" as FullJid;

describe("stripInvalidXmlChars", () => {
  it.each([
    ["plain", "plain"],
    ["a\tb\nc", "a\tb\nc"],
    ["a\r\nb\rc", "a\nb\nc"],
    ["\u001b[31mred\u001b[0m", "[31mred[0m"],
    ["nul\0 vt\v ff\f bs\b", "nul vt ff bs"],
    ["\ufffe\uffff\ufffd", "\ufffd"],
    ["lone \ud800 and \udc00", "lone  and "],
    ["pair 😀", "pair 😀"],
    ["", ""],
  ])("%j", (text, expected) => {
    expect(stripInvalidXmlChars(text)).toBe(expected);
  });

  it("leaves exactly the characters of XML 1.0", () => {
    const legal = (code: number) =>
      code === 0x9 ||
      code === 0xa ||
      (code >= 0x20 && code <= 0xd7ff) ||
      (code >= 0xe000 && code <= 0xfffd) ||
      code >= 0x10000;
    for (let code = 0; code <= 0x10ffff; code += code < 0x11000 ? 1 : 997) {
      if (code === 0xd) continue;
      const char = String.fromCodePoint(code);
      expect(stripInvalidXmlChars(char) === char, code.toString(16)).toBe(legal(code));
    }
  });
});

describe("encodeMessage", () => {
  it("says nothing that was not asked for", () => {
    expect(encodeMessage({ to: TO, type: "chat", chatState: "composing" }).toString()).toBe(
      '<message to="alice@example.com" type="chat"><composing xmlns="http://jabber.org/protocol/chatstates"/></message>',
    );
  });

  it("escapes, and drops what would end the stream", () => {
    const body = "<b>&\u001b\0\ud800</b>\r\n";
    const xml = encodeMessage({ to: TO, type: "chat", body, subject: body }).toString();
    expect(parse(xml).getChildText("body")).toBe("<b>&</b>\n");
    expect(parse(xml).getChildText("subject")).toBe("<b>&</b>\n");
  });
});

it("finds the words of a reply as Dino 0.4.2 sends it, which counts bytes", () => {
  const { body = "", fallbacks } = decodeMessage(
    parse(
      `<message xmlns="jabber:client" from="alice@example.com/dino" to="bot@example.com" type="chat" id="m2">
        <body>&gt; Schöne Grüße – das Backup läuft über 🐢 und wächst täglich.\nDanke, und wo liegt es?</body>
        <reply xmlns="urn:xmpp:reply:0" to="bot@example.com/openclaw" id="m1"/>
        <fallback xmlns="urn:xmpp:fallback:0" for="urn:xmpp:reply:0"><body start="0" end="73"/></fallback>
      </message>`,
    ),
  );
  expect(stripFallback(body, fallbacks, "urn:xmpp:reply:0")).toBe("Danke, und wo liegt es?");
});

describe("a message that takes another back", () => {
  const encode = (body?: string) =>
    decodeMessage(encodeMessage({ to: TO, type: "chat", retractId: "m1", body }));

  it("says so to clients that do not know how, and is all fallback", () => {
    const message = encode();
    expect(message.retraction).toEqual({ id: "m1" });
    expect(message.body).toMatch(/^\/me .*took a message back/);
    expect(message.fallbacks).toEqual([{ for: RETRACTION, body: "whole" }]);
    expect(message.isAboutAnother).toBe(true);
  });

  it("says it in the words it is given", () => {
    expect(encode("gone").body).toBe("gone");
    expect(encode("gone").fallbacks).toEqual([{ for: RETRACTION, body: "whole" }]);
  });
});

it("asks for and gives receipts and markers", () => {
  const asking = decodeMessage(
    encodeMessage({ to: TO, type: "chat", body: "x", receiptRequested: true, markable: true }),
  );
  expect(asking).toMatchObject({ receiptRequest: true, isMarkable: true });
  const giving = decodeMessage(
    encodeMessage({ to: TO, type: "chat", receivedId: "m1", displayedId: "m2" }),
  );
  expect(giving).toMatchObject({
    body: undefined,
    receiptRequest: false,
    receiptFor: "m1",
    isMarkable: false,
    marker: { type: "displayed", id: "m2" },
  });
});

it("hands a file over for clients of either kind", () => {
  const url = "https://files.example.com/a.jpg";
  const file = { name: "a.jpg", size: 3, hashes: [] };
  const share = { disposition: "inline" as const, file, urls: [url] };
  const message = decodeMessage(
    encodeMessage({ to: TO, type: "chat", body: url, oobUrl: url, fileShares: [share, share] }),
  );
  expect(message.oobUrls).toEqual([url]);
  expect(message.fileShares).toMatchObject([share, share]);
});

it("gives a place", () => {
  const location = { lat: 45.44, lon: 12.33, accuracy: 20, description: "Venice" };
  expect(decodeMessage(encodeMessage({ to: TO, type: "chat", location })).location).toEqual({
    ...location,
    altitude: undefined,
  });
});

describe("decodeMessage", () => {
  it("never throws, whatever the elements are called and hold", () => {
    const names = [
      "body",
      "thread",
      "delay",
      "x",
      "encryption",
      "stanza-id",
      "error",
      "replace",
      "reply",
      "fallback",
      "reference",
      "occupant-id",
      "file-sharing",
      "sources",
      "attach-to",
      "reactions",
      "retract",
      "apply-to",
      "received",
      "displayed",
      "geoloc",
    ];
    const spaces = [
      "",
      "urn:xmpp:delay",
      "urn:xmpp:sid:0",
      "jabber:x:oob",
      "urn:xmpp:eme:0",
      "http://jabber.org/protocol/muc#user",
      "jabber:x:conference",
      "eu.siacs.conversations.axolotl",
      "urn:xmpp:reply:0",
      "urn:xmpp:fallback:0",
      "urn:xmpp:reference:0",
      "urn:xmpp:occupant-id:0",
      "urn:xmpp:sfs:0",
      "urn:xmpp:message-attaching:1",
      "urn:xmpp:reactions:0",
      "urn:xmpp:message-retract:1",
      "urn:xmpp:fasten:0",
      "urn:xmpp:receipts",
      "urn:xmpp:chat-markers:0",
      "http://jabber.org/protocol/geoloc",
    ];
    const values = [
      "",
      "constructor",
      "__proto__",
      "\u202e",
      "9".repeat(5000),
      "@/@",
      "xmpp:%",
      "geo:1,2",
    ];
    for (const name of names) {
      for (const space of spaces) {
        for (const value of values) {
          const attrs = `id='${value}' by='${value}' from='${value}' stamp='${value}' namespace='${value}' type='${value}' code='${value}' to='${value}' for='${value}' uri='${value}' begin='${value}' end='${value}' jid='${value}'`;
          const child = `<${name} xmlns='${space}' ${attrs}>${value}<${name}/></${name}>`;
          const message = parse(`<message ${attrs}>${child}${child}</message>`);
          expect(() => decodeMessage(message)).not.toThrow();
        }
      }
    }
    expect(decodeMessage(parse("<presence/>")).body).toBeUndefined();
  });
});

describe("encodeErrorReply", () => {
  const refusal = { type: "cancel", condition: "service-unavailable" } as const;

  it("goes back to the sender under the same id", () => {
    const stanza = parse(
      "<message from='alice@example.com/a' to='bot@example.com' id='7'><body>x</body></message>",
    );
    expect(encodeErrorReply(stanza, refusal)?.toString()).toBe(
      '<message to="alice@example.com/a" type="error" id="7"><error type="cancel"><service-unavailable xmlns="urn:ietf:params:xml:ns:xmpp-stanzas"/></error></message>',
    );
  });

  it.each([
    "<message from='a@example.com' type='error'/>",
    "<iq from='a@example.com' type='result' id='1'/>",
    "<iq type='get' id='1'/>",
  ])("never answers %s", (xml) => {
    expect(encodeErrorReply(parse(xml), refusal)).toBeUndefined();
  });
});

describe("sentAt", () => {
  const now = new Date("2026-01-01T00:00:00Z");
  const at = (stamp: string | undefined) => ({
    stamp: stamp === undefined ? undefined : new Date(stamp),
    from: undefined,
  });

  it.each([
    ["no delay", [], "2026-01-01T00:00:00.000Z"],
    ["stored", [at("2025-12-31T00:00:00Z")], "2025-12-31T00:00:00.000Z"],
    [
      "stored twice",
      [at("2025-12-31T00:00:00Z"), at("2025-12-30T00:00:00Z")],
      "2025-12-30T00:00:00.000Z",
    ],
    ["a stamp in the future", [at("2030-01-01T00:00:00Z")], "2026-01-01T00:00:00.000Z"],
    ["no readable stamp", [at(undefined)], "2026-01-01T00:00:00.000Z"],
  ])("%s", (_, delays, expected) => {
    expect(sentAt(delays, now).toISOString()).toBe(expected);
  });
});
