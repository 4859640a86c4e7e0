/** The rooms of a running account, as an operator sees and steers them: for the command line and for commands in chats. */
import { randomUUID } from "node:crypto";
import type { RoomView } from "../client/rooms.ts";
import { isRoom } from "../client/server-services.ts";
import { bareJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { decodeStanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import { encodeMediatedInvitation } from "../protocol/xep-0045-invitation.ts";
import type { LiveAccount } from "./live-accounts.ts";

/** For a room to say yes or no, ms. */
const JOIN_PATIENCE_MS = 20_000;
/** For a room to refuse an invitation: it says nothing where it passes it on, ms. */
const REFUSAL_PATIENCE_MS = 2_000;

/** All rooms that the account wants to be in, by address. */
export function listRooms({ rooms }: LiveAccount): { rooms: RoomView[] } {
  return { rooms: rooms.list() };
}

/** Who is in a room. @throws Error where we are not */
export function listOccupants({ rooms }: LiveAccount, room: BareJid) {
  if (rooms.get(room)?.state !== "joined") throw new Error(`not in room ${room}`);
  return {
    occupants: rooms.occupants(room).map(({ nick, realJid, occupantId, affiliation, role }) => ({
      nick,
      jid: realJid,
      occupantId,
      affiliation,
      role,
    })),
  };
}

/**
 * Enters a room for good: after a restart as well, until `leaveRoom`; the agent listens there as in a room of the
 * configuration. Resolves when the room has answered, or after 20 s, and goes on trying then.
 * @throws Error where the room refuses, and nothing is kept; where it is no room; where the configuration forbids it
 */
export async function joinRoom(
  live: LiveAccount,
  room: BareJid,
  how: { nick?: string | undefined; password?: string | undefined } = {},
): Promise<{ room: BareJid; state: string; nick: string; reason?: string }> {
  const { membership, rooms, session } = live;
  if (session.state.kind !== "online") throw new Error(`the account is not online`);
  const wasWanted = membership.isWanted(room);
  // Somebody's account that is taken for a room could speak as anybody.
  if (!wasWanted && !(await isRoom(session, room))) throw new Error(`${room} is no room`);
  const answered = untilAnswered(live, room, how.nick);
  try {
    if (!membership.enter(room, how)) {
      throw new Error("the account is in too many rooms that are not in its configuration");
    }
    await answered.look();
  } finally {
    answered.stop();
  }
  const view = rooms.get(room);
  if (!view) throw new Error(`${room} was left meanwhile`);
  if (view.state === "refused") {
    if (!wasWanted) membership.leave(room);
    throw new Error(`${room} refused: ${view.reason ?? "no reason given"}`);
  }
  const { nick, reason, state } = view;
  return { room, state, nick, ...(reason === undefined ? {} : { reason }) };
}

/** Listens from now on; `look` resolves when the room lets us in, refuses, or is silent for long. */
function untilAnswered({ rooms }: LiveAccount, room: BareJid, nick: string | undefined) {
  const { promise, resolve } = Promise.withResolvers<void>();
  const isAnswer = (view: RoomView) =>
    view.state === "refused" ||
    view.state === "lost" ||
    (view.state === "joined" && (nick === undefined || view.nick === nick));
  const off = rooms.onRoom((view) => {
    if (view.room === room && isAnswer(view)) resolve();
  });
  const timer = setTimeout(resolve, JOIN_PATIENCE_MS);
  return {
    async look() {
      const view = rooms.get(room);
      if (view?.state === "joined" && isAnswer(view)) return;
      await promise;
    },
    stop() {
      clearTimeout(timer);
      off();
    },
  };
}

/**
 * Leaves a room and forgets it.
 * @throws Error where the configuration names it, which would enter it again, and where it is none of ours
 */
export function leaveRoom({ membership }: LiveAccount, room: BareJid): { left: BareJid } {
  if (!membership.leave(room)) {
    throw new Error(
      membership.isWanted(room)
        ? `${room} is in the configuration: take it out of rooms and mucRooms, or set its enabled to false`
        : `not in room ${room}`,
    );
  }
  return { left: room };
}

/**
 * Asks a room that we are in to invite somebody (XEP-0045 §7.8.2).
 * @throws Error where we are not in it, and with what the room refuses within 2 s; later it says nothing
 */
export async function inviteToRoom(
  { account, rooms, session }: LiveAccount,
  room: BareJid,
  to: BareJid,
  reason?: string | undefined,
): Promise<{ room: BareJid; invited: BareJid }> {
  if (rooms.get(room)?.state !== "joined") throw new Error(`not in room ${room}`);
  if (to === account.jid || to === room) throw new Error(`${to} cannot be invited`);
  const invitation = encodeMediatedInvitation({ room, to: to as string as FullJid, reason });
  const id = randomUUID();
  invitation.attrs["id"] = id;
  const { promise: refused, resolve: refuse } = Promise.withResolvers<string | undefined>();
  const off = session.onStanza((stanza) => {
    const { from, id: about, type } = stanza.attrs as Record<string, string | undefined>;
    if (about !== id || type !== "error" || bareJid(from ?? "") !== room) return;
    refuse(decodeStanzaError(stanza)?.condition ?? "error");
  });
  try {
    await session.send(invitation);
    const timer = setTimeout(() => refuse(undefined), REFUSAL_PATIENCE_MS);
    const condition = await refused;
    clearTimeout(timer);
    if (condition !== undefined) throw new Error(`${room} does not invite ${to}: ${condition}`);
  } finally {
    off();
  }
  return { room, invited: to };
}
