/**
 * An account's password while it runs. What stands in the configuration, and a SecretRef, change by a
 * restart of the account, which is the host's; a password file is read anew for each login.
 */
import type { ConnectionState, Logger } from "../client/types.ts";
import type { XmppAccount } from "./account.ts";
import { describeProblems } from "./account-problems.ts";
import { resolvePassword } from "./account-password.ts";

/** How soon a refused account hears of another password, in ms. */
const LOOK_EVERY_MS = 1_000;

export type LivePassword = {
  /** For one login. @throws Error where the file cannot be read, saying which and why */
  read(): string;
  /** A login that was refused is tried again once the file holds another password. @returns a function that ends it */
  watch(session: {
    start(): void;
    onState(listener: (state: ConnectionState) => void): () => void;
  }): () => void;
};

export function createLivePassword(account: XmppAccount, log: Logger): LivePassword {
  const { accountId, config, passwordSource } = account;
  let last = account.password;

  function look() {
    return resolvePassword(config, accountId, (key) => key);
  }

  return {
    read() {
      if (passwordSource !== "passwordFile") return account.password;
      const { password, problem } = look();
      if (problem) throw new Error(describeProblems([problem]));
      last = password;
      return password;
    },
    watch(session) {
      if (passwordSource !== "passwordFile") return () => {};
      let timer: NodeJS.Timeout | undefined;
      const off = session.onState((state) => {
        clearInterval(timer);
        if (state.kind !== "refused") return;
        timer = setInterval(() => {
          const { password } = look();
          if (!password || password === last) return;
          log.info("passwordFile holds another password: logging in again");
          session.start();
        }, LOOK_EVERY_MS);
        timer.unref();
      });
      return () => {
        clearInterval(timer);
        off();
      };
    },
  };
}
