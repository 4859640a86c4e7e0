/**
 * Base64: RFC 4648 §4, https://www.rfc-editor.org/rfc/rfc4648#section-4
 * Node reads anything as Base64 and drops what is none; in a protocol that would pass for data.
 */

/**
 * The octets of a Base64 text, in which blanks and line ends may stand; undefined when it is no Base64, or
 * more than `maxBytes`, which is then not decoded.
 */
export function parseBase64(text: string, maxBytes: number): Buffer | undefined {
  // A line of one character each is the most that anybody breaks it into.
  if (text.length > 4 * (maxBytes + 3)) return undefined;
  const packed = text.replaceAll(/\s+/g, "");
  if (packed.length % 4 !== 0 || !/^[A-Za-z0-9+/]*={0,2}$/.test(packed)) return undefined;
  const padding = packed.endsWith("==") ? 2 : packed.endsWith("=") ? 1 : 0;
  if ((packed.length / 4) * 3 - padding > maxBytes) return undefined;
  return Buffer.from(packed, "base64");
}

/** The octets as Base64 without line ends. */
export function toBase64(bytes: Uint8Array): string {
  return Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength).toString("base64");
}
