/** Splitting a long text into messages. */
import { chunkMarkdownTextWithMode } from "openclaw/plugin-sdk/reply-chunking";

/**
 * `text` as messages of at most `limit` UTF-16 units, in order, none of them blank: at paragraphs
 * where they fit, else at lines, else at spaces, else between graphemes. A code fence that is open
 * at a cut is closed there and reopened, with its language, in the next message.
 *
 * The host's splitter does it; its mode "newline" is the one that prefers paragraphs.
 */
export function chunkText(text: string, limit: number): string[] {
  return chunkMarkdownTextWithMode(text, limit, "newline")
    .map((chunk) => chunk.replace(/^(?:[^\S\n]*\n)+/, "").trimEnd())
    .filter((chunk) => chunk !== "");
}
