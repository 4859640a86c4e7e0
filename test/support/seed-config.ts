import { readFileSync } from "node:fs";
import { join } from "node:path";
import { runInNewContext } from "node:vm";

import type { ConfigObject } from "./gateway.ts";

const FOLDER = join(import.meta.dirname, "../fixtures/config");

/**
 * A configuration as the seeds of this project print it, with `names` put in place of its own host
 * names (and paths). JSON5 is a subset of what JavaScript reads as an expression.
 */
export function seedConfig(
  file: "seed-000.json" | "seed-000-memory.json" | "seed-001.json5" | "seed-001-lists.json5",
  names: Readonly<Record<string, string>> = {},
): ConfigObject {
  let text = readFileSync(join(FOLDER, file), "utf8");
  for (const [theirs, ours] of Object.entries(names)) text = text.replaceAll(theirs, ours);
  return JSON.parse(JSON.stringify(runInNewContext(`(${text})`))) as ConfigObject;
}
