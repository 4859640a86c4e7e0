/**
 * How long after the server's return an account is online again and in its rooms; and how many logins a
 * second twenty accounts make of it. `node bench/restarts.ts [--long]` writes docs/reliability.md.
 */
import { connect } from "node:net";
import { join } from "node:path";
import { parseArgs } from "node:util";

import { type Rooms, createRooms } from "../src/client/rooms.ts";
import { createSession } from "../src/client/session.ts";
import type { XmppSession } from "../src/client/types.ts";
import { type BareJid, bareJid } from "../src/protocol/jid.ts";
import { capsOf } from "../src/protocol/xep-0115-caps.ts";
import { REPOSITORY } from "../test/support/gateway.ts";
import { type Prosody, startProsody } from "../test/support/prosody.ts";
import { waitFor } from "../test/support/wait.ts";
import { writeReport } from "./report.ts";
import { median, ms, table } from "./statistics.ts";

const SILENT = { info: () => {}, warn: () => {}, error: () => {} };
const CAPS = capsOf({ identities: [], features: [], forms: [] }, "https://example.org/bench");
const ROOMS = 5;
/** Ways to end the server, and for how long, in ms. */
type Outage = { how: "kill" | "shutDown"; ms: number };

/** An account as the Gateway runs it: default timings, real chance. */
type Account = {
  session: XmppSession;
  rooms: Rooms;
  /** When logins reached the server, by performance.now(). */
  logins: number[];
  isBack(): boolean;
  stop(): Promise<void>;
};

function startAccount(prosody: Prosody, jid: BareJid, wanted: readonly BareJid[]): Account {
  const { caFile, ports } = prosody;
  const session = createSession({
    jid,
    resource: "bench",
    password: () => "bench",
    server: {
      kind: "endpoint",
      endpoint: { transport: "tcp", host: "127.0.0.1", port: ports.c2s },
    },
    caFile,
    log: SILENT,
  });
  const logins: number[] = [];
  session.onState(({ kind }) => {
    if (kind === "securing") logins.push(performance.now());
  });
  const rooms = createRooms({ session, log: SILENT, nick: jid.split("@")[0] ?? jid, caps: CAPS });
  session.start();
  for (const room of wanted) rooms.join(room);
  return {
    session,
    rooms,
    logins,
    isBack: () =>
      session.state.kind === "online" && rooms.list().every(({ state }) => state === "joined"),
    async stop() {
      rooms.stop();
      await session.stop();
    },
  };
}

function jidOf(text: string): BareJid {
  const jid = bareJid(text);
  if (jid === undefined) throw new Error(`${text} is no bare JID`);
  return jid;
}

/** Resolves with the moment at which the port takes connections again. */
async function untilOpen(port: number): Promise<number> {
  const isOpen = () =>
    new Promise<boolean>((resolve) => {
      const socket = connect({ host: "127.0.0.1", port });
      socket.once("connect", () => (socket.destroy(), resolve(true)));
      socket.once("error", () => resolve(false));
    });
  await waitFor(isOpen, { what: "the port", timeoutMs: 60_000, intervalMs: 10 });
  return performance.now();
}

/** Ends the server and brings it back. @returns for each account, ms from its return to the last room */
async function outage(prosody: Prosody, accounts: readonly Account[], { how, ms: length }: Outage) {
  await prosody[how]();
  await waitFor(() => accounts.every(({ session }) => session.state.kind !== "online"), {
    what: "the loss",
    timeoutMs: 70_000,
  });
  await new Promise((resolve) => setTimeout(resolve, length));
  for (const { logins } of accounts) logins.length = 0;
  const opened = untilOpen(prosody.ports.c2s);
  await prosody.restart();
  const since = await opened;
  const times = await Promise.all(
    accounts.map(async ({ isBack }) => {
      await waitFor(isBack, { what: "the return", timeoutMs: 300_000, intervalMs: 10 });
      return performance.now() - since;
    }),
  );
  return { times, logins: accounts.flatMap(({ logins }) => logins).filter((at) => at >= since) };
}

/** The most that fall into one second. */
function peak(moments: readonly number[]): number {
  return Math.max(
    0,
    ...moments.map((from) => moments.filter((at) => at >= from && at < from + 1000).length),
  );
}

async function withServer<T>(
  count: number,
  run: (prosody: Prosody, accounts: Account[]) => Promise<T>,
): Promise<T> {
  const prosody = await startProsody({ roomArchive: false });
  const accounts: Account[] = [];
  try {
    const names = Array.from({ length: ROOMS }, (_, index) => `room${index}`);
    const wanted = (await prosody.rooms(names)).map(jidOf);
    for (let index = 0; index < count; index += 1) {
      const jid = jidOf(await prosody.register(`bench${index}`, "bench"));
      accounts.push(startAccount(prosody, jid, wanted));
    }
    await waitFor(() => accounts.every(({ isBack }) => isBack()), {
      what: "the first logins",
      timeoutMs: 120_000,
    });
    return await run(prosody, accounts);
  } finally {
    await Promise.all(accounts.map(({ stop }) => stop()));
    await prosody.stop();
  }
}

function row(what: string, times: readonly number[], logins: string): string[] {
  return [what, String(times.length), ms(median(times)), ms(Math.max(...times)), logins];
}

/** The tables; 20 restarts with one account, then some with twenty. */
export async function restartsTable(isLong: boolean): Promise<string> {
  const lengths = isLong
    ? [0, 500, 1_000, 2_000, 5_000, 10_000, 20_000, 40_000, 60_000, 180_000]
    : [0, 200, 500, 1_000, 1_500, 2_000, 3_000, 4_000, 6_000, 8_000];
  const rows: string[][] = [];
  const all = await withServer(1, async (prosody, accounts) => {
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
  await withServer(20, async (prosody, accounts) => {
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
