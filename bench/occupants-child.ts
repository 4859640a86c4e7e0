/**
 * A process of its own for `occupants.ts`: `node --expose-gc occupants-child.ts KEEP COUNT CHANGES` feeds the
 * presences of a room with COUNT occupants, then CHANGES more of them, through the real parser, and
 * prints what that cost as JSON.
 */
import { setTimeout as delay } from "node:timers/promises";
import type { Element } from "ltx";
import { type Rooms, createRooms } from "../src/client/rooms.ts";
import { StreamParser } from "../src/client/stream-parser.ts";
import type { ConnectionState, XmppSession } from "../src/client/types.ts";
import { bareJid } from "../src/protocol/jid.ts";
import { prepareOccupants, presenceXml } from "./occupant-presences.ts";

/** Bytes in one read from a socket. */
const CHUNK = 64 * 1024;
const ROOM = "crowd@conference.example.org";
const SILENT = { info: () => {}, warn: () => {}, error: () => {} };

type Sink = (stanza: Element) => void;

/** What becomes of a presence: nothing, it is kept as it is, or our rooms read it. */
const SINKS: Readonly<Record<string, () => { sink: Sink; kept: unknown }>> = {
  nothing: () => ({ sink: () => {}, kept: undefined }),
  stanzas() {
    const kept = new Map<string, Element>();
    return { sink: (stanza) => void kept.set(String(stanza.attrs["from"]), stanza), kept };
  },
  rooms() {
    const { sink, rooms } = enterRoom();
    return { sink, kept: rooms };
  },
};

function enterRoom(): { sink: Sink; rooms: Rooms } {
  const listeners = new Set<Sink>();
  const session = {
    state: { kind: "online" } as ConnectionState,
    post: () => {},
    request: async () => await new Promise<never>(() => {}),
    onStanza: (listener: Sink) => (listeners.add(listener), () => {}),
    onState: () => () => {},
  } as unknown as XmppSession;
  const rooms = createRooms({ session, log: SILENT, nick: "bot" });
  const jid = bareJid(ROOM);
  if (jid) rooms.join(jid);
  return { sink: (stanza) => listeners.forEach((listener) => listener(stanza)), rooms };
}

function feed(parser: StreamParser, count: number, occupants: number, round: number): void {
  let chunk = "";
  for (let i = 0; i < count; i++) {
    chunk += presenceXml(ROOM, i % occupants, round + Math.floor(i / occupants));
    if (chunk.length < CHUNK) continue;
    // As from the wire: one flat string, and no part of ours.
    parser.write(Buffer.from(chunk).toString());
    chunk = "";
  }
  parser.write(Buffer.from(chunk).toString());
}

async function heap(): Promise<number> {
  for (let i = 0; i < 4; i++) {
    globalThis.gc?.();
    await delay(20);
  }
  return process.memoryUsage().heapUsed;
}

const [keep = "", count = "0", changes = "0"] = process.argv.slice(2);
const occupants = Number(count);
const make = SINKS[keep];
if (!make || !globalThis.gc)
  throw new Error("node --expose-gc occupants-child.ts KEEP COUNT CHANGES");
const { sink, kept } = make();
const parser = new StreamParser();
parser.on("element", sink);
parser.on("error", (error) => {
  throw error;
});
parser.write(
  '<stream:stream xmlns="jabber:client" xmlns:stream="http://etherx.jabber.org/streams">',
);
prepareOccupants(occupants);
feed(parser, 100, 100, 0);
const before = await heap();
feed(parser, occupants, occupants, 1);
const after = await heap();
const since = process.cpuUsage();
feed(parser, Number(changes), occupants, 2);
const { user, system } = process.cpuUsage(since);
process.stdout.write(
  `${JSON.stringify({ bytes: (after - before) / occupants, cpuMs: (user + system) / 1000, kept: kept !== undefined })}\n`,
);
process.exit(0);
