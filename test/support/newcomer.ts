/**
 * A newcomer's own time. Nobody sits before a test, so it is counted, by a model that stands here: all that is new on
 * the screen is read word by word, each answer is thought about, and what no page prints is typed by an average typist;
 * commands are copied from the page. The machine's time is measured beside it.
 */

/** Words a minute: adults who read non-fiction silently (Brysbaert 2019). */
const READ_WPM = 238;
/** Seconds a key: 40 words a minute, five keys to the word. */
const KEY_S = 60 / (40 * 5);
/** Seconds to decide what to do next, and to point at something: M and P of the keystroke-level model (Card et al. 1980). */
const DECIDE_S = 1.35;
const POINT_S = 1.1;
/** Two keys to copy, two to paste, between pointing at the page and at the terminal. */
const COPY_S = 2 * POINT_S + 4 * KEY_S;

/** What a step asks of a person. */
export interface Effort {
  /** Text that is read. */
  readonly reads?: string;
  /** Text that is typed, with the Enter behind it. */
  readonly types?: string;
  /** True where a line of the page is copied, and Enter pressed. */
  readonly copies?: boolean;
  /** Keys that are pressed besides. */
  readonly keys?: number;
}

export interface Step {
  readonly what: string;
  /** Seconds that the machine took. */
  readonly machine: number;
  /** Seconds of the newcomer's own. */
  readonly own: number;
}

/** Words, as `wc -w` counts them; frames and rules that hold no letter are none. */
function countWords(text: string): number {
  return text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word)).length;
}

/** Seconds of a person's own; to read alone takes no decision. */
export function ownSeconds({ reads = "", types, keys = 0, copies = false }: Effort): number {
  const pressed = keys + (types === undefined ? 0 : types.length + 1) + (copies ? 1 : 0);
  const acts = pressed * KEY_S + (copies ? COPY_S : 0);
  return (countWords(reads) * 60) / READ_WPM + acts + (pressed > 0 ? DECIDE_S : 0);
}

/** What is new on a screen that goes on where `before` ended. Marks that an answer changes are no words. */
export function newWords(before: string, now: string): string {
  const words = (text: string) => text.split(/\s+/).filter((word) => /[\p{L}\p{N}]/u.test(word));
  const old = words(before);
  const all = words(now);
  const first = all.findIndex((word, index) => word !== old[index]);
  return first === -1 ? "" : all.slice(first).join(" ");
}

/** The steps as rows of a Markdown table, with their sum. */
export function stepTable(steps: readonly Step[]): string[] {
  const sum = (of: (step: Step) => number) => steps.reduce((total, step) => total + of(step), 0);
  const row = (what: string, machine: number, own: number) =>
    `| ${what} | ${machine.toFixed(0)} | ${own.toFixed(0)} |`;
  return [
    ...steps.map(({ what, machine, own }) => row(what, machine, own)),
    row(
      "**All**",
      sum(({ machine }) => machine),
      sum(({ own }) => own),
    ),
  ];
}
