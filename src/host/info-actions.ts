/** Actions of the message tool that tell about people and rooms. Nothing in it is more than they and the room say. */
import { readStringParam } from "openclaw/plugin-sdk/channel-actions";
import type { Occupant, RoomView } from "../client/rooms.ts";
import { bareJid, parseJid, type BareJid, type FullJid } from "../protocol/jid.ts";
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import { decodeVCard, encodeVCardRequest } from "../protocol/xep-0054-vcard.ts";
import { assertMayAskAbout, mayAskAbout } from "./action-authority.ts";
import { currentTarget, roomOf, type ActionContext } from "./action-context.ts";

type Result = Promise<Record<string, unknown>>;

const MOST_OCCUPANTS = 100;
const VCARD_TIMEOUT_MS = 10_000;
const MAX_DESCRIPTION = 1_000;

/**
 * An occupant of a room (`userId`: nick, occupant JID or, where the room shows it, real JID), a contact, or whom the
 * agent is talking to. What anybody else's vCard says is not asked for.
 */
export async function memberInfo(context: ActionContext): Result {
  const { ctx, live } = context;
  const current = currentTarget(context);
  const userId =
    readStringParam(ctx.params, "userId") ??
    readStringParam(ctx.params, "participant") ??
    (current?.kind === "room" ? undefined : current?.to);
  if (userId === undefined) throw new Error("userId is missing: a nick in the room, or a JID");
  const room = roomNamed(context);
  if (room) assertMayAskAbout(context, room);
  const occupant = room && findOccupant(context, room, userId);
  if (room && occupant) {
    const { affiliation, nick, occupantId, role } = occupant;
    const jid = publicJid(context, room, occupant);
    const says = await cardOf(context, occupantJid(room, nick));
    return { room, nick, affiliation, role, jid, occupantId, says };
  }
  const jid = bareJid(userId);
  const contact = jid && live.roster.contact(jid);
  const isPeer = jid !== undefined && current?.kind === "direct" && bareJid(current.to) === jid;
  if (jid === undefined || (!contact && !isPeer)) {
    throw new Error(`${userId} is no occupant of the room, no contact, and not whom you talk to`);
  }
  assertMayAskAbout(context, jid);
  const presence = live.roster.presenceOf(jid);
  return {
    jid,
    name: contact?.name,
    subscription: contact?.subscription ?? "none",
    presence: presence ? { show: presence.show ?? "online", status: presence.status } : "offline",
    says: await cardOf(context, jid as string as FullJid),
  };
}

function roomNamed(context: ActionContext): BareJid | undefined {
  const isNamed = ["to", "target", "channelId"].some(
    (key) => readStringParam(context.ctx.params, key) !== undefined,
  );
  const current = currentTarget(context);
  if (!isNamed && (current === undefined || current.kind === "direct")) return undefined;
  return roomOf(context);
}

function findOccupant(
  { live: { rooms } }: ActionContext,
  room: BareJid,
  userId: string,
): Occupant | undefined {
  const byNick = rooms.occupant(room, userId);
  if (byNick) return byNick;
  const jid = parseJid(userId);
  if (!jid) return undefined;
  if (jid.bare === room && jid.resource !== undefined) return rooms.occupant(room, jid.resource);
  return rooms.get(room)?.nonAnonymous ? rooms.occupantBy(room, { realJid: jid.bare }) : undefined;
}

/** Who somebody is, where the room tells that to everybody (XEP-0045 §4.2), and not to its moderators alone. */
const publicJid = (
  { live: { rooms } }: ActionContext,
  room: BareJid,
  { realJid }: Occupant,
): BareJid | undefined => (rooms.get(room)?.nonAnonymous ? realJid : undefined);

/** What they say of themselves (XEP-0054); undefined where they or their server say nothing. */
async function cardOf({ live }: ActionContext, jid: FullJid) {
  try {
    const iq = encodeVCardRequest(jid);
    const card = decodeVCard(await live.session.request(iq, { timeoutMs: VCARD_TIMEOUT_MS }));
    if (!card) return undefined;
    const { description, fullName, nickname, photo, url } = card;
    return {
      fullName,
      nickname,
      url,
      description: description?.slice(0, MAX_DESCRIPTION).toWellFormed(),
      hasPhoto: photo !== undefined,
    };
  } catch {
    return undefined; // who has none answers with an error, or not at all
  }
}

/** The room as we see it, with whom is in it. */
export async function channelInfo(context: ActionContext): Result {
  const { live } = context;
  const room = roomOf(context);
  assertMayAskAbout(context, room);
  const view = live.rooms.get(room);
  if (!view) throw new Error(`${room} is none of the agent's rooms`);
  const occupants = live.rooms.occupants(room).slice(0, MOST_OCCUPANTS);
  return {
    ...describe(view),
    membersOnly: view.membersOnly,
    passwordProtected: view.passwordProtected,
    showsRealJids: view.nonAnonymous,
    hasArchive: view.archive,
    occupants: occupants.map((occupant) => ({
      nick: occupant.nick,
      affiliation: occupant.affiliation,
      role: occupant.role,
      jid: publicJid(context, room, occupant),
    })),
  };
}

/** The rooms that the agent is in, or tries to be; but for the owner, this one alone. */
export async function channelList(context: ActionContext): Result {
  const mayKnow = ({ room }: RoomView) => mayAskAbout(context, room);
  return { channels: context.live.rooms.list().filter(mayKnow).map(describe) };
}

function describe({ name, nick, occupantCount, reason, room, state, subject }: RoomView) {
  return { id: room, name, subject, state, reason, nick, occupantCount };
}
