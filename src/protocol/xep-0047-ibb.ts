/**
 * XEP-0047 In-Band Bytestreams 2.0.1, https://xmpp.org/extensions/xep-0047.html
 * As the one who receives; blocks in messages (§4) are not read.
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import type { FullJid } from "./jid.ts";
import { parseBase64 } from "./rfc-4648-base64.ts";
import { decodeRequest, encodeRequest } from "./rfc-6120-iq.ts";

export const IBB = "http://jabber.org/protocol/ibb";

/** §2.1, in octets before Base64. */
export const MAX_BLOCK_SIZE = 65_535;
/** §2.2: after the last number comes 0. */
export const SEQUENCE_NUMBERS = 65_536;

export type IbbRequest =
  | { kind: "open"; sid: string; blockSize: number; stanza: "iq" | "message" }
  /** `seq` is below `SEQUENCE_NUMBERS`. */
  | { kind: "data"; sid: string; seq: number; data: Buffer }
  | { kind: "close"; sid: string }
  /** To be answered with bad-request; `sid` says which stream it spoils. */
  | { kind: "malformed"; sid: string | undefined };

const MAX_SID = 256;

/** What an iq wants of a bytestream; undefined when it wants something else. */
export function decodeIbbRequest(iq: Element): IbbRequest | undefined {
  const open = decodeRequest(iq, "set", "open", IBB);
  const data = decodeRequest(iq, "set", "data", IBB);
  const close = decodeRequest(iq, "set", "close", IBB);
  const element = open ?? data ?? close;
  if (!element) return undefined;
  const sid = decodeSid(element);
  const malformed = { kind: "malformed", sid } as const;
  if (sid === undefined) return malformed;
  if (open) return decodeOpen(open, sid) ?? malformed;
  if (data) return decodeData(data, sid) ?? malformed;
  return { kind: "close", sid };
}

/** The `sid` of a stream's element; undefined when it can be none. */
export function decodeSid(element: Element): string | undefined {
  const sid = attribute(element, "sid");
  return sid && sid.length <= MAX_SID ? sid : undefined;
}

/** The `block-size` of a stream's element, in octets; undefined when it is none. */
export function decodeBlockSize(element: Element): number | undefined {
  const size = decodeNumber(element, "block-size");
  return size !== undefined && size > 0 && size <= MAX_BLOCK_SIZE ? size : undefined;
}

/** In which stanzas the blocks are to come; undefined when it is neither. */
export function decodeStanzaKind(element: Element): "iq" | "message" | undefined {
  const stanza = attribute(element, "stanza") ?? "iq";
  return stanza === "iq" || stanza === "message" ? stanza : undefined;
}

function decodeOpen(open: Element, sid: string): IbbRequest | undefined {
  const blockSize = decodeBlockSize(open);
  const stanza = decodeStanzaKind(open);
  return blockSize && stanza ? { kind: "open", sid, blockSize, stanza } : undefined;
}

function decodeData(element: Element, sid: string): IbbRequest | undefined {
  const seq = decodeNumber(element, "seq");
  const data = parseBase64(element.getText(), MAX_BLOCK_SIZE);
  if (seq === undefined || seq >= SEQUENCE_NUMBERS || !data) return undefined;
  return { kind: "data", sid, seq, data };
}

function decodeNumber(element: Element, name: string): number | undefined {
  const text = attribute(element, name);
  return text !== undefined && /^\d{1,6}$/.test(text) ? Number(text) : undefined;
}

/** The iq that ends a stream (§2.3). */
export function encodeIbbClose(to: FullJid, sid: string): Element {
  return encodeRequest("set", new Element("close", { xmlns: IBB, sid }), to);
}
