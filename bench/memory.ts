import { setTimeout as delay } from "node:timers/promises";

import type { ConfigObject, Gateway } from "../test/support/gateway.ts";
import { median, table } from "./statistics.ts";

/** Median resident megabytes over three seconds, after the start has settled for two. */
async function residentMegabytes(gateway: Gateway): Promise<number> {
  await delay(2_000);
  const samples: number[] = [];
  for (let sample = 0; sample < 30; sample++) {
    samples.push(gateway.residentBytes() / 1e6);
    await delay(100);
  }
  return median(samples);
}

/**
 * Starts the Gateway anew with no channel, with each channel alone and with both, and reads its memory.
 * @param channels the `channels` object that enables both
 */
export async function memoryTable(
  gateway: Gateway,
  channels: Readonly<Record<"xmpp" | "irc", ConfigObject>>,
): Promise<string> {
  const settings: ReadonlyArray<readonly [string, ReadonlyArray<"xmpp" | "irc">]> = [
    ["no channel", []],
    ["XMPP", ["xmpp"]],
    ["IRC", ["irc"]],
    ["both", ["xmpp", "irc"]],
  ];
  const rows: string[][] = [];
  let without = 0;
  for (const [name, enabled] of settings) {
    await gateway.halt();
    const chosen = Object.fromEntries(
      (["xmpp", "irc"] as const).map((id) => [
        id,
        { ...channels[id], enabled: enabled.includes(id) },
      ]),
    );
    gateway.writeConfig({ ...gateway.readConfig(), channels: chosen });
    await gateway.resume();
    const resident = await residentMegabytes(gateway);
    if (enabled.length === 0) without = resident;
    rows.push([name, resident.toFixed(0), (resident - without).toFixed(0)]);
  }
  return table(["channels enabled", "resident, MB", "more than none, MB"], rows);
}
