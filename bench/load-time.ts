import { existsSync } from "node:fs";
import { join } from "node:path";

import { REPOSITORY } from "../test/support/gateway.ts";
import { runOrThrow } from "../test/support/process.ts";
import { median, ms, table } from "./statistics.ts";

/** Milliseconds to import `file` in a process of its own, without a compile cache. */
async function importOnce(file: string): Promise<number> {
  const script = `const t = performance.now(); await import(${JSON.stringify(file)});
    console.log(performance.now() - t); process.exit(0);`;
  const { NODE_COMPILE_CACHE: _, ...env } = process.env;
  const { stdout } = await runOrThrow({
    name: `import ${file}`,
    command: process.execPath,
    args: ["--input-type=module", "-e", script],
    cwd: REPOSITORY,
    env,
  });
  return Number(stdout.trim().split("\n").at(-1));
}

/** Median import times of the built entries of both plugins, taking turns. */
export async function loadTimeTable(runs: number): Promise<string> {
  const entries = ["index.js", "setup-entry.js"];
  const folders = {
    xmpp: join(REPOSITORY, "build/package/dist"),
    irc: join(REPOSITORY, "node_modules/@openclaw/irc/dist"),
  };
  const rows: string[][] = [];
  for (const entry of entries) {
    const files = { xmpp: join(folders.xmpp, entry), irc: join(folders.irc, entry) };
    if (!existsSync(files.xmpp)) throw new Error(`${files.xmpp} is missing: npm run pack`);
    const times = { xmpp: [] as number[], irc: [] as number[] };
    for (let run = 0; run < runs; run++) {
      times.xmpp.push(await importOnce(files.xmpp));
      times.irc.push(await importOnce(files.irc));
    }
    const ours = median(times.xmpp);
    const theirs = median(times.irc);
    rows.push([entry, ms(ours), ms(theirs), (ours / theirs).toFixed(2)]);
  }
  return table(["module load, median", "XMPP, ms", "IRC, ms", "ratio"], rows);
}
