import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";

/**
 * Puts `text` between the markers `<!-- NAME:start -->` and `<!-- NAME:end -->` of a Markdown file, adding
 * them at its end where they are missing.
 */
export function writeReport(file: string, text: string, name = "bench"): void {
  const start = `<!-- ${name}:start -->`;
  const end = `<!-- ${name}:end -->`;
  mkdirSync(dirname(file), { recursive: true });
  const before = existsSync(file) ? readFileSync(file, "utf8") : "";
  const block = `${start}\n${text.trim()}\n${end}`;
  const from = before.indexOf(start);
  const to = before.indexOf(end);
  const after =
    from >= 0 && to > from
      ? before.slice(0, from) + block + before.slice(to + end.length)
      : `${before.trimEnd()}\n\n${block}\n`;
  writeFileSync(file, after);
}
