/**
 * What may leave: text that XML 1.0 allows, and stanzas that servers take.
 */
import { Element } from "ltx";
import { XmppStanzaError } from "../errors.ts";
import { stripInvalidXmlChars } from "../protocol/xml-text.ts";

/** In bytes, serialised. Prosody ends the stream at 256 KiB; ejabberd's usual limit is the same. */
export const MAX_OUTGOING = 200 * 1024;
/** RFC 6120 §13.12: no server may take less. */
const MIN_OUTGOING = 10_000;

/** What may be sent to a server that says that it takes `maxBytes`, or says nothing. */
export function outgoingLimit(maxBytes: number | undefined): number {
  return Math.max(MIN_OUTGOING, Math.min(maxBytes ?? MAX_OUTGOING, MAX_OUTGOING));
}
const MAX_LEVELS = 128;

/** A stanza that can be written, and its size in bytes. */
export type Outgoing = { stanza: Element; bytes: number };

/**
 * A copy of `stanza` that can be written: without the characters that end a stream (RFC 6120
 * §4.9.3.13) in its text and attribute values. The original is left as it is.
 * @throws XmppStanzaError `policy-violation` when it is larger than `maxBytes` or too deep:
 *   sending it again cannot help, splitting or uploading can
 */
export function prepareOutgoing(stanza: Element, maxBytes: number = MAX_OUTGOING): Outgoing {
  const copy = copyClean(stanza, 1);
  const bytes = Buffer.byteLength(copy.toString());
  if (bytes > maxBytes) {
    throw new XmppStanzaError(
      "modify",
      "policy-violation",
      `a stanza of ${bytes} bytes was not sent: the server ends the stream above ${maxBytes}`,
    );
  }
  return { stanza: copy, bytes };
}

function copyClean(element: Element, level: number): Element {
  if (level > MAX_LEVELS) {
    throw new XmppStanzaError(
      "modify",
      "policy-violation",
      `nested deeper than ${MAX_LEVELS} levels`,
    );
  }
  const copy = new Element(element.name);
  for (const [name, value] of Object.entries(element.attrs as Record<string, unknown>)) {
    if (value !== undefined && value !== null)
      copy.attrs[name] = stripInvalidXmlChars(String(value));
  }
  for (const child of element.children as readonly unknown[]) {
    if (typeof child === "string") copy.t(stripInvalidXmlChars(child));
    else if (isElement(child)) copy.cnode(copyClean(child, level + 1));
    else if (child !== undefined && child !== null) copy.t(stripInvalidXmlChars(String(child)));
  }
  return copy;
}

/** By shape: xmpp.js and ltx each load a class Element of their own. */
function isElement(value: unknown): value is Element {
  return typeof value === "object" && value !== null && "children" in value && "attrs" in value;
}
