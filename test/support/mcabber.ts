import { writeFileSync } from "node:fs";
import { join } from "node:path";

import {
  type TerminalClient,
  type TerminalLogin,
  createTerminal,
  hasTerminalClient,
} from "./terminal.ts";

/** A person on mcabber: a library (loudmouth) and ideas of its own, older than most XEPs. */
export type Mcabber = TerminalClient;

/**
 * Starts mcabber with a home of its own and logs it in; it trusts any certificate.
 * @throws with the last screen when the login does not succeed.
 */
export async function startMcabber(login: TerminalLogin): Promise<Mcabber> {
  if (!hasTerminalClient("mcabber")) {
    throw new Error(
      "mcabber or tmux is missing; this installs them: apt-get install -y mcabber tmux",
    );
  }
  const terminal = createTerminal("mcabber");
  const { type, screen, waitForScreen, stop } = terminal;
  const config = join(terminal.home, "mcabberrc");
  const settings = {
    jid: login.jid,
    password: login.password,
    server: "127.0.0.1",
    port: login.port,
    tls: 1,
    ssl_ignore_checks: 1,
    roster_width: 30,
    log_win_height: 10,
  };
  const lines = Object.entries(settings).map(([key, value]) => `set ${key} = ${value}\n`);
  writeFileSync(config, lines.join(""), { mode: 0o600 });
  try {
    await terminal.run("mcabber", "-f", config);
    await waitForScreen(/Your status has been set/);
  } catch (error) {
    await stop();
    throw error;
  }
  const show = async (room: string): Promise<void> => {
    await type(`/roster search ${room}`);
    await type(""); // from its list of people into the chosen one's window
  };
  return {
    type,
    screen,
    waitForScreen,
    stop,
    async join(room, { nick, password = "" }) {
      await type(`/room join ${room} ${nick} ${password}`.trimEnd());
      await waitForScreen(new RegExp(`You have joined ${room.slice(0, 20)}`));
      await show(room);
    },
    async say(room, text) {
      await show(room);
      await type(text);
    },
    async see(room, pattern, timeoutMs) {
      await show(room);
      return await waitForScreen(pattern, timeoutMs);
    },
  };
}
