import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

const START = "<!-- bench:start -->";
const END = "<!-- bench:end -->";

/** Puts `text` between the markers of a Markdown file, adding them at its end where they are missing. */
export function writeReport(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const before = existsSync(file) ? readFileSync(file, "utf8") : "# Performance\n";
  const block = `${START}\n${text.trim()}\n${END}`;
  const from = before.indexOf(START);
  const to = before.indexOf(END);
  const after =
    from >= 0 && to > from
      ? before.slice(0, from) + block + before.slice(to + END.length)
      : `${before.trimEnd()}\n\n${block}\n`;
  writeFileSync(file, after);
}
