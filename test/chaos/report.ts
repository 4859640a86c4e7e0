/** A run in words: for the terminal, and for docs/reliability.md. */
import { percentile, table } from "../../bench/statistics.ts";
import type { Finding } from "./audit.ts";
import type { ChaosResult, Injected } from "./chaos.ts";
import { FAULT_KINDS } from "./schedule.ts";

const KINDS = ["lost", "doubled", "out of order", "asked twice", "lost by the server"] as const;

/** The faults that were at work from a little before the model was asked, or the message said, until a little after. */
function near({ at, askedAt = at }: Finding, faults: readonly Injected[]): string {
  const around = faults.filter(
    ({ from, until, onlineAt }) =>
      from <= askedAt + 15_000 && (onlineAt ?? until) >= askedAt - 5_000,
  );
  return around.map(({ number, kind }) => `${number} ${kind}`).join(", ") || "none";
}

/** What went wrong, a line each, with the faults around it. */
export function findingLines({ findings, faults, options }: ChaosResult): string[] {
  return findings.map(
    (finding) =>
      `${finding.kind}: ${finding.text}, said ${time(finding.at)}, asked ${time(finding.askedAt)}: ${finding.detail}; faults: ${near(finding, faults)}; seed ${options.seed}`,
  );
}

const time = (at: number | undefined): string =>
  at === undefined ? "never" : new Date(at).toISOString();

function seconds(ms: number): string {
  return Number.isNaN(ms) ? "–" : (ms / 1_000).toFixed(1);
}

function faultTable(faults: readonly Injected[]): string {
  const rows = FAULT_KINDS.flatMap((kind) => {
    const own = faults.filter((fault) => fault.kind === kind);
    if (own.length === 0) return [];
    const back = own.flatMap(({ until, onlineAt }) =>
      onlineAt === undefined ? [] : [onlineAt - until],
    );
    const times = [0.5, 1].map((share) => seconds(percentile(back, share)));
    return [[kind, String(own.length), String(back.length), ...times]];
  });
  return table(
    ["fault", "times", "of these waited for", "online after, s (median)", "(longest)"],
    rows,
  );
}

/** Markdown. */
export function chaosReport(result: ChaosResult): string {
  const { options, faults, said, answered, findings, begunAgain, questions } = result;
  const counts = KINDS.map((kind) => [
    kind,
    String(findings.filter((finding) => finding.kind === kind).length),
  ]);
  const notices = [...Map.groupBy(result.otherTexts, (text) => text.slice(0, 80))];
  return [
    `\`npm run chaos -- --faults ${faults.length} --seed ${options.seed}\`, Node ${process.version}, ${seconds(result.tookMs)} s: ${said} messages accepted by the server, ${answered} answered, ${questions} questions to the model.`,
    table(["outcome", "messages"], counts),
    ...(findings.length === 0
      ? []
      : [
          findingLines(result)
            .map((line) => `- ${line}`)
            .join("\n"),
        ]),
    `Turns begun again because the Gateway had died in their midst: ${begunAgain.length}. Texts besides answers: ${result.otherTexts.length}${notices.map(([text, all]) => `; ${all.length} × “${text}”`).join("")}. Crash-loop breaker overridden: ${result.overrides} times.`,
    faultTable(faults),
    ...result.remarks,
  ].join("\n\n");
}
