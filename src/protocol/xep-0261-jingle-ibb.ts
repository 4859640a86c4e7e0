/**
 * XEP-0261 Jingle In-Band Bytestreams Transport Method 1.0, https://xmpp.org/extensions/xep-0261.html
 */
import { Element } from "ltx";
import { decodeBlockSize, decodeSid, decodeStanzaKind } from "./xep-0047-ibb.ts";

export const JINGLE_IBB = "urn:xmpp:jingle:transports:ibb:1";

/** `sid` is that of the bytestream (XEP-0047), not that of the session; `blockSize` in octets. */
export type IbbTransport = { sid: string; blockSize: number; stanza: "iq" | "message" };

/** The stream that a content's `<transport/>` proposes; undefined when it proposes another kind, or is malformed. */
export function decodeIbbTransport(transport: Element): IbbTransport | undefined {
  if (transport.getName() !== "transport" || transport.getNS() !== JINGLE_IBB) return undefined;
  const sid = decodeSid(transport);
  const blockSize = decodeBlockSize(transport);
  const stanza = decodeStanzaKind(transport);
  return sid && blockSize && stanza ? { sid, blockSize, stanza } : undefined;
}

/** Blocks in iq stanzas. */
export function encodeIbbTransport({ sid, blockSize }: Omit<IbbTransport, "stanza">): Element {
  return new Element("transport", { xmlns: JINGLE_IBB, "block-size": String(blockSize), sid });
}
