/** The commands that our pages print, as a reader would type them. */
import { readFileSync, readdirSync } from "node:fs";
import { join } from "node:path";

import { REPOSITORY } from "./gateway.ts";

export interface PageCommand {
  readonly page: string;
  /** One command line, without the comment behind it; lines that end in `\` are joined. */
  readonly line: string;
}

/** README.md and the like, and all of docs/, relative to the checkout. */
export function ourPages(): string[] {
  const top = ["README.md", "SECURITY.md", "ROADMAP.md", "CHANGELOG.md"];
  const docs = readdirSync(join(REPOSITORY, "docs")).filter((file) => file.endsWith(".md"));
  return [...top, ...docs.toSorted().map((file) => `docs/${file}`)];
}

/** The text of a page; fenced blocks of a language (`lua prosody`, …) by {@link blocksOf}. */
export function readPage(page: string): string {
  return readFileSync(join(REPOSITORY, page), "utf8");
}

/** What stands in the page's fenced blocks of this language, in order. */
export function blocksOf(page: string, language: string): string[] {
  const fence = new RegExp(`^ *\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, "gm");
  return [...readPage(page).matchAll(fence)].map(([, text = ""]) => text);
}

/** The command lines in the blocks of `bash` and `sh` of a page. */
export function commandsOf(page: string): PageCommand[] {
  return [...blocksOf(page, "bash"), ...blocksOf(page, "sh")]
    .flatMap((block) => block.replaceAll(/\\\n\s*/g, "").split("\n"))
    .map((line) => line.replace(/(^|\s)#\s.*$/, "").trim())
    .filter(Boolean)
    .map((line) => ({ page, line }));
}

/**
 * Commands within a sentence: in backticks, tables included. What is to be filled in (`<jid>`, `[nick]`) is one word;
 * `status|rooms` is two commands.
 */
export function namedCommandsOf(page: string): PageCommand[] {
  const text = readPage(page).replaceAll(/^ *```[\s\S]*?^ *```$/gm, "");
  const named = text.matchAll(/`((?:openclaw|npm|npx|node|prosodyctl|ejabberdctl) [^`]+)`/g);
  return [...named].flatMap(([, written = ""]) => {
    const line = written.replaceAll(/\s+/g, " ").replaceAll(/<[^>]*>|\[[^\]]*\]/g, "FILLED-IN");
    const [choice = ""] = /\S+\|\S+/.exec(line) ?? [];
    return choice.split("|").map((one) => ({ page, line: line.replace(choice, one) }));
  });
}

/** A command line as words; quotes group, as in a shell. No variables, no pipes. */
export function wordsOf(line: string): string[] {
  return [...line.matchAll(/"([^"]*)"|'([^']*)'|(\S+)/g)].map(
    ([, double, single, bare]) => double ?? single ?? bare ?? "",
  );
}
