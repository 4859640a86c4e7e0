/**
 * The road in, step by step: stanza → decode → admission → identity → disk → policy → pairing challenge,
 * or route → context → dispatch. Nobody's text reaches a model, a command or a session before policy
 * said yes.
 */
import { randomUUID } from "node:crypto";
import type { Element } from "ltx";
import { isAbortRequestText } from "openclaw/plugin-sdk/command-primitives-runtime";
import { messageOf, XmppStanzaError } from "../errors.ts";
import { stripMention } from "../policy/mention.ts";
import { admit, type Drop } from "../policy/admission.ts";
import { bareJid, domainOf, type BareJid, type FullJid } from "../protocol/jid.ts";
import { createRate } from "../policy/rate.ts";
import { decodeMessage, type Message } from "../protocol/stanza.ts";
import { sentAt } from "../protocol/xep-0203-delay.ts";
import { trustedStanzaId } from "../protocol/xep-0359-ids.ts";
import { createAboutMessages, type About } from "./about-messages.ts";
import { findAddressed, findStanding, type Standing } from "./archived-addressing.ts";
import { hostConversation } from "./conversation.ts";
import { IngressFullError } from "./ingress-queue.ts";
import { createIngress } from "./ingress.ts";
import { correctedBy } from "./revisions.ts";
import { isOwnArchived, resolveArchivedSender, resolveSender, senderKey } from "./sender.ts";
import { storeMessage, type StoredMessage } from "./stored-message.ts";
import { createStops, stopLane } from "./stops.ts";
import { takeTurn } from "./turn.ts";
import type { Archived, InboundMessage, ReceiverContext } from "./types.ts";

/** How long after a login our server may hand over what it kept for us (XEP-0160), ms. */
const HANDED_OVER_MS = 30_000;
/** A line in the log about refused messages, ms. */
const TELL_EVERY_MS = 60_000;

export type Receiver = {
  /**
   * Resolves when the message is on disk, or is nothing to act on.
   * @param archived where it was read from, unless it came by itself
   * @param wanted what it has to wait for, and is nothing to act on where that says no; who spoke is settled
   *   before
   * @throws IngressFullError too many wait, for an archived one; anything else: it could not be stored. The
   *   server has to keep it
   */
  receive(stanza: Element, archived?: Archived, wanted?: Promise<boolean>): Promise<void>;
  /** Which messages of a room's archive may be orders to the agent. */
  findAddressed(room: BareJid): (message: Message) => boolean;
  /** Of whom its messages are. */
  findStanding(room: BareJid): (message: Message) => Standing;
  /** Begins to take up what lies on disk. Until then, and after `stop`, messages are only stored. */
  start(): void;
  /** Resolves when no message is taken up any more. */
  stop(): Promise<void>;
  /** Resolves when all that was received has been handed over, unless it has to be tried again. */
  idle(): Promise<void>;
};

export function createReceiver(context: ReceiverContext): Receiver {
  const { log, tally, now, readConfig } = context;
  const stops = createStops(context.queue);
  const ingress = createIngress({
    queue: context.queue,
    isStopped: stops.has,
    isReplaced: context.revisions.isReplaced,
    readConfig: () => readConfig().cfg,
    // Decided by what is the configuration when its turn comes, not when it arrived.
    takeUp: async (inbound, eventId, lifecycle) =>
      await takeTurn({ ...context, ...readConfig(), stops }, inbound, { eventId, lifecycle }),
    log,
    now,
  });
  const mayHaveWaited = createKept(context);
  const aboutMessages = createAboutMessages(context);
  /** What is being stored: who says something of a message means one that came before. */
  const storing = new Set<Promise<unknown>>();
  let lastJid: FullJid | undefined;
  const refusals = { count: 0, toldAt: -Infinity };

  /** Undefined when it is nothing to act on. Hostile input must not cost the connection. */
  function guarded<T>(read: () => T | undefined): T | undefined {
    try {
      return read();
    } catch (error) {
      log.error(`a message could not be read: ${messageOf(error)}`);
      return undefined;
    }
  }

  function prepare(stanza: Element, found: Found): StoredMessage {
    const { inbound, archiveId } = identify(context, found);
    const { isHeld } = found;
    context.onInbound(now());
    const { id, kind } = hostConversation({ ...context, ...readConfig() }, inbound);
    const lane = saysStop(inbound) ? stopLane(id) : id;
    const share = kind === "group" ? shareOf(context, inbound) : undefined;
    return storeMessage(inbound, { lane, share, xml: stanza.toString(), archiveId, isHeld });
  }

  async function store(message: StoredMessage, inbound: Found["inbound"]): Promise<boolean> {
    const corrects = correctedBy(inbound.message);
    const stored = (async () => {
      if (corrects === undefined) return await ingress.admit(message);
      await Promise.allSettled(storing);
      const placed = await context.revisions.place(message, corrects, inbound);
      return await ingress.admit(placed.message, placed.receivedAt);
    })();
    storing.add(stored);
    return await stored.finally(() => storing.delete(stored));
  }

  function noteRefusal(error: IngressFullError): void {
    tally.add("queue-full");
    refusals.count += 1;
    if (now() - refusals.toldAt < TELL_EVERY_MS) return;
    log.warn(`refused ${refusals.count} message(s): ${error.message}`);
    Object.assign(refusals, { count: 0, toldAt: now() });
  }

  return {
    async receive(stanza, archived, wanted) {
      if (!stanza.is("message")) return;
      // What was read while we were online may be handed on when the line is down.
      const ownJid = (lastJid = context.outbox.session.jid ?? lastJid);
      if (!ownJid) throw new Error("a message before the first login");
      const found = guarded(() =>
        readMessage(context, decodeMessage(stanza), ownJid, archived, mayHaveWaited),
      );
      if (!found || (wanted && !(await wanted))) return;
      if ("about" in found) {
        await Promise.allSettled(storing);
        return await aboutMessages.receive(found.about);
      }
      if ("moderated" in found) {
        await Promise.allSettled(storing);
        return await aboutMessages.moderate(found.moderated.room, found.moderated.id);
      }
      aboutMessages.noteProgress(found.inbound.message, found.inbound.conversation);
      const mayBeStored = context.strangers.mayBeStored(found.inbound);
      // Awaited only where it must be: what comes next must not overtake.
      if (!(mayBeStored === true || (await mayBeStored))) return tally.add("not-admitted");
      const message = guarded(() => prepare(stanza, found));
      if (!message) return;
      try {
        if (!(await store(message, found.inbound))) tally.add("duplicate");
      } catch (error) {
        // What lies in an archive can wait there.
        if (!(error instanceof IngressFullError) || archived) throw error;
        noteRefusal(error);
      }
    },
    findAddressed: (room) => findAddressed({ ...context, ...readConfig() }, room),
    findStanding: (room) => findStanding(context, room),
    start() {
      try {
        ingress.start();
      } catch (error) {
        log.error(`messages cannot be taken up: ${messageOf(error)}`);
      }
    },
    stop: ingress.stop,
    async idle() {
      await ingress.idle();
      await aboutMessages.idle();
    },
  };
}

/** Whom policy cannot let in, or nobody vouches for, could come under any number of names. */
function shareOf({ strangers }: ReceiverContext, inbound: InboundMessage): string {
  return strangers.isStranger(inbound) ? "strangers" : senderKey(inbound);
}

function saysStop({ body, ownNick }: InboundMessage): boolean {
  return isAbortRequestText(ownNick === undefined ? body : stripMention(body, { nick: ownNick }));
}

/** What is to be acted on: a message to the agent, or one about another message. */
type Read = Found | { about: About } | { moderated: { room: BareJid; id: string } };

/** An admitted message, and the id that stands on it. */
type Found = {
  inbound: Omit<InboundMessage, "messageId" | "reference">;
  /** Who could have given the id: the room, or our own account's server. */
  by: BareJid;
  stanzaId: string | undefined;
  isArchived: boolean;
  /** It was read from an archive, or its server says that it held it back. */
  isHeld: boolean;
};

/** XEP-0359 §5: an id counts where who could have given it says that they give ids. */
function identify(
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
function createKept({ outbox, now, readConfig }: ReceiverContext): (sender: string) => boolean {
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
function readMessage(
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
