import {
  type TerminalClient,
  type TerminalLogin,
  createTerminal,
  hasTerminalClient,
} from "./terminal.ts";

/** A person's terminal client, in a tmux of its own. */
export type Profanity = TerminalClient;

export type ProfanityLogin = TerminalLogin;

/** True when both profanity and tmux are installed. */
export function hasProfanity(): boolean {
  return hasTerminalClient("profanity");
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
  const terminal = createTerminal("profanity");
  const { type, screen, waitForScreen, stop } = terminal;
  try {
    await terminal.run("profanity");
    await waitForScreen(/Profanity/i);
    await type(`/connect ${login.jid} server 127.0.0.1 port ${login.port} tls trust`);
    await waitForScreen(/Enter password/i);
    await type(login.password);
    await waitForScreen(/logged in successfully/i);
  } catch (error) {
    await stop();
    throw error;
  }
  const show = async (room: string): Promise<void> => await type(`/win ${room}`);
  return {
    type,
    screen,
    waitForScreen,
    stop,
    async join(room, { nick, password }) {
      await type(
        `/join ${room} nick ${nick}${password === undefined ? "" : ` password ${password}`}`,
      );
      await waitForScreen(new RegExp(`You have joined the room as ${nick}`));
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
