/**
 * Text that may stand in an XML 1.0 document (https://www.w3.org/TR/xml/#NT-Char).
 * One other character ends the stream (RFC 6120 §4.9.3.13), and models print terminal codes.
 */

const ILLEGAL = /[^\t\n\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** `text` with \n line ends, without controls, U+FFFE, U+FFFF and lone surrogates. */
export function stripInvalidXmlChars(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(ILLEGAL, "");
}
