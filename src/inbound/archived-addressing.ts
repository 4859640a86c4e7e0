/**
 * Which messages of a room's archive may be orders to the agent, and of whom they are: only these count against the bounds of
 * catch-up (inbound/archive-reading.ts), so that what people say to each other pushes none of them out.
 * What becomes of each is decided at its turn, as always.
 */
import { resolveChannelInboundRouteEnvelope } from "openclaw/plugin-sdk/channel-inbound";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { resolveRoom } from "../policy/room.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import { requiresMention } from "./activation.ts";
import { resolveAddressing } from "./addressing.ts";
import type { AuthorsOf } from "./archive-revisions.ts";
import { authorKeys, resolveArchivedSender } from "./sender.ts";
import type { InboundContext, ReceiverContext } from "./types.ts";

/** @returns whether a message of that room speaks to the agent, or need not do so to be answered */
export function findAddressed(
  context: InboundContext,
  room: BareJid,
): (message: Message) => boolean {
  const { accountId, cfg, outbox, policy, runtime } = context;
  const peer = { kind: "group" as const, id: room };
  const { route } = resolveChannelInboundRouteEnvelope({
    cfg,
    channel: CHANNEL_ID,
    accountId,
    peer,
  });
  const { requireMention } = resolveRoom(policy, room, context.originOf(room));
  if (!requiresMention(context, route, requireMention)) return () => true;
  const ownNick = outbox.rooms.get(room)?.nick;
  return (message) => {
    const body = message.body?.trim() ?? "";
    const conversation = { kind: "room" as const, room, nick: message.from?.resource ?? "" };
    const inbound = { body, conversation, message, ownNick };
    const { text, wasMentioned, implicit } = resolveAddressing(context, inbound, route);
    return wasMentioned || implicit.length > 0 || runtime.channel.text.hasControlCommand(text, cfg);
  };
}

/** @returns who wrote a message of our account's archive, or of that room's, as far as a server vouches for it */
export function findAuthors(
  { isBelieved, outbox: { rooms } }: Pick<ReceiverContext, "isBelieved" | "outbox">,
  room: BareJid | undefined,
): AuthorsOf {
  return (message) => {
    const { from } = message;
    if (!from) return [];
    if (room === undefined) return [from.bare];
    const conversation = { kind: "room" as const, room, nick: from.resource ?? "" };
    const sender = resolveArchivedSender(conversation, rooms, isBelieved, message);
    return sender.grade === "nick" ? [] : authorKeys({ conversation, sender });
  };
}

/**
 * Of whom a message is, for policy as it is now: "stranger" whom it cannot let in; "overheard" is one
 * of these whose words are context for others.
 */
export type Standing = "listed" | "overheard" | "stranger";

/** @returns the standing of who wrote a message, by what the archive and the room say of them */
export function findStanding(
  { isBelieved, outbox, strangers }: Pick<ReceiverContext, "isBelieved" | "outbox" | "strangers">,
  room: BareJid,
): (message: Message) => Standing {
  return (message) => {
    const conversation = { kind: "room" as const, room, nick: message.from?.resource ?? "" };
    const sender = resolveArchivedSender(conversation, outbox.rooms, isBelieved, message);
    const place = { conversation, sender };
    if (!strangers.isStranger(place)) return "listed";
    return strangers.isOverheard(place) ? "overheard" : "stranger";
  };
}
