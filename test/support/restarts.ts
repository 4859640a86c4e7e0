/**
 * A real Prosody that is ended and brought back under accounts that sit in rooms, as the Gateway runs them:
 * default timings, real chance. For the end-to-end test and for the measurement.
 */
import { connect } from "node:net";

import { type Rooms, createRooms } from "../../src/client/rooms.ts";
import type { XmppSession } from "../../src/client/types.ts";
import { type BareJid, bareJid } from "../../src/protocol/jid.ts";
import { capsOf } from "../../src/protocol/xep-0115-caps.ts";
import { createPlainSession, SILENT } from "./plain-session.ts";
import { type Prosody, startProsody } from "./prosody.ts";
import { waitFor } from "./wait.ts";

const CAPS = capsOf({ identities: [], features: [], forms: [] }, "https://example.org/bench");

/** Ways to end the server, and for how long, in ms. */
export type Outage = { how: "kill" | "shutDown"; ms: number };

export type Account = {
  session: XmppSession;
  rooms: Rooms;
  /** When logins reached the server, by performance.now(). */
  logins: number[];
  isBack(): boolean;
  stop(): Promise<void>;
};

function startAccount(prosody: Prosody, jid: BareJid, wanted: readonly BareJid[]): Account {
  const { caFile, ports } = prosody;
  const session = createPlainSession({ jid, password: "bench", port: ports.c2s, caFile });
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
export async function outage(
  prosody: Prosody,
  accounts: readonly Account[],
  { how, ms: length }: Outage,
) {
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
  return { times, logins: accounts.flatMap(({ logins }) => logins) };
}

/** The most that fall into one second. */
export function peak(moments: readonly number[]): number {
  return Math.max(
    0,
    ...moments.map((from) => moments.filter((at) => at >= from && at < from + 1000).length),
  );
}

/** Runs with so many accounts that are online, each in so many rooms. */
export async function withAccounts<T>(
  count: number,
  roomCount: number,
  run: (prosody: Prosody, accounts: Account[]) => Promise<T>,
): Promise<T> {
  const prosody = await startProsody({ roomArchive: false });
  const accounts: Account[] = [];
  try {
    const names = Array.from({ length: roomCount }, (_, index) => `room${index}`);
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
