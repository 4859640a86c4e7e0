import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { watchFolder } from "./sentinel.ts";

/** Synchronous last words of this process: kill children, remove directories. Newest first. */
const tasks: Array<() => void> = [];
let installed = false;

function runAll(): void {
  for (let task = tasks.pop(); task !== undefined; task = tasks.pop()) {
    try {
      task();
    } catch {
      // The process is ending: the remaining tasks matter more than this failure.
    }
  }
}

function install(): void {
  installed = true;
  process.once("exit", runAll);
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    const onSignal = (): void => {
      // Someone else (vitest, the demo) decides how to end on this signal; "exit" follows.
      if (process.listenerCount(signal) > 1) return;
      runAll();
      process.removeListener(signal, onSignal);
      process.kill(process.pid, signal);
    };
    process.on(signal, onSignal);
  }
}

/**
 * Runs `task` when this process ends, by whatever way leaves it time to.
 * @returns a function that forgets the task.
 */
export function atExit(task: () => void): () => void {
  if (!installed) install();
  tasks.push(task);
  return () => {
    const index = tasks.indexOf(task);
    if (index >= 0) tasks.splice(index, 1);
  };
}

/** A directory of our own under the system's temporary directory. */
export interface TempDir {
  readonly path: string;
  /** Removes it with everything inside; happens at process exit too. */
  remove(): void;
}

/** Creates a private temporary directory (mode 0700) named `openclaw-xmpp-<purpose>-XXXXXX`. */
export function createTempDir(purpose: string): TempDir {
  const path = mkdtempSync(join(tmpdir(), `openclaw-xmpp-${purpose}-`));
  // OPENCLAW_XMPP_KEEP=1 leaves the directories for a look after a failure.
  const remove = (): void => {
    if (process.env["OPENCLAW_XMPP_KEEP"] === "1") return;
    rmSync(path, { recursive: true, force: true, maxRetries: 3 });
  };
  const forget = atExit(remove);
  const unwatch = watchFolder(path);
  return {
    path,
    remove() {
      forget();
      remove();
      unwatch();
    },
  };
}
