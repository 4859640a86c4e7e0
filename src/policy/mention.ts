/**
 * Whether a room message speaks to the agent: its nick as a word of its own, in any case, with or
 * without "@", or text that a reference (XEP-0372) says to be its name.
 *
 * Letters, digits, marks and "_" beside it make another word (`robot`, `bots`, `bot2`), and so do a
 * hyphen, dot, apostrophe, slash or "@" that ties it to one: `bot-2` is another nick, `bot's` is
 * talk about the agent, `x@bot.example` and `bot@example.com` are addresses, `/bot` is a path.
 * Lines that quote somebody (XEP-0393 §5.1.3, `> bot: …`) were said before. Where the nick is part of
 * the longer nick of somebody else who is there, as "bot" of "bot two", the longer one is meant.
 */

/** Offsets of UTF-16 code units, `end` behind the last one. */
export type Mention = { start: number; end: number };

/** Whom a text may speak to. */
export type Addressee = {
  nick: string;
  /** The nicks of everybody else who is there. */
  others?: Iterable<string>;
  /** Where references say that the addressee is named. */
  references?: readonly Mention[];
};

const WORD = String.raw`[\p{L}\p{N}\p{M}\p{Pc}]`;
/** Ties two words into one. */
const TIE = String.raw`[-.'’@/\\]`;
const BEFORE = String.raw`(?<!${WORD}|${WORD}${TIE}|[/\\])`;
const AFTER = String.raw`(?!${WORD}|${TIE}${WORD}|:\/\/)`;

function mentionPattern(nick: string): RegExp {
  // The "i" flag folds one character to one: "ß" to "SS" is beyond it (Unicode, CaseFolding.txt).
  const spellings = new Set(
    [nick, nick.toUpperCase()].flatMap((text) => [
      text,
      text.normalize("NFC"),
      text.normalize("NFD"),
    ]),
  );
  const words = [...spellings].map((spelling) =>
    spelling
      .split(/\s+/u)
      .map((word) => word.replace(/[\\^$.*+?()[\]{}|/]/g, String.raw`\$&`))
      .join(String.raw`[^\S\n]+`),
  );
  return new RegExp(`${BEFORE}@?(?:${words.join("|")})${AFTER}`, "giu");
}

/** A text that says the nick more often is not read to its end. */
const MAX_MENTIONS = 100;

function findNick(text: string, nick: string): Mention[] {
  const name = nick.trim();
  if (!name) return [];
  const pattern = mentionPattern(name);
  const mentions: Mention[] = [];
  let lineStart = 0;
  for (const line of text.split("\n")) {
    for (const match of isQuote(line) ? [] : line.matchAll(pattern)) {
      const start = lineStart + match.index;
      mentions.push({ start, end: start + match[0].length });
      if (mentions.length === MAX_MENTIONS) return mentions;
    }
    lineStart += line.length + 1;
  }
  return mentions;
}

/** Every place where the addressee is meant, in order, none within another. */
export function findMentions(text: string, addressee: Addressee): Mention[] {
  const { nick, others = [], references = [] } = addressee;
  const referenced = references.filter(
    ({ start, end }) => start >= 0 && start < end && end <= text.length,
  );
  const named = findNick(text, nick).filter((mention) => !overlaps(referenced, mention));
  if (named.length === 0) return referenced.toSorted((a, b) => a.start - b.start);
  const longer = longerNicks(nick, others);
  const meant = named.filter((mention) => !longer.some((other) => isPartOf(text, mention, other)));
  return [...meant, ...referenced].toSorted((a, b) => a.start - b.start);
}

/** Whether `mention` stands within a mention of `other`. Only what is near enough is looked at. */
function isPartOf(text: string, mention: Mention, other: string): boolean {
  const reach = other.length + 8;
  const from = Math.max(0, text.lastIndexOf("\n", mention.start) + 1, mention.start - reach);
  const near = text.slice(from, mention.end + reach);
  const within = { start: mention.start - from, end: mention.end - from };
  return overlaps(findNick(near, other), within);
}

function overlaps(all: readonly Mention[], { start, end }: Mention): boolean {
  return all.some((one) => one.start < end && start < one.end);
}

/** More of them would make a message dear; a room full of such nicks is made to be. */
const MAX_LONGER_NICKS = 20;

function longerNicks(nick: string, others: Iterable<string>): string[] {
  const fold = (text: string) => text.normalize("NFC").toLowerCase();
  const own = fold(nick.trim());
  const longer: string[] = [];
  for (const other of others) {
    const folded = fold(other.trim());
    if (folded.length > own.length && folded.includes(own)) longer.push(other);
    if (longer.length === MAX_LONGER_NICKS) break;
  }
  return longer;
}

function isQuote(line: string): boolean {
  return line.startsWith(">");
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
export function stripMention(text: string, addressee: Addressee): string {
  const mentions = findMentions(text, addressee);
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
