/** A disk of 24 megabytes that can be full: a tmpfs, which gives ENOSPC as a real disk does. */
import { execFileSync } from "node:child_process";
import { closeSync, mkdirSync, openSync, rmSync, writeSync } from "node:fs";
import { join } from "node:path";

import { atExit, createTempDir } from "../support/at-exit.ts";

export interface SmallDisk {
  readonly path: string;
  /** Takes every byte that is left. */
  fill(): void;
  /** Gives back what {@link SmallDisk.fill} took. */
  free(): void;
  remove(): void;
}

const SIZE = "24m";

/** @returns undefined where mounting is not allowed (needs root and CAP_SYS_ADMIN) */
export function createSmallDisk(): SmallDisk | undefined {
  const temp = createTempDir("disk");
  const path = join(temp.path, "state");
  const ballast = join(path, "ballast");
  mkdirSync(path);
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", `size=${SIZE},mode=0700`, "tmpfs", path], {
      stdio: "ignore",
    });
  } catch {
    temp.remove();
    return undefined;
  }
  const unmount = (): void => void execFileSync("umount", ["-l", path], { stdio: "ignore" });
  const forget = atExit(unmount);
  return {
    path,
    fill() {
      const file = openSync(ballast, "w");
      const page = Buffer.alloc(4_096, "x");
      try {
        for (;;) writeSync(file, page);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "ENOSPC") throw error;
      } finally {
        closeSync(file);
      }
    },
    free: () => rmSync(ballast, { force: true }),
    remove() {
      forget();
      unmount();
      temp.remove();
    },
  };
}
