import { WizardCancelledError, type WizardPrompter } from "openclaw/plugin-sdk/setup";

/** One answer: to the question that begins so. For a choice by its label, a list for several; "" is Enter alone. */
export type ScriptLine = readonly [question: string, answer: string | boolean | readonly string[]];

/** As the host's: a person pressed Ctrl-C. */
export const Cancelled = WizardCancelledError;
export const CANCEL = "\u0003";

export type ScriptedPrompter = WizardPrompter & {
  /** All that was shown, in order: questions, what was typed where it is not hidden, notes, lines of progress. */
  readonly shown: string[];
  /** Lines of the script that nobody asked for. */
  readonly left: readonly ScriptLine[];
};

/** Answers from a script, strictly in order; a question that is not the next one is an error. */
export function scriptedPrompter(script: readonly ScriptLine[]): ScriptedPrompter {
  const left = [...script];
  const shown: string[] = [];
  const next = (message: string): ScriptLine[1] => {
    shown.push(`? ${message}`);
    const line = left.shift();
    if (!line) throw new Error(`nobody answers "${message}"\n${shown.join("\n")}`);
    if (!message.startsWith(line[0])) {
      throw new Error(`"${message}" instead of "${line[0]}"\n${shown.join("\n")}`);
    }
    if (line[1] === CANCEL) throw new Cancelled("cancelled");
    return line[1];
  };
  const byLabel = <T>(options: readonly { value: T; label: string }[], wanted: string): T => {
    const option = options.find(({ label }) => label.startsWith(wanted));
    if (!option) {
      const labels = options.map(({ label }) => label).join(" | ");
      throw new Error(`no option "${wanted}" among ${labels}`);
    }
    return option.value;
  };
  return {
    shown,
    left,
    intro: async (title) => void shown.push(title),
    outro: async (message) => void shown.push(message),
    note: async (message, title) => void shown.push(`[${title ?? ""}] ${message}`),
    async select({ message, options, initialValue }) {
      const wanted = next(message);
      // An empty string takes what is picked already, as Enter does.
      if (wanted !== "") return byLabel(options, String(wanted));
      return options.find(({ value }) => value === initialValue)?.value ?? byLabel(options, "");
    },
    multiselect: async ({ message, options }) => {
      const wanted = next(message);
      return (Array.isArray(wanted) ? wanted : []).map((each: string) => byLabel(options, each));
    },
    async text({ message, validate, initialValue, sensitive }) {
      for (;;) {
        const wanted = next(message);
        const answer = wanted === "" ? (initialValue ?? "") : String(wanted);
        if (!sensitive) shown.push(`> ${answer}`);
        const problem = validate?.(answer);
        if (problem === undefined) return answer;
        shown.push(`! ${problem}`);
      }
    },
    async confirm({ message, initialValue = true }) {
      const wanted = next(message);
      return wanted === "" ? initialValue : wanted === true;
    },
    progress: (label) => {
      shown.push(`… ${label}`);
      return {
        update: (message) => void shown.push(`… ${message}`),
        stop: (message) => void shown.push(`✓ ${message ?? ""}`),
      };
    },
  };
}
