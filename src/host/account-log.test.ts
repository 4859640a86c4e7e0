import { describe, expect, it } from "vitest";
import { createAccountLog, LOG_LEVELS, type LogLevel } from "./account-log.ts";

/** What the host's log gets of one line of each level. */
function linesAt(level: LogLevel | undefined): string[] {
  const lines: string[] = [];
  const keep = (name: string) => (message: string) => void lines.push(`${name} ${message}`);
  const host = {
    debug: keep("debug"),
    info: keep("info"),
    warn: keep("warn"),
    error: keep("error"),
  };
  const log = createAccountLog("work", host, "silent");
  log.error("before");
  log.setLevel(level);
  log.debug?.("d");
  log.info("i");
  log.warn("w");
  log.error("e");
  return lines;
}

describe("logLevel", () => {
  it("is info where nothing is said; details are the host's to show", () => {
    const all = ["debug [work] d", "info [work] i", "warn [work] w", "error [work] e"];
    expect(linesAt(undefined)).toEqual(all);
    expect(linesAt("info")).toEqual(all);
  });

  it("hides what is below it, and shows details with debug", () => {
    expect(LOG_LEVELS.map((level) => linesAt(level).length)).toEqual([0, 1, 2, 4, 4]);
    expect(linesAt("debug")[0]).toBe("info [work] d");
    expect(linesAt("error")).toEqual(["error [work] e"]);
  });
});
