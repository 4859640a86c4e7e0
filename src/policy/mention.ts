/**
 * Whether a room message speaks to the agent: its nick as a word of its own, in any case, with or
 * without "@".
 *
 * Letters, digits, marks and "_" beside it make another word (`robot`, `bots`, `bot2`), and so do a
 * hyphen, dot, apostrophe, slash or "@" that ties it to one: `bot-2` is another nick, `bot's` is
 * talk about the agent, `x@bot.example` and `bot@example.com` are addresses, `/bot` is a path.
 * Lines that quote somebody (XEP-0393 §5.1.3, `> bot: …`) were said before.
 */

export type Mention = { start: number; end: number };

const WORD = String.raw`[\p{L}\p{N}\p{M}\p{Pc}]`;
/** Ties two words into one. */
const TIE = String.raw`[-.'’@/\\]`;
const BEFORE = String.raw`(?<!${WORD}|${WORD}${TIE}|[/\\])`;
const AFTER = String.raw`(?!${WORD}|${TIE}${WORD}|:\/\/)`;

function mentionPattern(nick: string): RegExp {
  const spellings = new Set([nick, nick.normalize("NFC"), nick.normalize("NFD")]);
  const words = [...spellings].map((spelling) =>
    spelling
      .split(/\s+/u)
      .map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`))
      .join(String.raw`[^\S\n]+`),
  );
  return new RegExp(`${BEFORE}@?(?:${words.join("|")})${AFTER}`, "giu");
}

function findMentions(text: string, nick: string): Mention[] {
  const name = nick.trim();
  if (!name) return [];
  const pattern = mentionPattern(name);
  const mentions: Mention[] = [];
  let lineStart = 0;
  for (const line of text.split("\n")) {
    for (const match of isQuote(line) ? [] : line.matchAll(pattern)) {
      const start = lineStart + match.index;
      mentions.push({ start, end: start + match[0].length });
    }
    lineStart += line.length + 1;
  }
  return mentions;
}

function isQuote(line: string): boolean {
  return line.startsWith(">");
}

/** The first mention of `nick`, its "@" included; undefined when the text does not speak to it. */
export function findMention(text: string, nick: string): Mention | undefined {
  return findMentions(text, nick)[0];
}

/** After the nick at the beginning: `bot: …`, `bot, …`, `bot - …`. */
const SALUTATION_MARK = /^[^\S\n]*(?:[:,;!?…]+|[-–—](?=\s))/u;

/**
 * `text` without the words that only address the agent; "" when there is nothing else.
 *
 * Taken away are a salutation (`bot: hi`, `@bot hi`, `bot /status`) and a closing one that is set
 * off by a comma or an "@" (`hi, bot?` becomes `hi?`). A nick that is part of the sentence stays:
 * "who is bot?" would lose its meaning.
 */
export function stripMention(text: string, nick: string): string {
  const mentions = findMentions(text, nick);
  const [first] = mentions;
  const last = mentions.at(-1);
  if (first && isOpening(text, first.start)) {
    const rest = text.slice(first.end);
    const mark = SALUTATION_MARK.exec(rest)?.[0] ?? "";
    if (mark || text[first.start] === "@" || /^\s*(?:\/|$)/.test(rest)) {
      return (text.slice(0, first.start) + rest.slice(mark.length).trimStart()).trim();
    }
  }
  if (last && /^[\s\p{P}]*$/u.test(text.slice(last.end))) {
    const before = text.slice(0, last.start).trimEnd();
    if (before.endsWith(",")) return (before.slice(0, -1) + text.slice(last.end)).trim();
    if (text[last.start] === "@") return (before + text.slice(last.end)).trim();
  }
  return text.trim();
}

/** Whether nothing but quoted and blank lines stands before `index`. */
function isOpening(text: string, index: number): boolean {
  return text
    .slice(0, index)
    .split("\n")
    .every((line) => isQuote(line) || line.trim() === "");
}
