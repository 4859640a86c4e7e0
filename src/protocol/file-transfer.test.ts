/** Files that are offered in the stream itself: the elements of XEP-0047, 0096, 0166, 0234 and 0261. */
import { parse } from "ltx";
import { describe, expect, it, test } from "vitest";
import { asJson, fixtures } from "../../test/support/fixtures.ts";
import type { FullJid } from "./jid.ts";
import { decodeIbbRequest, encodeIbbClose } from "./xep-0047-ibb.ts";
import { decodeSiOffer, encodeSiAccept } from "./xep-0096-si-file-transfer.ts";
import {
  decodeJingle,
  decodeSessionInfo,
  encodeJingle,
  encodeTerminate,
} from "./xep-0166-jingle.ts";
import {
  decodeJingleFile,
  encodeFileTooLarge,
  encodeJingleFile,
} from "./xep-0234-jingle-file-transfer.ts";
import { decodeIbbTransport, encodeIbbTransport } from "./xep-0261-jingle-ibb.ts";

test.each(fixtures("xep-0047"))("a bytestream: $name", ({ stanza, expected }) => {
  const request = decodeIbbRequest(stanza);
  const data = request?.kind === "data" ? { data: request.data.toString("base64") } : {};
  expect(asJson(request && { ...request, ...data })).toEqual(expected);
});

test.each(fixtures("xep-0096"))("an offer by SI: $name", ({ stanza, expected }) => {
  expect(asJson(decodeSiOffer(stanza))).toEqual(expected);
});

test.each(fixtures("xep-0166"))("a session: $name", ({ stanza, expected }) => {
  expect(asJson(decodeJingle(stanza))).toEqual(expected);
});

type Both = { value: never; encodes?: boolean };

test.each(fixtures("xep-0234"))("a file: $name", ({ stanza, expected }) => {
  const { value, encodes } = expected as Both;
  expect(asJson(decodeJingleFile(stanza))).toEqual(value);
  const xml = stanza.toString();
  expect(encodes ? encodeJingleFile(value).toString() : xml).toBe(xml);
});

test.each(fixtures("xep-0261"))("a transport: $name", ({ stanza, expected }) => {
  const { value, encodes } = expected as Both;
  expect(asJson(decodeIbbTransport(stanza))).toEqual(value);
  const xml = stanza.toString();
  expect(encodes ? encodeIbbTransport(value).toString() : xml).toBe(xml);
});

describe("what is written", () => {
  const session = { sid: "s1", peer: "anna@example.com/gajim" as FullJid };

  it("accepts an offer by SI with one stream", () => {
    expect(encodeSiAccept("urn:stream").toString()).toBe(
      '<iq type="result"><si xmlns="http://jabber.org/protocol/si">' +
        '<feature xmlns="http://jabber.org/protocol/feature-neg"><x xmlns="jabber:x:data" type="submit">' +
        '<field var="stream-method"><value>urn:stream</value></field></x></feature></si></iq>',
    );
  });

  it("accepts a session", () => {
    const content = { creator: "initiator", name: "f", senders: "initiator" } as const;
    const transport = encodeIbbTransport({ sid: "t1", blockSize: 4096 });
    const file = encodeJingleFile({ name: "a", size: 1, hashes: [] });
    const iq = encodeJingle(session, "session-accept", content, [file, transport], {
      responder: "bot@example.com/x",
    });
    expect(iq.toString()).toBe(
      '<iq type="set" to="anna@example.com/gajim"><jingle xmlns="urn:xmpp:jingle:1" action="session-accept" sid="s1" responder="bot@example.com/x">' +
        '<content creator="initiator" name="f" senders="initiator">' +
        '<description xmlns="urn:xmpp:jingle:apps:file-transfer:5"><file><name>a</name><size>1</size></file></description>' +
        '<transport xmlns="urn:xmpp:jingle:transports:ibb:1" block-size="4096" sid="t1"/></content></jingle></iq>',
    );
  });

  it("ends a session, and says why", () => {
    const iq = parse(encodeTerminate(session, "media-error", encodeFileTooLarge()).toString());
    expect(decodeJingle(iq)).toMatchObject({ action: "session-terminate", reason: "media-error" });
    expect(iq.toString()).toContain(
      '<file-too-large xmlns="urn:xmpp:jingle:apps:file-transfer:errors:0"/></reason>',
    );
  });

  it("ends a stream", () => {
    const iq = encodeIbbClose(session.peer, "t1");
    expect(decodeIbbRequest(iq)).toEqual({ kind: "close", sid: "t1" });
    expect(iq.attrs["to"]).toBe(session.peer);
  });
});

it("tells what a session is informed of, and a ping from it", () => {
  const iq = (info: string) =>
    parse(
      `<iq><jingle xmlns='urn:xmpp:jingle:1' action='session-info' sid='s'>${info}</jingle></iq>`,
    );
  expect(decodeSessionInfo(iq("<received xmlns='urn:x'/>"))?.getName()).toBe("received");
  expect(decodeSessionInfo(iq(""))).toBeUndefined();
});
