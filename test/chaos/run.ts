/**
 * `npm run chaos [-- --faults 200 --seed 1 --only cut,server-kill --dry-run]`: the fault suite. Prints
 * Markdown and writes it into docs/reliability.md, unless it is a dry run. Ends with 1 when a message was
 * lost, doubled or answered out of order. Needs `npm run pack`, Prosody and slixmpp; as root, the state
 * directory's disk is full now and then.
 */
import { join } from "node:path";
import { parseArgs } from "node:util";

import { writeReport } from "../../bench/report.ts";
import { REPOSITORY } from "../support/gateway.ts";
import { runChaos } from "./chaos.ts";
import { chaosReport } from "./report.ts";
import { FAULT_KINDS, type FaultKind } from "./schedule.ts";

function isFaultKind(word: string): word is FaultKind {
  return (FAULT_KINDS as readonly string[]).includes(word);
}

const { values } = parseArgs({
  options: {
    faults: { type: "string", default: "200" },
    seed: { type: "string", default: "1" },
    only: { type: "string" },
    "dry-run": { type: "boolean" },
  },
});
const faults = Number(values.faults);
const seed = Number(values.seed);
if (!Number.isInteger(faults) || faults < 1) throw new Error("--faults wants a whole number");
if (!Number.isInteger(seed)) throw new Error("--seed wants a whole number");
const kinds = values.only?.split(",").map((word) => {
  if (!isFaultKind(word)) throw new Error(`--only: ${word} is none of ${FAULT_KINDS.join(", ")}`);
  return word;
});
const result = await runChaos({ seed, faults, ...(kinds === undefined ? {} : { kinds }) });
const report = chaosReport(result);
process.stdout.write(`${report}\n\nThe log of the run: ${result.logFile}\n`);
if (values["dry-run"] !== true)
  writeReport(join(REPOSITORY, "docs/reliability.md"), report, "chaos");
process.exitCode = result.findings.length === 0 ? 0 : 1;
