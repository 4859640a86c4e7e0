/**
 * The road in, step by step: stanza → decode → admission → identity → policy → pairing challenge, or
 * route → context → dispatch. Nobody's text reaches a model, a command or a session before policy
 * said yes.
 */
import { randomUUID } from "node:crypto";
import type { Element } from "ltx";
import { isAbortRequestText } from "openclaw/plugin-sdk/command-primitives-runtime";
import { XmppStanzaError } from "../errors.ts";
import { stripMention } from "../policy/mention.ts";
import { admit, type Drop } from "../policy/admission.ts";
import { bareJid } from "../protocol/jid.ts";
import { decodeMessage, type Message } from "../protocol/stanza.ts";
import { sentAt } from "../protocol/xep-0203-delay.ts";
import { trustedStanzaId } from "../protocol/xep-0359-ids.ts";
import { hostConversation } from "./conversation.ts";
import { createLanes } from "./lanes.ts";
import { withPatience } from "./patience.ts";
import { resolveSender } from "./sender.ts";
import { takeTurn } from "./turn.ts";
import type { InboundMessage, ReceiverContext } from "./types.ts";

export type Receiver = {
  /** Never throws, never waits. */
  receive(stanza: Element): void;
  /** Resolves when all that was received has been handed over. */
  idle(): Promise<void>;
};

export function createReceiver(context: ReceiverContext): Receiver {
  const { log } = context;
  const lanes = createLanes((error) => log.error(`inbound message failed: ${describe(error)}`));
  return {
    receive(stanza) {
      if (!stanza.is("message")) return;
      const inbound = readMessage(context, decodeMessage(stanza));
      if (!inbound) return;
      context.onInbound(context.now());
      const { id } = hostConversation({ ...context, ...context.readConfig() }, inbound);
      // Who calls stop does not queue behind what is to be stopped.
      const lane = isStop(context, inbound) ? `${id} stop` : id;
      // Decided by what is the configuration when its turn comes, not when it arrived.
      const work = () =>
        withPatience(() => takeTurn({ ...context, ...context.readConfig() }, inbound), log);
      if (!lanes.push(lane, work)) {
        log.warn("dropped a message: too many are waiting in its conversation");
      }
    },
    idle: lanes.idle,
  };
}

function isStop({ outbox }: ReceiverContext, { body, conversation }: InboundMessage): boolean {
  const nick = conversation.kind === "room" ? outbox.rooms.get(conversation.room)?.nick : undefined;
  return isAbortRequestText(nick === undefined ? body : stripMention(body, { nick }));
}

/** Decoded, admitted, and with a sender; undefined when it is nothing to act on. */
function readMessage(context: ReceiverContext, message: Message): InboundMessage | undefined {
  const { session, rooms } = context.outbox;
  if (!session.jid) return undefined;
  const admission = admit(message, {
    ownJid: session.jid,
    room: (jid) => {
      const room = rooms.get(jid);
      return room && { joined: room.state === "joined", nick: room.nick };
    },
    isSibling: context.isSibling,
  });
  const { conversation } = admission;
  if (!admission.admit && admission.drop === "invitation" && message.invitation) {
    context.onInvitation(message.invitation);
  }
  const isEncrypted = !admission.admit && admission.drop === "encrypted";
  if (!conversation || (!admission.admit && !isEncrypted)) {
    noteDrop(context, message, admission.admit ? "no-sender" : admission.drop);
    return undefined;
  }
  const by = conversation.kind === "room" ? conversation.room : bareJid(session.jid);
  const stanzaId = by && trustedStanzaId(message.stanzaIds, by);
  const isRoomsOwn = conversation.kind === "room" && rooms.get(conversation.room)?.stanzaIds;
  return {
    message,
    body: admission.admit ? admission.body.trim() : "",
    isEncrypted,
    conversation,
    sender: resolveSender(conversation, rooms, context.isBelieved, message.occupantId),
    messageId: stanzaId ?? randomUUID(),
    ...(isRoomsOwn ? { reference: stanzaId } : {}),
    timestamp: sentAt(message.delays, new Date(context.now())).getTime(),
  };
}

/**
 * What comes back for a message of ours decides its fate, and an error is worth a line. Whatever else
 * is dropped is routine: anybody can send errors.
 */
function noteDrop({ log, outbox }: ReceiverContext, message: Message, drop: Drop): void {
  const { from, error, id, type } = message;
  if (drop === "own" && type === "groupchat" && from && id !== undefined) {
    outbox.sent.reflect(id, from.bare, trustedStanzaId(message.stanzaIds, from.bare));
  }
  const refusal = error && new XmppStanzaError(error.type, error.condition, error.text);
  if (refusal && from && id !== undefined && outbox.sent.refuse(id, from.full, refusal)) {
    log.warn(`${from.full} refused message ${id}: ${refusal.condition}`);
  } else log.debug?.(`dropped a message: ${drop}`);
}

function describe(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
