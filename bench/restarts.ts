/**
 * How long after the server's return an account is online again and in its rooms; and how many logins a
 * second twenty accounts make of it. Part of `npm run bench`; `node bench/restarts.ts --long` writes the
 * figures of docs/reliability.md.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";

import { REPOSITORY } from "../test/support/gateway.ts";
import { type Outage, outage, peak, withAccounts } from "../test/support/restarts.ts";
import { writeReport } from "./report.ts";
import { median, ms, table } from "./statistics.ts";

const ROOMS = 5;

function row(what: string, times: readonly number[], logins: string): string[] {
  return [what, String(times.length), ms(median(times)), ms(Math.max(...times)), logins];
}

/** The tables; 20 restarts with one account, then some with twenty. */
export async function restartsTable(isLong: boolean): Promise<string> {
  const lengths = isLong
    ? [0, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 60_000, 180_000]
    : [0, 200, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000];
  const rows: string[][] = [];
  const all = await withAccounts(1, ROOMS, async (prosody, accounts) => {
    const times: Record<Outage["how"], number[]> = { kill: [], shutDown: [] };
    for (const length of lengths) {
      for (const how of ["kill", "shutDown"] as const) {
        const done = await outage(prosody, accounts, { how, ms: length });
        times[how].push(...done.times);
        process.stderr.write(
          `${how}, away ${length} ms: back ${ms(done.times[0] ?? 0)} ms after\n`,
        );
      }
    }
    return times;
  });
  rows.push(row("1 account, kill -9", all.kill, ""));
  rows.push(row("1 account, orderly", all.shutDown, ""));
  rows.push(row("1 account, all", [...all.kill, ...all.shutDown], ""));
  await withAccounts(20, ROOMS, async (prosody, accounts) => {
    for (const length of [0, 5_000, isLong ? 120_000 : 10_000]) {
      const { times, logins } = await outage(prosody, accounts, { how: "kill", ms: length });
      const rate = `${peak(logins)} (${logins.length} in all)`;
      rows.push(row(`20 accounts, kill -9, away ${length / 1000} s`, times, rate));
      process.stderr.write(`${rows.at(-1)?.join(", ")}\n`);
    }
  });
  const longest = Math.max(...lengths) / 1000;
  return [
    `Measured by \`node bench/restarts.ts${isLong ? " --long" : ""}\`: a real Prosody is ended and brought back, away for up to ${longest} s. Times count from its port's first answer to the last of ${ROOMS} rooms.`,
    table(["", "returns", "median, ms", "worst, ms", "most logins in a second"], rows),
  ].join("\n\n");
}

if (import.meta.filename === process.argv[1]) {
  const { values } = parseArgs({
    options: { long: { type: "boolean" }, "dry-run": { type: "boolean" } },
  });
  const report = await restartsTable(values.long === true);
  process.stdout.write(`${report}\n`);
  if (values["dry-run"] !== true) {
    writeReport(join(REPOSITORY, "docs/reliability.md"), report, "restarts");
  }
}
