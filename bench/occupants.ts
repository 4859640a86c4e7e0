import { fileURLToPath } from "node:url";

import { runOrThrow } from "../test/support/process.ts";
import { prepareOccupants, presenceXml } from "./occupant-presences.ts";
import { median, ms, table } from "./statistics.ts";

/** The system's Python: another one in front on PATH would not have slixmpp. */
const PYTHON = "/usr/bin/python3";
const ROOM = "crowd@conference.example.org";
const CHANGES = 100_000;

interface Cost {
  /** Heap that stays for each occupant. */
  readonly bytes: number;
  /** CPU time of the presence changes. */
  readonly cpuMs: number;
}

function beside(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}

/** One fresh process, so that no heap is shared. */
async function measure(keep: "nothing" | "stanzas" | "rooms", count: number): Promise<Cost> {
  const { stdout } = await runOrThrow({
    name: `occupants ${keep}`,
    command: process.execPath,
    args: ["--expose-gc", beside("occupants-child.ts"), keep, String(count), String(CHANGES)],
    timeoutMs: 120_000,
  });
  return JSON.parse(stdout) as Cost;
}

async function slixmppBytes(count: number): Promise<number> {
  prepareOccupants(count);
  const lines = Array.from({ length: count }, (_, index) => presenceXml(ROOM, index, 1));
  const { stdout } = await runOrThrow({
    name: "occupants slixmpp",
    command: PYTHON,
    args: [beside("occupants-slixmpp.py"), ROOM],
    input: lines.join("\n"),
    timeoutMs: 120_000,
  });
  return (JSON.parse(stdout) as { bytes: number }).bytes;
}

/** What is kept of each occupant: by our rooms, by slixmpp, and if one kept the presence itself. */
export async function occupantMemoryTable(): Promise<string> {
  const rows: string[][] = [];
  for (const count of [5_000, 20_000]) {
    const [none, ours, stanzas] = [
      await measure("nothing", count),
      await measure("rooms", count),
      await measure("stanzas", count),
    ];
    const theirs = await slixmppBytes(count);
    const own = ours.bytes - none.bytes;
    rows.push([
      `${count}`,
      own.toFixed(0),
      theirs.toFixed(0),
      (stanzas.bytes - none.bytes).toFixed(0),
      (own / theirs).toFixed(2),
    ]);
  }
  return table(
    [
      "occupants",
      "this plugin, bytes each",
      "slixmpp, bytes each",
      "stanzas, bytes each",
      "ratio to slixmpp",
    ],
    rows,
  );
}

/** CPU time of a flood of presence changes through the parser alone, and with our rooms behind it. */
export async function presenceFloodTable(runs: number): Promise<string> {
  const parser: number[] = [];
  const rooms: number[] = [];
  for (let run = 0; run < runs; run++) {
    parser.push((await measure("nothing", 5_000)).cpuMs);
    rooms.push((await measure("rooms", 5_000)).cpuMs);
  }
  const [alone, both] = [median(parser), median(rooms)];
  return table(
    [`${CHANGES} presence changes, CPU`, "parser, ms", "parser and rooms, ms", "ratio"],
    [["5000 occupants", ms(alone), ms(both), (both / alone).toFixed(2)]],
  );
}
