/** Splitting a long text into messages. */
import { chunkMarkdownTextWithMode } from "openclaw/plugin-sdk/reply-chunking";

/**
 * `text` as messages of at most `limit` UTF-16 units, and of at most `maxBytes` as they stand in XML; in
 * order, none of them blank: at paragraphs where they fit, else at lines, else at spaces, else between
 * graphemes. A code fence that is open at a cut is closed there and reopened, with its language, in the
 * next message.
 *
 * The host's splitter does it; its mode "newline" is the one that prefers paragraphs.
 */
export function chunkText(text: string, limit: number, maxBytes: number = Infinity): string[] {
  return chunkMarkdownTextWithMode(text, limit, "newline")
    .map((chunk) => chunk.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd())
    .filter((chunk) => chunk !== "")
    .flatMap((chunk) => {
      const bytes = bytesInXml(chunk);
      // A character may take six bytes; a chunk that cannot be cut any further is left to the sender to refuse.
      if (bytes <= maxBytes || limit <= SMALLEST) return [chunk];
      const smaller = Math.floor(Math.min(chunk.length, limit) * Math.min(0.9, maxBytes / bytes));
      return chunkText(chunk, Math.max(smaller, SMALLEST), maxBytes);
    });
}

/** Characters; fences that are reopened in each message need some room. */
const SMALLEST = 200;

/** As ltx writes text: `&`, `<` and `>` as entities, and quotes too. */
function bytesInXml(text: string): number {
  const extra = text.replace(/[^&<>"']/g, "");
  let bytes = Buffer.byteLength(text);
  for (const char of extra) bytes += char === "&" ? 4 : char === "<" || char === ">" ? 3 : 5;
  return bytes;
}
