/**
 * `npm run bench [-- --rounds 60]`: XMPP and IRC beside each other in one Gateway. Prints Markdown and
 * writes it into docs/performance.md. Needs `npm run pack`, Prosody and ngircd; @openclaw/irc is
 * installed from npm, since the host trusts it in no other way.
 */
import { cpus } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { UNHURRIED } from "../test/support/limits.ts";
import { REPOSITORY, startGateway } from "../test/support/gateway.ts";
import type { ConfigObject } from "../test/support/gateway.ts";
import { connectIrc, startNgircd } from "../test/support/irc.ts";
import type { IrcServer } from "../test/support/irc.ts";
import { startProsody } from "../test/support/prosody.ts";
import type { Prosody } from "../test/support/prosody.ts";
import { connectRawXmpp } from "../test/support/raw-xmpp.ts";
import { startStubModel } from "../test/support/stub-model.ts";
import { waitFor } from "../test/support/wait.ts";
import { loadTimeTable } from "./load-time.ts";
import { loginTable } from "./login.ts";
import { memoryTable } from "./memory.ts";
import { occupantMemoryTable, presenceFloodTable } from "./occupants.ts";
import { writeReport } from "./report.ts";
import { restartsTable } from "./restarts.ts";
import { roomsTable } from "./rooms-500.ts";
import { askOverIrc, askOverXmpp, measureRoundTrips, roundTripTable } from "./round-trip.ts";

const BOT = "bot";
const PASSWORD = "bench";

function channelConfig(
  prosody: Prosody,
  irc: IrcServer,
): Readonly<Record<"xmpp" | "irc", ConfigObject>> {
  const open = { enabled: true, dmPolicy: "open", allowFrom: ["*"] };
  return {
    xmpp: {
      ...open,
      jid: `${BOT}@${prosody.domain}`,
      password: PASSWORD,
      server: `127.0.0.1:${prosody.ports.c2s}`,
      tls: { caFile: prosody.caFile },
      limits: UNHURRIED,
    },
    irc: { ...open, host: "127.0.0.1", port: irc.port, tls: false, nick: BOT },
  };
}

function progress(what: string): void {
  process.stderr.write(`${what} …\n`);
}

/** The tables of one run. */
async function bench(rounds: number): Promise<string> {
  const stops: Array<() => Promise<void>> = [];
  try {
    progress("servers");
    const [prosody, irc, model] = await Promise.all([
      startProsody(),
      startNgircd(),
      startStubModel(),
    ]);
    stops.push(prosody.stop, irc.stop, model.stop);
    await prosody.register(BOT, PASSWORD);
    const alice = { jid: await prosody.register("alice", PASSWORD), password: PASSWORD };
    const channels = channelConfig(prosody, irc);

    progress("Gateway with both channels");
    const gateway = await startGateway({
      modelUrl: model.baseUrl,
      plugins: [
        // The package as it is published (`npm run pack`), so that compiled code is compared with compiled code.
        { kind: "path", path: join(REPOSITORY, "build/package") },
        { kind: "npm", spec: "@openclaw/irc@2026.9.5" },
      ],
      // Each person has a conversation of its own, so that neither channel answers for the other's history.
      config: {
        channels,
        session: { dmScope: "per-channel-peer" },
        plugins: { allow: ["xmpp", "irc"] },
      },
    });
    stops.push(gateway.stop);

    progress(`${rounds} round trips each`);
    const { caFile } = prosody;
    const xmppAlice = await connectRawXmpp({ ...alice, port: prosody.ports.c2sTls, caFile });
    stops.push(xmppAlice.stop);
    const ircAlice = await connectIrc(irc.port, "alice");
    stops.push(ircAlice.quit);
    await waitFor(async () => await ircAlice.isOnline(BOT), { what: "the bot on IRC" });
    const trips = await measureRoundTrips(
      {
        xmpp: askOverXmpp(xmppAlice, `${BOT}@${prosody.domain}`),
        irc: askOverIrc(ircAlice, BOT),
      },
      rounds,
      5,
    );
    const roundTrips = roundTripTable(trips);

    progress("memory");
    const memory = await memoryTable(gateway, channels);
    await gateway.halt();
    progress("login");
    const login = await loginTable(prosody, alice, 15);
    progress("module load");
    const load = await loadTimeTable(9);
    progress("occupants");
    const occupants = await occupantMemoryTable();
    const flood = await presenceFloodTable(5);
    progress("500 rooms");
    const rooms = await roomsTable();
    progress("restarts of the server");
    const restarts = await restartsTable(false);
    return [
      `Measured by \`npm run bench\` on ${cpus().length} cores (${cpus()[0]?.model.trim()}), Node ${process.version}.`,
      `Round trip: a direct message, the stub model, the answer; ${rounds} rounds on each channel in one Gateway, taking turns. IRC is @openclaw/irc with ngircd, without TLS; XMPP is Prosody with TLS.`,
      roundTrips,
      login,
      load,
      memory,
      occupants,
      flood,
      rooms,
      restarts,
    ].join("\n\n");
  } finally {
    for (const stop of stops.toReversed()) {
      await stop().catch((error: unknown) =>
        process.stderr.write(`while stopping: ${String(error)}\n`),
      );
    }
  }
}

const { values } = parseArgs({
  options: { rounds: { type: "string", default: "60" }, "dry-run": { type: "boolean" } },
});
const rounds = Number(values.rounds);
if (!Number.isInteger(rounds) || rounds < 1) throw new Error("--rounds wants a whole number");
const report = await bench(rounds);
process.stdout.write(`${report}\n`);
if (values["dry-run"] !== true) writeReport(join(REPOSITORY, "docs/performance.md"), report);
