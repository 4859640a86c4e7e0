/** A stanza as what it is to the agent: decoded, admitted, and with a sender; see policy/admission.ts. */
import { randomUUID } from "node:crypto";
import { XmppStanzaError } from "../errors.ts";
import { admit, type Drop } from "../policy/admission.ts";
import { createRate } from "../policy/rate.ts";
import { bareJid, domainOf, type BareJid, type FullJid } from "../protocol/jid.ts";
import type { Message } from "../protocol/stanza.ts";
import { sentAt } from "../protocol/xep-0203-delay.ts";
import { trustedStanzaId } from "../protocol/xep-0359-ids.ts";
import type { About } from "./about-messages.ts";
import { isOwnArchived, resolveArchivedSender, resolveSender, senderKey } from "./sender.ts";
import type { Archived, InboundMessage, ReceiverContext } from "./types.ts";

/** How long after a login our server may hand over what it kept for us (XEP-0160), ms. */
const HANDED_OVER_MS = 30_000;

/** What is to be acted on: a message to the agent, or one about another message. */
export type Read = Found | { about: About } | { moderated: { room: BareJid; id: string } };

/** An admitted message, and the id that stands on it. */
export type Found = {
  inbound: Omit<InboundMessage, "messageId" | "reference">;
  /** Who could have given the id: the room, or our own account's server. */
  by: BareJid;
  stanzaId: string | undefined;
  isArchived: boolean;
  /** It was read from an archive, or its server says that it held it back. */
  isHeld: boolean;
};

/** XEP-0359 §5: an id counts where who could have given it says that they give ids. */
export function identify(
  { givesIds, outbox }: ReceiverContext,
  { inbound, by, stanzaId, isArchived }: Found,
): { inbound: InboundMessage; archiveId: string | undefined } {
  const { conversation } = inbound;
  const isRooms = conversation.kind === "room";
  const isGiven = isArchived || (isRooms ? outbox.rooms.get(by)?.stanzaIds : givesIds());
  const id = isGiven ? stanzaId : undefined;
  return {
    inbound: { ...inbound, messageId: id ?? randomUUID(), ...(isRooms ? { reference: id } : {}) },
    archiveId: id === undefined ? undefined : `${by} ${id}`,
  };
}

/**
 * What our server kept for us comes right after the login, and says so (XEP-0160, XEP-0203). Anybody
 * can write that into what they send just then: so only so much is believed.
 */
export function createKept({
  outbox,
  now,
  readConfig,
}: ReceiverContext): (sender: string) => boolean {
  const kept = createRate(HANDED_OVER_MS);
  return (sender) => {
    const { state } = outbox.session;
    const online = state.kind === "online" ? now() - state.facts.since : -1;
    if (online < 0 || online >= HANDED_OVER_MS) return false;
    return kept.take(sender, { each: readConfig().policy.limits.queueSize }, now()) === "granted";
  };
}

function isHeldBack({ delays }: Message, own: BareJid): boolean {
  const server = domainOf(own);
  return delays.some(({ from, stamp }) => stamp && (from?.full === own || from?.full === server));
}

/** Decoded, admitted, and with a sender; undefined when it is nothing to act on. */
export function readMessage(
  context: ReceiverContext,
  message: Message,
  ownJid: FullJid,
  archived: Archived | undefined,
  mayHaveWaited: (sender: string) => boolean,
): Read | undefined {
  const { now, outbox } = context;
  const { rooms } = outbox;
  const own = bareJid(ownJid);
  if (!own) return undefined;
  const admission = admit(message, {
    ownJid,
    room: (jid) => {
      const room = rooms.get(jid);
      return room && { joined: room.state === "joined", nick: room.nick };
    },
    isSibling: context.isSibling,
    ...(archived
      ? {
          archived: {
            by: archived.by,
            isOwn: isOwnArchived(message, rooms, own) || context.isOfSibling(message),
          },
        }
      : {}),
  });
  const { conversation } = admission;
  if (!admission.admit && admission.drop === "invitation" && message.invitation) {
    context.onInvitation(message.invitation);
  }
  const isEncrypted = !admission.admit && admission.drop === "encrypted";
  const isAbout = !admission.admit && admission.drop === "no-body";
  if (!conversation || (!admission.admit && !isEncrypted && !isAbout)) {
    noteDrop(context, message, admission.admit ? "no-sender" : admission.drop);
    return readModeration(context, message, admission);
  }
  const room = conversation.kind === "direct" ? undefined : rooms.get(conversation.room);
  const by = archived?.by ?? (conversation.kind === "room" ? conversation.room : own);
  const stanzaId = archived?.id ?? trustedStanzaId(message.stanzaIds, by);
  const timestamp = (archived?.stamp ?? sentAt(message.delays, new Date(now()))).getTime();
  const sender =
    archived && conversation.kind === "room"
      ? resolveArchivedSender(conversation, rooms, context.isBelieved, message)
      : resolveSender(conversation, rooms, context.isBelieved, message.occupantId);
  const isArchived = archived !== undefined;
  if (isAbout) {
    const ownNick = room ? { ownNick: room.nick } : {};
    return { about: { message, conversation, sender, isArchived, ...ownNick } };
  }
  if (conversation.kind === "room") outbox.recent.touch(conversation.room);
  const isHeld = isArchived || isHeldBack(message, own);
  const hasWaited = isArchived || (isHeld && mayHaveWaited(senderKey({ conversation, sender })));
  const inbound = {
    message,
    body: admission.admit ? admission.body.trim() : "",
    isEncrypted,
    conversation,
    sender,
    ...(room ? { ownNick: room.nick } : {}),
    timestamp,
    waitsSince: hasWaited ? timestamp : now(),
  };
  return { inbound, by, stanzaId, isArchived, isHeld };
}

/** XEP-0425 §5: only the room itself says so, and only one that we are in. */
function readModeration(
  { outbox }: ReceiverContext,
  { from, moderation }: Message,
  admission: ReturnType<typeof admit>,
): Read | undefined {
  if (admission.admit || admission.drop !== "room-service" || !from || !moderation)
    return undefined;
  const room = outbox.rooms.get(from.bare);
  return room?.state === "joined" && room.stanzaIds
    ? { moderated: { room: room.room, id: moderation.id } }
    : undefined;
}

/**
 * What comes back for a message of ours decides its fate, and an error is worth a line. Whatever else
 * is dropped is routine: anybody can send errors.
 */
function noteDrop({ log, outbox }: ReceiverContext, message: Message, drop: Drop): void {
  const { from, error, id, type } = message;
  if (drop === "own" && type === "groupchat" && from && id !== undefined) {
    const stanzaId = trustedStanzaId(message.stanzaIds, from.bare);
    outbox.sent.reflect(id, from.bare, stanzaId);
    if (stanzaId !== undefined && outbox.rooms.get(from.bare)?.stanzaIds) {
      outbox.recent.name(from.bare, id, stanzaId);
    }
  }
  const refusal = error && new XmppStanzaError(error.type, error.condition, error.text);
  if (refusal && from && id !== undefined && outbox.sent.refuse(id, from.full, refusal)) {
    log.warn(`${from.full} refused message ${id}: ${refusal.condition}`);
  } else log.debug?.(`dropped a message: ${drop}`);
}
