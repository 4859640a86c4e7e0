import { createRooms } from "../src/client/rooms.ts";
import { bareJid } from "../src/protocol/jid.ts";
import { capsOf } from "../src/protocol/xep-0115-caps.ts";
import { createPlainSession, SILENT } from "../test/support/plain-session.ts";
import { type Prosody, startProsody } from "../test/support/prosody.ts";
import { startTcpProxy } from "../test/support/tcp-proxy.ts";
import { waitFor } from "../test/support/wait.ts";
import { ms, table } from "./statistics.ts";

const COUNT = 500;
/** Each way: a server in another country. */
const DELAY_MS = 25;
const CAPS = capsOf({ identities: [], features: [], forms: [] }, "https://example.org/bench");

/** Milliseconds from the first join to the last self-presence, on a fresh login. */
async function enterAll(
  { caFile }: Prosody,
  port: number,
  account: string,
  all: readonly string[],
  parallelJoins: number,
): Promise<number> {
  const session = createPlainSession({ jid: account, password: "bench", port, caFile });
  const rooms = createRooms({ session, log: SILENT, nick: "bench", caps: CAPS, parallelJoins });
  session.start();
  try {
    await waitFor(() => session.state.kind === "online", { what: "the login" });
    const since = performance.now();
    for (const room of all.map(bareJid)) if (room) rooms.join(room);
    const areIn = () => rooms.list().every(({ state }) => state === "joined");
    await waitFor(areIn, { what: `${COUNT} rooms`, timeoutMs: 600_000, intervalMs: 5 });
    return performance.now() - since;
  } finally {
    rooms.stop();
    await session.stop();
  }
}

/**
 * Entering 500 rooms, twenty at a time and one after another, with and without Prosody's limits, over a
 * line with a delay: without one, the server's processor alone decides.
 */
export async function roomsTable(): Promise<string> {
  const rows: string[][] = [];
  for (const limits of [false, true]) {
    const prosody = await startProsody({ limits, roomArchive: false });
    const line = await startTcpProxy(prosody.ports.c2s, DELAY_MS);
    try {
      const account = await prosody.register("bench", "bench");
      const names = Array.from({ length: COUNT }, (_, index) => `room${index}`);
      const all = await prosody.rooms(names);
      // Prosody reads each room from its disk once.
      if (!limits) await enterAll(prosody, line.port, account, all, 20);
      const parallel = await enterAll(prosody, line.port, account, all, 20);
      const single = await enterAll(prosody, line.port, account, all, 1);
      const name = limits ? "Prosody with mod_limits (10 kB/s)" : "Prosody without limits";
      rows.push([name, ms(parallel), ms(single), (parallel / single).toFixed(2)]);
    } finally {
      await line.stop();
      await prosody.stop();
    }
  }
  return table(
    [`${COUNT} rooms, ${2 * DELAY_MS} ms away`, "20 at once, ms", "one by one, ms", "ratio"],
    rows,
  );
}
