/**
 * What somebody's answer to a request for approval says. Anything but a plain word or sign is no answer: nobody
 * allows a command by talking about it.
 */
export const DECISIONS = ["allow-once", "allow-always", "deny"] as const;
export type Decision = (typeof DECISIONS)[number];

/** The host's own signs, in the order in which they are offered. */
export const DECISION_SIGNS: Record<Decision, string> = {
  "allow-once": "👍",
  "allow-always": "♾️",
  deny: "👎",
};

export const DECISION_LABELS: Record<Decision, string> = {
  "allow-once": "Allow once",
  "allow-always": "Allow always",
  deny: "Deny",
};

/** What a decision makes of a request: to go on with after "it was …". */
export const DECISION_OUTCOMES: Record<Decision, string> = {
  "allow-once": "allowed once",
  "allow-always": "allowed always",
  deny: "denied",
};

const WORDS: Record<Decision, ReadonlySet<string>> = {
  "allow-once": new Set(["yes", "y", "ok", "okay", "allow", "allow once", "once", "approve"]),
  "allow-always": new Set(["always", "allow always"]),
  deny: new Set(["no", "n", "deny", "reject", "block"]),
};

/** Nothing longer is an answer, nor looked at for long. */
const MAX_WORDS = 100;
const MAX_COMMAND = 1_000;

/** Variation selectors, and the colours of skin. */
const VARIANTS = /[\uFE0E\uFE0F]|\p{Emoji_Modifier}/gu;
const signOf = (text: string) => text.trim().replace(VARIANTS, "");

/** A sign; undefined for any other, and for one that says what is not offered. */
function decisionOfSign(sign: string, allowed: readonly Decision[]): Decision | undefined {
  return allowed.find((decision) => signOf(DECISION_SIGNS[decision]) === signOf(sign));
}

/** Of all reactions of one person; undefined where they say nothing, or contradict each other. */
export function decisionOfSigns(
  signs: readonly string[],
  allowed: readonly Decision[],
): Decision | undefined {
  const found = new Set(
    signs.map((sign) => decisionOfSign(sign, DECISIONS)).filter((each) => each !== undefined),
  );
  const [only, ...others] = found;
  return only && others.length === 0 && allowed.includes(only) ? only : undefined;
}

/**
 * Of the text of a reply to the request, without what it quotes.
 * @returns "unavailable" for a decision that is not offered; undefined where it is no answer
 */
export function decisionOfWords(
  text: string,
  allowed: readonly Decision[],
): Decision | "unavailable" | undefined {
  if (text.length > MAX_WORDS) return undefined;
  const words = text
    .trim()
    .toLowerCase()
    .replace(/[.!]+$/, "")
    .replaceAll(/[\s_-]+/g, " ");
  const said =
    DECISIONS.find((decision) => WORDS[decision].has(words)) ?? decisionOfSign(text, DECISIONS);
  return said && !allowed.includes(said) ? "unavailable" : said;
}

/** `/approve <id> <decision>` as the host has it, also the other way round; undefined for anything else. */
export function readApproveCommand(
  text: string,
): { approvalId: string; decision: string } | undefined {
  if (text.length > MAX_COMMAND) return undefined;
  const [, first = "", second = ""] = /^\/approve[ \t]+(\S+)[ \t]+(\S+)$/i.exec(text.trim()) ?? [];
  if (second === "") return undefined;
  const isFirst = decisionOfWords(first, DECISIONS) !== undefined;
  return isFirst
    ? { approvalId: second, decision: first }
    : { approvalId: first, decision: second };
}
