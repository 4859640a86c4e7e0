/** What is wrong with an account's configuration, by config key. */
import type { XmppAccountConfig } from "./config-schema.ts";

export type ConfigProblem = { path: string; problem: string };
export type ConfigKey = keyof XmppAccountConfig & string;
/** The config path of one of an account's keys, as the operator wrote it or would write it. */
export type KeyPath = (key: ConfigKey) => string;

/** One line a problem, ready for a status or a log. */
export function describeProblems(problems: readonly ConfigProblem[]): string {
  return problems.map(({ path, problem }) => `${path}: ${problem}`).join("; ");
}
