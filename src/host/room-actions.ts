/** Actions of the message tool that change a room or who is in it. Off by default. */
import { readStringParam } from "openclaw/plugin-sdk/channel-actions";
import { bareJid, parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { encodeAffiliation, encodeRole } from "../protocol/xep-0045-admin.ts";
import { encodeMediatedInvitation } from "../protocol/xep-0045-invitation.ts";
import {
  decodeRoomConfiguration,
  encodeConfigRequest,
  encodeRoomConfiguration,
} from "../protocol/xep-0045-owner.ts";
import { assertStanding, type Standing } from "./action-authority.ts";
import { beforeSend, currentTarget, roomOf, type ActionContext } from "./action-context.ts";

type Result = Promise<Record<string, unknown>>;

const ROOM_NAME = "muc#roomconfig_roomname";
const MAX_NAME = 200;

/** XEP-0045 §8.2. */
export async function kick(context: ActionContext): Result {
  const room = joinedRoom(context, "moderator");
  const nick = nickOf(context, room);
  await request(context, encodeRole(room, { nick, role: "none", reason: reasonOf(context) }));
  return { room, kicked: nick };
}

/** XEP-0045 §9.1: by the real JID, which the room must show us, or which must be named. */
export async function ban(context: ActionContext): Result {
  const room = joinedRoom(context, "admin");
  const who = userOf(context);
  const named = parseJid(who);
  const occupant = context.live.rooms.occupant(
    room,
    named?.bare === room && named.resource !== undefined ? named.resource : who,
  );
  const jid = occupant
    ? occupant.realJid
    : named?.local !== undefined && named.bare !== room
      ? named.bare
      : undefined;
  if (jid === undefined) throw new Error(`the room does not show who ${who} is: name their JID`);
  if (jid === context.account.jid) throw new Error("the agent does not ban itself");
  await request(
    context,
    encodeAffiliation(room, { jid, affiliation: "outcast", reason: reasonOf(context) }),
  );
  return { room, banned: who };
}

/** Asks the room to invite somebody (XEP-0045 §7.8.2). */
export async function addParticipant(context: ActionContext): Result {
  const room = joinedRoom(context, "moderator");
  const to = bareJid(userOf(context));
  if (to === undefined || !to.includes("@")) throw new Error("participant must be a JID");
  const reason = reasonOf(context);
  await beforeSend(context)();
  const invitation = { room, to: to as string as FullJid, reason };
  await context.live.session.send(encodeMediatedInvitation(invitation));
  return { room, invited: to };
}

/** The room's name, which only its owner may change (XEP-0045 §10.2). */
export async function renameGroup(context: ActionContext): Result {
  const room = joinedRoom(context, "admin");
  const name = (
    readStringParam(context.ctx.params, "name") ??
    readStringParam(context.ctx.params, "displayName") ??
    ""
  ).trim();
  if (name === "" || name.length > MAX_NAME) {
    throw new Error(`name is missing, or longer than ${MAX_NAME} characters`);
  }
  const form = decodeRoomConfiguration(
    await context.live.session.request(encodeConfigRequest(room)),
  );
  if (!form) throw new Error(`${room} has no configuration that we may change`);
  // A few services set what is not sent back to its default.
  const kept = form.fields.map((field) => [field.name, field.values] as const);
  const fields = { ...Object.fromEntries(kept), [ROOM_NAME]: name };
  await request(context, encodeRoomConfiguration(room, fields));
  return { room, name };
}

/** Leaves a room that is not in the configuration: there it would be entered again. */
export async function leaveGroup(context: ActionContext): Result {
  const room = joinedRoom(context, "admin");
  await beforeSend(context)();
  if (!context.live.membership.leave(room)) {
    throw new Error(`channels.xmpp.rooms names ${room}: only the operator takes the agent out`);
  }
  return { room, left: true };
}

function joinedRoom(context: ActionContext, needed: Standing): BareJid {
  const current = currentTarget(context);
  const hasNone = ["to", "target", "channelId"].every(
    (key) => readStringParam(context.ctx.params, key) === undefined,
  );
  if (hasNone && current?.kind !== "room") throw new Error("channelId is missing: which room?");
  const room = roomOf(context);
  if (context.live.rooms.get(room)?.state !== "joined") throw new Error(`not in room ${room}`);
  assertStanding(context, room, needed);
  return room;
}

function userOf({ ctx }: ActionContext): string {
  const user = readStringParam(ctx.params, "userId") ?? readStringParam(ctx.params, "participant");
  if (user === undefined) throw new Error("userId is missing: a nick in the room, or a JID");
  return user;
}

function nickOf(context: ActionContext, room: BareJid): string {
  const { rooms } = context.live;
  const who = userOf(context);
  const jid = parseJid(who);
  const occupant =
    rooms.occupant(room, who) ??
    (jid?.bare === room && jid.resource !== undefined
      ? rooms.occupant(room, jid.resource)
      : jid && rooms.occupantBy(room, { realJid: jid.bare }));
  if (!occupant) throw new Error(`${who} is not in room ${room}`);
  if (rooms.isReflection(room, occupant.nick)) throw new Error("the agent does not kick itself");
  return occupant.nick;
}

const reasonOf = ({ ctx }: ActionContext): string | undefined =>
  readStringParam(ctx.params, "reason");

/** @throws XmppStanzaError what the room refuses with: `forbidden` or `not-allowed` where we may not */
async function request(
  context: ActionContext,
  iq: Parameters<ActionContext["live"]["session"]["request"]>[0],
): Promise<void> {
  await beforeSend(context)();
  await context.live.session.request(iq);
}
