/**
 * Every pair in test/fixtures/<spec>/: `case.xml` decodes to the `value` of `case.json`, and where
 * the json says `encodes`, the value encodes to the same XML again. An extension is tested by
 * adding files and, once, a line to the table below.
 */
import { readdirSync, readFileSync } from "node:fs";
import { parse, type Element } from "ltx";
import { describe, expect, it } from "vitest";
import type { BareJid, FullJid } from "./jid.ts";
import { decodeMessage, encodeMessage, type OutboundMessage } from "./stanza.ts";
import { decodeInvitation } from "./xep-0045-invitation.ts";
import { decodeOobUrls, encodeOobUrl } from "./xep-0066-oob.ts";
import { decodeLocation, encodeLocation, type Location } from "./xep-0080-location.ts";
import { decodeChatState, encodeChatState, type ChatState } from "./xep-0085-chat-states.ts";
import { decodeReceipt, encodeReceipt } from "./xep-0184-receipts.ts";
import { decodeDelays, encodeDelay } from "./xep-0203-delay.ts";
import { hasForwarded } from "./xep-0280-carbons.ts";
import { decodeReplaceId, encodeReplaceId } from "./xep-0308-correction.ts";
import { decodeArchiveFin, decodeArchiveResult } from "./xep-0313-mam.ts";
import { decodeMarker, encodeDisplayed, type Marker } from "./xep-0333-markers.ts";
import { decodeHints, encodeHint, type Hint } from "./xep-0334-hints.ts";
import { decodeOriginId, decodeStanzaIds, trustedStanzaId } from "./xep-0359-ids.ts";
import { decodeSlot, decodeSlotRefusal } from "./xep-0363-http-upload.ts";
import { decodeMentions } from "./xep-0372-references.ts";
import { decodeEncryption, encodeEncryption, type Encryption } from "./xep-0380-eme.ts";
import { decodeMediaShares } from "./xep-0385-media-sharing.ts";
import { decodeOccupantId } from "./xep-0421-occupant-id.ts";
import { decodeRetraction, encodeRetraction, type Retraction } from "./xep-0424-retraction.ts";
import { decodeModeration } from "./xep-0425-moderation.ts";
import { decodeFallbacks, encodeFallback, type Fallback } from "./xep-0428-fallback.ts";
import { decodeReactions, encodeReactions, type Reactions } from "./xep-0444-reactions.ts";
import {
  decodeAttachedSources,
  decodeFileShares,
  encodeFileShare,
  type FileShare,
} from "./xep-0447-file-sharing.ts";
import { decodeReply, encodeReply, type Reply } from "./xep-0461-reply.ts";

type Codec = { decode: (message: Element) => unknown; encode?: (value: unknown) => Element };

const ROOM = "room@muc.example.com" as BareJid;

const CODECS: Record<string, Codec> = {
  "rfc-6121": { decode: decodeMessage, encode: encodeDecoded },
  "xep-0045-invitation": { decode: decodeInvitation },
  "xep-0066": {
    decode: decodeOobUrls,
    encode: (value) => inMessage(encodeOobUrl((value as string[])[0]!)),
  },
  "xep-0080": {
    decode: decodeLocation,
    encode: (value) => inMessage(encodeLocation(value as Location)),
  },
  "xep-0085": {
    decode: decodeChatState,
    encode: (value) => inMessage(encodeChatState(value as ChatState)),
  },
  "xep-0184": {
    decode: decodeReceipt,
    encode: (value) => inMessage(encodeReceipt(value as string)),
  },
  "xep-0203": {
    decode: decodeDelays,
    encode: (value) => {
      const [delay] = value as { stamp: string; from?: { full: string } }[];
      return inMessage(encodeDelay({ stamp: new Date(delay!.stamp), from: delay!.from?.full }));
    },
  },
  "xep-0249": { decode: decodeInvitation },
  "xep-0280": { decode: hasForwarded },
  "xep-0308": {
    decode: decodeReplaceId,
    encode: (value) => inMessage(encodeReplaceId(value as string)),
  },
  "xep-0313": {
    decode(stanza) {
      const result = decodeArchiveResult(stanza);
      return result && { ...result, message: result.message?.toString() };
    },
  },
  "xep-0313-fin": { decode: decodeArchiveFin },
  "xep-0333": {
    decode: decodeMarker,
    encode: (value) => inMessage(encodeDisplayed((value as Marker).id)),
  },
  "xep-0334": {
    decode: decodeHints,
    encode: (value) => inMessage(encodeHint((value as Hint[])[0]!)),
  },
  "xep-0359": {
    decode: (message) => ({
      originId: decodeOriginId(message),
      stanzaIds: decodeStanzaIds(message),
      trusted: trustedStanzaId(decodeStanzaIds(message), ROOM),
    }),
  },
  "xep-0363": { decode: decodeSlot },
  "xep-0363-refusal": { decode: decodeSlotRefusal },
  "xep-0372": { decode: decodeMentions },
  "xep-0380": {
    decode: decodeEncryption,
    encode: (value) => inMessage(encodeEncryption(value as Encryption)),
  },
  "xep-0385": { decode: decodeMediaShares },
  "xep-0421": { decode: decodeOccupantId },
  "xep-0424": {
    decode: decodeRetraction,
    encode: (value) => inMessage(encodeRetraction(value as Retraction)),
  },
  "xep-0425": { decode: decodeModeration },
  "xep-0428": {
    decode: decodeFallbacks,
    encode: (value) => inMessage(encodeFallback((value as Fallback[])[0]!)),
  },
  "xep-0444": {
    decode: decodeReactions,
    encode: (value) => inMessage(encodeReactions(value as Reactions)),
  },
  "xep-0447": {
    decode: decodeFileShares,
    encode: (value) => inMessage(encodeFileShare(withDate((value as FileShare[])[0]!))),
  },
  "xep-0447-attached": { decode: decodeAttachedSources },
  "xep-0461": { decode: decodeReply, encode: (value) => inMessage(encodeReply(value as Reply)) },
};

function inMessage(child: Element): Element {
  const message = parse("<message xmlns='jabber:client'/>");
  message.append(child);
  return message;
}

function withDate(share: FileShare): FileShare {
  const { date } = share.file;
  return date === undefined ? share : { ...share, file: { ...share.file, date: new Date(date) } };
}

function encodeDecoded(value: unknown): Element {
  const decoded = value as OutboundMessage & { to: { full: FullJid } };
  const element = encodeMessage({ ...decoded, to: decoded.to.full });
  element.attrs = { xmlns: "jabber:client", ...element.attrs };
  return element;
}

const root = new URL("../../test/fixtures/", import.meta.url);
const text = (file: string) => readFileSync(new URL(file, root), "utf8");
/** What JSON can say of a value: dates as text, nothing for undefined. */
const asJson = (value: unknown): unknown => JSON.parse(JSON.stringify(value ?? null));

describe.each(Object.entries(CODECS))("%s", (folder, codec) => {
  const cases = readdirSync(new URL(`${folder}/`, root)).filter((file) => file.endsWith(".xml"));
  it.each(cases)("%s", (file) => {
    const xml = text(`${folder}/${file}`).trim();
    const fixture = JSON.parse(text(`${folder}/${file.replace(/xml$/, "json")}`)) as {
      value: unknown;
      encodes?: boolean;
    };
    expect(asJson(codec.decode(parse(xml)))).toEqual(fixture.value);
    const encoded = fixture.encodes ? codec.encode?.(fixture.value).toString() : undefined;
    expect(encoded).toBe(fixture.encodes ? parse(xml).toString() : undefined);
  });
});
