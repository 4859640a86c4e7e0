/** Our client without the plugin around it: session, roster, rooms. */
import { botIdentity, registerResponders } from "../../src/client/responders.ts";
import {
  type RoomView,
  type Rooms,
  type RoomsOptions,
  createRooms,
} from "../../src/client/rooms.ts";
import { type Roster, createRoster } from "../../src/client/roster.ts";
import { createSession } from "../../src/client/session.ts";
import type { XmppSession } from "../../src/client/types.ts";
import { type BareJid, bareJid } from "../../src/protocol/jid.ts";
import { MUC } from "../../src/protocol/xep-0045-muc.ts";
import { createFakeLog } from "./fake-session.ts";
import { waitFor } from "./wait.ts";
import type { XmppServer } from "./xmpp-server.ts";

const PASSWORD = "secret";

export type RoomBot = {
  session: XmppSession;
  rooms: Rooms;
  roster: Roster;
  log: string[];
  /** Waits until a room is as it should be. */
  until(
    room: BareJid,
    what: string,
    holds: (view: RoomView) => boolean,
    timeoutMs?: number,
  ): Promise<RoomView>;
  untilState(room: BareJid, state: RoomView["state"], timeoutMs?: number): Promise<RoomView>;
  stop(): Promise<void>;
};

export type RoomBotOptions = Pick<RoomsOptions, "selfPingIdleMs" | "parallelJoins"> & {
  /** Whose subscription requests are refused. */
  refuse?: string | undefined;
  /** Instead of the server's own: a line in between. */
  port?: number | undefined;
};

/** Registers `user` and logs in, without waiting for it; the nick is "claw". */
export async function startRoomBot(
  server: XmppServer,
  user: string,
  { refuse, port = server.ports.c2s, ...options }: RoomBotOptions = {},
): Promise<RoomBot> {
  const log = createFakeLog();
  const session = createSession({
    jid: asBareJid(await server.register(user, PASSWORD)),
    resource: "openclaw",
    password: () => PASSWORD,
    server: { kind: "endpoint", endpoint: { transport: "tcp", host: "127.0.0.1", port } },
    caFile: server.caFile,
    log,
  });
  const { caps } = registerResponders(session, {
    software: { name: "OpenClaw XMPP", version: "0.0.0-test" },
    identity: botIdentity("Claw"),
    features: [MUC],
  });
  const decideSubscription = (who: BareJid) => (who === refuse ? "refuse" : "accept");
  const roster = createRoster({ session, log, caps, decideSubscription });
  const onReady = roster.onReady;
  const rooms = createRooms({ session, log, caps, nick: "claw", onReady, ...options });
  const until: RoomBot["until"] = async (room, what, holds, timeoutMs = 15_000) => {
    const look = () => {
      const view = rooms.get(room);
      return view && holds(view) ? view : undefined;
    };
    const evidence = () => log.lines.join("\n");
    return await waitFor(look, { what: `${room}: ${what}`, timeoutMs, evidence });
  };
  session.start();
  return {
    session,
    rooms,
    roster,
    log: log.lines,
    until,
    untilState: async (room, wanted, timeoutMs) =>
      await until(room, wanted, ({ state }) => state === wanted, timeoutMs),
    async stop() {
      rooms.stop();
      roster.stop();
      await session.stop();
    },
  };
}

/** @throws when it is none */
export function asBareJid(text: string): BareJid {
  const bare = bareJid(text);
  if (!bare) throw new Error(`not a JID: ${text}`);
  return bare;
}
