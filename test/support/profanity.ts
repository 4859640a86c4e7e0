import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { join } from "node:path";

import { atExit, createTempDir } from "./at-exit.ts";
import { runCommand, runOrThrow } from "./process.ts";
import { waitFor } from "./wait.ts";

/** A person's terminal client, in a tmux of its own. */
export interface Profanity {
  /** Types a line (a command or a message) and presses Enter. */
  type(line: string): Promise<void>;
  /** What is on the screen now. */
  screen(): Promise<string>;
  /** Waits until the screen shows `pattern` (default 15,000 ms) and returns the screen. */
  waitForScreen(pattern: RegExp, timeoutMs?: number): Promise<string>;
  stop(): Promise<void>;
}

export interface ProfanityLogin {
  readonly jid: string;
  readonly password: string;
  /** Port of 127.0.0.1. */
  readonly port: number;
}

/** True when both profanity and tmux are installed. */
export function hasProfanity(): boolean {
  return existsSync("/usr/bin/profanity") && existsSync("/usr/bin/tmux");
}

/**
 * Starts profanity with a home of its own and logs it in; the certificate is trusted unseen, since
 * profanity takes no authority file.
 * @throws with the last screen when the login does not succeed.
 */
export async function startProfanity(login: ProfanityLogin): Promise<Profanity> {
  if (!hasProfanity()) {
    throw new Error(
      "profanity or tmux is missing; this installs them: apt-get install -y profanity tmux",
    );
  }
  const temp = createTempDir("profanity");
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

  const screen = async (): Promise<string> => await tmux("capture-pane", "-p", "-t", "prof");
  const type = async (line: string): Promise<void> => {
    await tmux("send-keys", "-t", "prof", "-l", line);
    await tmux("send-keys", "-t", "prof", "Enter");
  };
  const waitForScreen: Profanity["waitForScreen"] = async (pattern, timeoutMs = 15_000) => {
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
  };
  const stop = async (): Promise<void> => {
    await runCommand({ name: "tmux", command: "tmux", args: ["-L", socket, "kill-server"], env });
    forget();
    temp.remove();
  };

  try {
    await tmux("new-session", "-d", "-s", "prof", "-x", "160", "-y", "50", "profanity");
    await waitForScreen(/Profanity/i);
    await type(`/connect ${login.jid} server 127.0.0.1 port ${login.port} tls trust`);
    await waitForScreen(/Enter password/i);
    await type(login.password);
    await waitForScreen(/logged in successfully/i);
  } catch (error) {
    await stop();
    throw error;
  }
  return { type, screen, waitForScreen, stop };
}
