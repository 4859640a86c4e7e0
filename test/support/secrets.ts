/**
 * What must not stand in any log of the run, and the logs themselves: kept in the folder that
 * test/support/redaction.ts made for the run, which looks through them at its end.
 */
import { appendFileSync } from "node:fs";
import { join } from "node:path";

/** The environment variable that names the folder. */
export const RUN_LOGS = "OPENCLAW_XMPP_RUN_LOGS";
export const SECRETS_FILE = "secrets.jsonl";

/** Notes a secret, and gives it back. `what` is told where it is found. */
export function secret(what: string, value: string): string {
  const directory = process.env[RUN_LOGS];
  if (directory)
    appendFileSync(join(directory, SECRETS_FILE), `${JSON.stringify({ what, value })}\n`);
  return value;
}

/** Keeps what a process wrote. */
export function keepLog(name: string, text: string): void {
  const directory = process.env[RUN_LOGS];
  if (directory) appendFileSync(join(directory, `${name.replaceAll(/[^\w.-]+/g, "_")}.log`), text);
}
