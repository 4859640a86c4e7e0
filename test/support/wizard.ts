import { createTerminal } from "./terminal.ts";
import type { OpenClawHome } from "./gateway.ts";
import { waitFor } from "./wait.ts";

/** A person before the questions of `openclaw onboard` or `channels add`, in a terminal of their own. */
export interface Wizard {
  /** Waits for the question and types the answer, in place of what stands there. */
  text(question: string, answer: string): Promise<void>;
  /** Waits for the question and picks the option whose label begins so. @returns how often Down was pressed */
  pick(question: string, label: string): Promise<number>;
  /** Waits for the list that can be searched and picks the one entry that holds the text. */
  search(question: string, entry: string): Promise<void>;
  /** Waits for the list and marks the entries that hold these texts. */
  mark(question: string, ...entries: string[]): Promise<void>;
  /** Waits for the question and says yes or no. */
  confirm(question: string, answer: boolean): Promise<void>;
  press(...keys: string[]): Promise<void>;
  /** Waits until the question is the one that is asked. */
  asks(question: string): Promise<string>;
  /** Waits until it has been said (default 40,000 ms), and gives all that was. */
  says(text: RegExp, timeoutMs?: number): Promise<string>;
  /** All that was said since the start; lines of boxes joined. */
  said(): Promise<string>;
  /** Waits for the command's end (default 40,000 ms). @returns its exit code */
  ended(timeoutMs?: number): Promise<number>;
  stop(): Promise<void>;
}

const QUESTION_MS = 150_000;
const MAX_OPTIONS = 80;

/** The words without the frames that the terminal draws around them; each line's end is a blank. */
function plain(screen: string): string {
  return screen.replace(/[│├╮╯─╭╰┌└]/g, " ").replace(/\s+/g, " ");
}

function escape(text: string): string {
  return text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");
}

/** Starts the command, in the home's directory or in `cwd`. `env` is laid over the home's. */
export async function startWizard(
  home: OpenClawHome,
  args: readonly string[],
  env: Readonly<Record<string, string | undefined>> = {},
  cwd: string = home.directory,
): Promise<Wizard> {
  const terminal = createTerminal("wizard");
  const words = home.command(args, { TERM: "xterm-256color", LANG: "C.UTF-8", ...env });
  const line = words.map((word) => `'${word.replaceAll("'", `'\\''`)}'`).join(" ");
  // The screen stays after the end of the command.
  await terminal.run("sh", "-c", `cd '${cwd}'; ${line}; echo "ended with code $?."; read end`);

  const said = async (): Promise<string> => plain(await terminal.screen({ past: true }));
  const until = async (
    what: string,
    pattern: RegExp,
    from: () => Promise<string>,
    timeoutMs = QUESTION_MS,
  ) => {
    let last = "";
    const holds = async (): Promise<string | false> => {
      last = await from();
      return pattern.test(last) && last;
    };
    return await waitFor(holds, {
      what: `${what} on the screen`,
      timeoutMs,
      evidence: () => last,
    });
  };
  /** A question that waits for its answer has a filled diamond before it (a triangle where an answer was refused). */
  const asks = async (question: string): Promise<string> => {
    const pattern = new RegExp(`[◆▲]\\s+${escape(question)}`);
    return await until(question, pattern, async () => await terminal.screen());
  };

  const find = async (entry: string): Promise<void> => {
    await terminal.write(entry);
    await terminal.waitForScreen(new RegExp(`Search: .*${escape(entry)}.*1 match`));
  };

  return {
    asks,
    said,
    async says(text, timeoutMs) {
      return await until(String(text), text, said, timeoutMs);
    },
    async press(...keys) {
      await terminal.press(...keys);
    },
    async text(question, answer) {
      await asks(question);
      await terminal.press("C-e", "C-u");
      await terminal.type(answer);
    },
    async pick(question, label) {
      await asks(question);
      const isThere = new RegExp(`● ${escape(label)}`);
      let screen = await terminal.screen();
      // Down, and round: a long list shows a part of itself only.
      let steps = 0;
      for (; !isThere.test(screen); steps += 1) {
        if (steps > MAX_OPTIONS) throw new Error(`no option ${label}:\n${screen}`);
        const before = screen;
        await terminal.press("Down");
        screen = await waitFor(
          async () => {
            const now = await terminal.screen();
            return now !== before && now;
          },
          { what: `another option than in\n${before}` },
        );
      }
      await terminal.press("Enter");
      return steps;
    },
    async search(question, entry) {
      await asks(question);
      await find(entry);
      await terminal.press("Enter");
    },
    async mark(question, ...entries) {
      await asks(question);
      for (const entry of entries) {
        await find(entry);
        await terminal.press("Tab");
        for (let typed = 0; typed < entry.length; typed += 1) await terminal.press("BSpace");
      }
      await terminal.press("Enter");
    },
    async confirm(question, answer) {
      await asks(question);
      await terminal.press(answer ? "y" : "n");
    },
    async ended(timeoutMs) {
      const screen = await until("its end", /ended with code (\d+)\./, said, timeoutMs);
      return Number(/ended with code (\d+)\./.exec(screen)?.[1]);
    },
    stop: () => terminal.stop(),
  };
}
