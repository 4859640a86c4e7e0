import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { atExit, createTempDir } from "./at-exit.ts";
import { runCommand, runOrThrow } from "./process.ts";
import { waitFor } from "./wait.ts";

/** A program on a screen and keyboard of its own: in a tmux nobody else sees. */
export interface Terminal {
  /** Its home, with the folders `config` and `data`; private, and gone with it. */
  readonly home: string;
  /** Starts the program; once. */
  run(...command: string[]): Promise<void>;
  /** Types a line and presses Enter. */
  type(line: string): Promise<void>;
  /** Types, without Enter. */
  write(text: string): Promise<void>;
  /** Presses keys by tmux's names of them: "Down", "Tab", "C-c". */
  press(...keys: string[]): Promise<void>;
  /** What is on the screen now, and (with `past`) what has gone off its top. */
  screen(options?: { readonly past?: boolean }): Promise<string>;
  /** Waits until the screen shows `pattern` (default 60,000 ms) and returns the screen. */
  waitForScreen(pattern: RegExp, timeoutMs?: number): Promise<string>;
  stop(): Promise<void>;
}

/** True when both a terminal client and tmux are installed. */
export function hasTerminalClient(command: string): boolean {
  return existsSync(`/usr/bin/${command}`) && existsSync("/usr/bin/tmux");
}

/** A terminal of 160 by 50, to run `purpose` in. */
export function createTerminal(purpose: string): Terminal {
  const temp = createTempDir(purpose);
  const home = temp.path;
  mkdirSync(join(home, "config"));
  mkdirSync(join(home, "data"));
  const socket = `openclaw-xmpp-${randomUUID()}`;
  const { PATH } = process.env;
  const env = {
    PATH,
    HOME: home,
    XDG_CONFIG_HOME: join(home, "config"),
    XDG_DATA_HOME: join(home, "data"),
    TMUX_TMPDIR: home,
    TERM: "xterm-256color",
    LANG: "C.UTF-8",
  };
  const tmux = async (...args: string[]): Promise<string> =>
    (
      await runOrThrow({
        name: "tmux",
        command: "tmux",
        args: ["-L", socket, "-f", "/dev/null", ...args],
        env,
      })
    ).stdout;
  // tmux makes its server a daemon: ending the session by its own socket is what reaches it.
  const forget = atExit(() => spawnSync("tmux", ["-L", socket, "kill-server"], { env }));

  const screen: Terminal["screen"] = async ({ past = false } = {}) =>
    await tmux("capture-pane", "-p", "-t", "main", ...(past ? ["-S", "-"] : []));
  return {
    home,
    screen,
    async run(...command) {
      await tmux("new-session", "-d", "-s", "main", "-x", "160", "-y", "50", ...command);
    },
    async type(line) {
      if (line !== "") await tmux("send-keys", "-t", "main", "-l", line);
      await tmux("send-keys", "-t", "main", "Enter");
    },
    async write(text) {
      await tmux("send-keys", "-t", "main", "-l", text);
    },
    async press(...keys) {
      await tmux("send-keys", "-t", "main", ...keys);
    },
    async waitForScreen(pattern, timeoutMs = 60_000) {
      let last = "";
      const shows = async (): Promise<string | false> => {
        last = await screen();
        return pattern.test(last) && last;
      };
      return await waitFor(shows, {
        what: `${pattern} on the screen`,
        timeoutMs,
        evidence: () => last,
      });
    },
    async stop() {
      await runCommand({ name: "tmux", command: "tmux", args: ["-L", socket, "kill-server"], env });
      forget();
      temp.remove();
    },
  };
}

export interface TerminalLogin {
  readonly jid: string;
  readonly password: string;
  /** Port of 127.0.0.1. */
  readonly port: number;
}

/** A person's client in a terminal, with what all of them can do in rooms. */
export interface TerminalClient extends Omit<Terminal, "run" | "home" | "press" | "write"> {
  /** Enters a room and resolves when the client says that it is in. Its window comes up. */
  join(room: string, options: { readonly nick: string; readonly password?: string }): Promise<void>;
  /** Says something in a room that was joined. Its window comes up. */
  say(room: string, text: string): Promise<void>;
  /** Brings a joined room's window up and waits until it shows `pattern`. */
  see(room: string, pattern: RegExp, timeoutMs?: number): Promise<string>;
}
