/**
 * Text that may stand in an XML 1.0 document (https://www.w3.org/TR/xml/#NT-Char).
 * One other character ends the stream (RFC 6120 §4.9.3.13), and models print terminal codes.
 */

const ILLEGAL = /[^\t\n\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu;

/** `text` with \n line ends, without controls, U+FFFE, U+FFFF and lone surrogates. */
export function stripInvalidXmlChars(text: string): string {
  return text.replace(/\r\n?/g, "\n").replace(ILLEGAL, "");
}

/**
 * A name as it may stand in a line: no line ends, no controls, blanks collapsed, cut after `maxLength`
 * UTF-16 units without splitting a character; undefined when nothing is left.
 */
export function oneLine(text: string | undefined, maxLength: number): string | undefined {
  return cut(text?.slice(0, 4 * maxLength).replaceAll(/[\s\p{Cc}]+/gu, " "), maxLength);
}

/** The same for text of several lines. */
export function severalLines(text: string | undefined, maxLength: number): string | undefined {
  return cut(text?.slice(0, 4 * maxLength), maxLength);
}

function cut(text: string | undefined, maxLength: number): string | undefined {
  // A surrogate that lost its other half is stripped as invalid.
  return stripInvalidXmlChars((text ?? "").trim().slice(0, maxLength)).trim() || undefined;
}
