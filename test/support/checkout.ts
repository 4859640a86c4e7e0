import { execFileSync } from "node:child_process";
import { cpSync, existsSync } from "node:fs";
import { join } from "node:path";

import { REPOSITORY } from "./gateway.ts";

/** Copies the tracked files of this checkout, as they are now, into a folder: nothing built, no packages. */
export function copyTracked(to: string): void {
  const tracked = execFileSync("git", ["ls-files", "-z"], { cwd: REPOSITORY, encoding: "utf8" });
  for (const path of tracked.split("\0").filter(Boolean)) {
    if (existsSync(join(REPOSITORY, path))) cpSync(join(REPOSITORY, path), join(to, path));
  }
}
