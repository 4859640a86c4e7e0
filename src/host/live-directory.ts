/** People and rooms as a running account knows them, for `openclaw directory` and `channels resolve`. */
import { listRoomsOf } from "../client/public-rooms.ts";
import type { Occupant } from "../client/rooms.ts";
import { bareJid } from "../protocol/jid.ts";
import type { LiveAccount } from "./live-accounts.ts";

export type DirectoryEntry = { kind: "user" | "group"; id: string; name?: string; raw?: unknown };

export type DirectoryQuestion =
  { list: "self" | "peers" | "rooms" | "public-rooms" } | { list: "members"; room: string };

/** @throws Error the room is not one that we are in */
export async function readDirectory(
  live: LiveAccount,
  question: DirectoryQuestion,
): Promise<DirectoryEntry[]> {
  switch (question.list) {
    case "self":
      return selfOf(live);
    case "peers":
      return peersOf(live);
    case "rooms":
      return roomsOf(live);
    case "public-rooms":
      return [...roomsOf(live), ...(await otherRooms(live))];
    case "members":
      return membersOf(live, question.room);
  }
}

/** Malformed reads as absent. */
export function parseQuestion(params: Readonly<Record<string, unknown>>): DirectoryQuestion {
  const { list, room } = params;
  if (list === "members") return { list, room: typeof room === "string" ? room : "" };
  return list === "self" || list === "peers" || list === "public-rooms"
    ? { list }
    : { list: "rooms" };
}

function selfOf({ account: { jid, nick }, session }: LiveAccount): DirectoryEntry[] {
  if (jid === undefined) return [];
  const { state } = session;
  const raw = { connection: state.kind, ...(session.jid ? { fullJid: session.jid } : {}) };
  return [{ kind: "user", id: jid, name: nick, raw }];
}

function peersOf({ roster }: LiveAccount): DirectoryEntry[] {
  return roster.contacts().map(({ jid, name, subscription }) => {
    const presence = roster.presenceOf(jid);
    const { show = "online", status } = presence ?? {};
    const raw = presence
      ? { subscription, presence: show, ...(status ? { status } : {}) }
      : { subscription, presence: "offline" };
    return { kind: "user", id: jid, ...(name ? { name } : {}), raw };
  });
}

function roomsOf({ rooms }: LiveAccount): DirectoryEntry[] {
  return rooms.list().map((view) => {
    const { name, reason, room, state } = view;
    // The name is what people and the agent look rooms up by: only a room that is out of reach says why.
    const why = state === "joined" ? "" : ` (${reason ? `${state}: ${reason}` : state})`;
    return { kind: "group", id: room, name: `${name ?? room}${why}`, raw: view };
  });
}

/** Named so that none passes for a room that we are in. */
async function otherRooms({ rooms, services, session }: LiveAccount): Promise<DirectoryEntry[]> {
  const listed = await listRoomsOf(session, [...services.roomServices()]);
  return listed
    .filter(({ jid }) => rooms.get(jid) === undefined)
    .map(({ jid, name }) => ({
      kind: "group",
      id: jid,
      name: `${name ?? jid} (not entered)`,
      raw: { room: jid, state: "not entered" },
    }));
}

function membersOf({ rooms }: LiveAccount, asked: string): DirectoryEntry[] {
  const room = bareJid(asked.replace(/^(?:xmpp|room|group|channel):/i, ""));
  if (room === undefined || rooms.get(room)?.state !== "joined") {
    throw new Error(`not in room ${asked}; see openclaw directory groups list --channel xmpp`);
  }
  return rooms.occupants(room).map((occupant) => ({
    kind: "user",
    id: occupant.realJid ?? `${room}/${occupant.nick}`,
    name: occupant.nick,
    raw: factsOf(occupant),
  }));
}

const factsOf = ({ affiliation, nick, occupantId, realJid, role }: Occupant) => ({
  nick,
  jid: realJid,
  occupantId,
  affiliation,
  role,
});
