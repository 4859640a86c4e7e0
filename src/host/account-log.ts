/** An account's lines in the host's log, from `logLevel` on. */
import type { ChannelGatewayContext } from "openclaw/plugin-sdk/channel-contract";
import type { Logger } from "../client/types.ts";

export const LOG_LEVELS = ["silent", "error", "warn", "info", "debug"] as const;
export type LogLevel = (typeof LOG_LEVELS)[number];
export const DEFAULT_LOG_LEVEL: LogLevel = "info";

export type AccountLog = Logger & { setLevel(level: LogLevel | undefined): void };

/** With `debug` an account's details are shown whatever level the host's log has. */
export function createAccountLog(
  accountId: string,
  log: ChannelGatewayContext["log"],
  initial: LogLevel | undefined,
): AccountLog {
  let level = LOG_LEVELS.indexOf(initial ?? DEFAULT_LOG_LEVEL);
  const line = (message: string) => `[${accountId}] ${message}`;
  const shows = (wanted: LogLevel) => level >= LOG_LEVELS.indexOf(wanted);
  return {
    setLevel: (next) => void (level = LOG_LEVELS.indexOf(next ?? DEFAULT_LOG_LEVEL)),
    debug(message) {
      if (shows("debug")) log?.info(line(message));
      else if (shows("info")) log?.debug?.(line(message));
    },
    info: (message) => void (shows("info") && log?.info(line(message))),
    warn: (message) => void (shows("warn") && log?.warn(line(message))),
    error: (message) => void (shows("error") && log?.error(line(message))),
  };
}
