/** As much of a growing text as is whole (`streaming.preview.chunk`): paragraphs, where they are not too long. */

export type Chunking = {
  /** Characters that are new at least. */
  minChars: number;
  /** New characters that do not wait any more: for an end of the next smaller kind, else for nothing. */
  maxChars: number;
  breakPreference: "paragraph" | "newline" | "sentence";
};

const ENDS = { paragraph: /\n\s*\n/gu, newline: /\n/gu, sentence: /[.!?](?=\s)/gu };
const PREFERENCES = ["paragraph", "newline", "sentence"] as const;

export type WholeBlocks = {
  /** What is to be seen of `text`, which is what it was before, and more. */
  of(text: string): string;
  /** Another text begins. */
  restart(): void;
};

export function createWholeBlocks({ minChars, maxChars, breakPreference }: Chunking): WholeBlocks {
  const kinds = PREFERENCES.slice(PREFERENCES.indexOf(breakPreference));
  let seen = 0;
  return {
    of(text) {
      if (text.length < seen) seen = 0;
      const fresh = text.slice(seen);
      if (fresh.length < minChars) return text.slice(0, seen);
      const isLong = fresh.length >= maxChars;
      const ends = (isLong ? kinds : kinds.slice(0, 1)).map((kind) => lastEnd(fresh, kind));
      const end = ends.find((each) => each >= minChars) ?? (isLong ? fresh.length : 0);
      seen += end;
      return text.slice(0, seen);
    },
    restart: () => void (seen = 0),
  };
}

function lastEnd(text: string, kind: (typeof PREFERENCES)[number]): number {
  let end = 0;
  for (const match of text.matchAll(ENDS[kind])) end = match.index + match[0].length;
  return end;
}
