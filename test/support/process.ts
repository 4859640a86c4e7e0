import { spawn } from "node:child_process";
import { constants } from "node:os";
import { setTimeout as delay } from "node:timers/promises";

import { atExit } from "./at-exit.ts";
import { watchGroup } from "./sentinel.ts";

/** How a process ended. `code` follows the shell: 128 + signal number when a signal ended it. */
export interface ExitStatus {
  readonly code: number;
  readonly signal: NodeJS.Signals | null;
}

export interface CommandResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProcessOptions {
  /** Stands in failure messages. */
  readonly name: string;
  readonly command: string;
  readonly args?: readonly string[];
  readonly cwd?: string;
  /** The whole environment of the process; default: this process's own. */
  readonly env?: NodeJS.ProcessEnv;
  /** Gets whatever it writes, both streams in order of arrival. */
  readonly onOutput?: (text: string) => void;
}

/** A server or client that runs beside the tests. */
export interface RunningProcess {
  readonly pid: number;
  /** Everything it wrote so far, both streams in order of arrival (the last 1 MB). */
  output(): string;
  /** Resolves when it ended; never rejects. */
  readonly exited: Promise<ExitStatus>;
  /** True until it ended. */
  isRunning(): boolean;
  /** Writes to its standard input. */
  write(text: string): void;
  /** Calls `listener` with each complete line of standard output. */
  onLine(listener: (line: string) => void): void;
  /**
   * The first match of `pattern` in its output, past or future.
   * @throws when it ends or `timeoutMs` (default 15,000) goes by without one; the message holds the output.
   */
  waitForOutput(pattern: RegExp, timeoutMs?: number): Promise<RegExpExecArray>;
  /** Ends it and its children: SIGTERM, after `graceMs` (default 5,000) SIGKILL. Idempotent. */
  stop(graceMs?: number): Promise<ExitStatus>;
  /** SIGKILL to it and its children, with no signal before it that they could act on. Idempotent. */
  kill(): Promise<ExitStatus>;
}

const OUTPUT_LIMIT = 1024 * 1024;

/** Signals a process group that we created; a group that is gone already is fine. */
function signalGroup(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

/**
 * Starts a process in a group of its own, so that Ctrl-C in a terminal reaches us first and
 * stopping it reaches its children. It dies with this process.
 * @throws when the command cannot be started at all (missing, not executable).
 */
export async function startProcess(options: ProcessOptions): Promise<RunningProcess> {
  const { name, command, args = [] } = options;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  await new Promise<void>((resolve, reject) => {
    child.once("spawn", resolve);
    child.once("error", (error) => reject(new Error(`cannot start ${name}: ${error.message}`)));
  });
  const pid = child.pid;
  if (pid === undefined) throw new Error(`cannot start ${name}`);
  const forget = atExit(() => signalGroup(pid, "SIGKILL"));
  const unwatch = watchGroup(pid);

  let output = "";
  const watchers = new Set<() => void>();
  const lineListeners = new Set<(line: string) => void>();
  const collect = (text: string): void => {
    options.onOutput?.(text);
    output = (output + text).slice(-OUTPUT_LIMIT);
    for (const watcher of watchers) watcher();
  };
  let pending = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    collect(text);
    const lines = (pending + text).split("\n");
    pending = lines.pop() ?? "";
    for (const line of lines) for (const listener of lineListeners) listener(line);
  });
  child.stderr.setEncoding("utf8").on("data", collect);
  // Writing to a process that just ended: `exited` tells the story.
  child.stdin.on("error", () => {});

  let ended: ExitStatus | undefined;
  const exited = new Promise<ExitStatus>((resolve) => {
    child.once("exit", (code, signal) => {
      ended = { code: code ?? 128 + (signal === null ? 0 : constants.signals[signal]), signal };
      forget();
      unwatch();
      resolve(ended);
    });
    child.once("close", () => {
      for (const watcher of watchers) watcher();
    });
  });
  const closed = new Promise<void>((resolve) => child.once("close", () => resolve()));
  let isClosed = false;
  void closed.then(() => (isClosed = true));

  return {
    pid,
    exited,
    output: () => output,
    isRunning: () => ended === undefined,
    write: (text) => void child.stdin.write(text),
    onLine: (listener) => void lineListeners.add(listener),
    async waitForOutput(pattern, timeoutMs = 15_000) {
      const look = new RegExp(pattern.source, pattern.flags.replace(/[gy]/g, ""));
      const found = look.exec(output);
      if (found !== null) return found;
      return await new Promise<RegExpExecArray>((resolve, reject) => {
        const settle = (act: () => void): void => {
          watchers.delete(watcher);
          clearTimeout(timer);
          act();
        };
        const fail = (why: string): void =>
          settle(() => reject(new Error(`${name} ${why} ${look}; its output:\n${output}`)));
        const watcher = (): void => {
          const match = look.exec(output);
          if (match !== null) settle(() => resolve(match));
          else if (isClosed) fail(`ended (code ${ended?.code}) without`);
        };
        const timer = setTimeout(() => fail(`said in ${timeoutMs} ms nothing like`), timeoutMs);
        watchers.add(watcher);
        void closed.then(watcher);
      });
    },
    async stop(graceMs = 5_000) {
      if (ended !== undefined) return ended;
      signalGroup(pid, "SIGTERM");
      const abort = new AbortController();
      const grace = delay(graceMs, undefined, { signal: abort.signal }).catch(() => undefined);
      await Promise.race([exited, grace]);
      abort.abort();
      signalGroup(pid, "SIGKILL");
      return await exited;
    },
    async kill() {
      if (ended === undefined) signalGroup(pid, "SIGKILL");
      return await exited;
    },
  };
}

/**
 * Runs a command to its end and hands back what it wrote; a non-zero code is a result, not an error.
 * @throws when it cannot be started, or runs longer than `timeoutMs` (default 60,000).
 */
export async function runCommand(
  options: ProcessOptions & { readonly input?: string; readonly timeoutMs?: number },
): Promise<CommandResult> {
  const { name, command, args = [], timeoutMs = 60_000 } = options;
  const child = spawn(command, args, {
    cwd: options.cwd,
    env: options.env ?? process.env,
    detached: true,
    stdio: ["pipe", "pipe", "pipe"],
  });
  let stdout = "";
  let stderr = "";
  child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
  child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
  // A command that does not read its input may close it early.
  child.stdin.on("error", () => {});
  child.stdin.end(options.input ?? "");
  return await new Promise<CommandResult>((resolve, reject) => {
    let expired = false;
    const kill = (): void => {
      if (child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
    };
    const forget = atExit(kill);
    const timer = setTimeout(() => {
      expired = true;
      kill();
    }, timeoutMs);
    child.once("error", (error) => {
      clearTimeout(timer);
      forget();
      reject(new Error(`cannot start ${name}: ${error.message}`));
    });
    child.once("close", (code, signal) => {
      clearTimeout(timer);
      forget();
      if (expired) {
        reject(new Error(`${name} ran longer than ${timeoutMs} ms:\n${stdout}${stderr}`));
        return;
      }
      const exitCode = code ?? 128 + (signal === null ? 0 : constants.signals[signal]);
      resolve({ code: exitCode, stdout, stderr });
    });
  });
}

/** Like {@link runCommand}, but a non-zero code is an error that holds the output. */
export async function runOrThrow(
  options: ProcessOptions & { readonly input?: string; readonly timeoutMs?: number },
): Promise<CommandResult> {
  const result = await runCommand(options);
  if (result.code !== 0) {
    throw new Error(
      `${options.name} failed (code ${result.code}):\n${result.stdout}${result.stderr}`,
    );
  }
  return result;
}
