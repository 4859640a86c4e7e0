/**
 * May this person have this message answered? The facts go to the host's ingress resolver, which
 * alone decides on senders, pairing, commands and mentions.
 */
import { channelIngressRoutes } from "openclaw/plugin-sdk/channel-ingress-runtime";
import type { ResolvedAgentRoute } from "openclaw/plugin-sdk/routing";
import { parseAllowEntry } from "../policy/allowlist.ts";
import { findMention, stripMention } from "../policy/mention.ts";
import { resolveRoom, type ResolvedRoom } from "../policy/room.ts";
import { ingressSubject, xmppIngressIdentity } from "./ingress-identity.ts";
import type { InboundContext, InboundMessage } from "./types.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";

/** How a message addresses the agent, and its text without the address. */
export type Addressing = { text: string; wasMentioned: boolean };

/** A mention is our nick as a word, or one of the host's `mentionPatterns`; rooms only. */
export function resolveAddressing(
  context: InboundContext,
  inbound: InboundMessage,
  agentId: string,
): Addressing {
  const { conversation, body } = inbound;
  if (conversation.kind !== "room") return { text: body, wasMentioned: false };
  const nick = context.outbox.rooms.get(conversation.room)?.nick ?? "";
  if (nick && findMention(body, nick)) {
    return { text: stripMention(body, nick) || body, wasMentioned: true };
  }
  const { mentions } = context.runtime.channel;
  const wasMentioned = mentions.matchesMentionPatterns(
    body,
    mentions.buildMentionRegexes(context.cfg, agentId, {
      provider: CHANNEL_ID,
      conversationId: conversation.room,
    }),
  );
  return { text: body, wasMentioned };
}

export async function resolveAccess(
  context: InboundContext,
  inbound: InboundMessage,
  addressing: Addressing,
  route: ResolvedAgentRoute,
  readPairingStore: () => Promise<string[]>,
) {
  const { conversation, sender } = inbound;
  const { cfg, policy, runtime } = context;
  const room = conversation.kind === "room" ? resolveRoom(policy, conversation.room) : undefined;
  const command = {
    allowTextCommands: runtime.channel.commands.shouldHandleTextCommands({
      cfg,
      surface: CHANNEL_ID,
    }),
    hasControlCommand: runtime.channel.text.hasControlCommand(addressing.text, cfg),
  };
  const access = await runtime.channel.inbound.ingress.resolve({
    channelId: CHANNEL_ID,
    accountId: context.accountId,
    identity: xmppIngressIdentity,
    subject: ingressSubject(sender),
    conversation: { kind: room ? "group" : "direct", id: conversationId(inbound) },
    contextBinding: {
      agentId: route.agentId,
      sessionKey: route.sessionKey,
      messageId: inbound.messageId,
      inboundEventKind: "user_request",
    },
    // Only a JID that a server vouches for can be paired: a nick belongs to whoever takes it next.
    event: { kind: "message", authMode: "inbound", mayPair: !room && sender.jid !== undefined },
    policy: {
      dmPolicy: policy.dmPolicy,
      groupPolicy: room?.senderPolicy ?? policy.groupPolicy,
      groupAllowFromFallbackToAllowFrom: false,
      minIdentifierAuthentication: "asserted",
      activation: {
        requireMention: room?.requireMention ?? false,
        allowTextCommands: command.allowTextCommands,
      },
    },
    allowFrom: room ? named(policy.allowFrom) : directAllowFrom(policy),
    groupAllowFrom: room?.allowFrom ?? [],
    route: room ? roomRoutes(room) : [],
    ...(cfg.accessGroups ? { accessGroups: cfg.accessGroups } : {}),
    ...(room
      ? {
          mentionFacts: {
            canDetectMention: true,
            wasMentioned: addressing.wasMentioned,
            hasAnyMention: addressing.wasMentioned,
          },
        }
      : {}),
    readStoreAllowFrom: readPairingStore,
    command,
  });
  return { access, room, isCommand: command.hasControlCommand };
}

function roomRoutes(room: ResolvedRoom) {
  return channelIngressRoutes(
    !room.listed && {
      id: "xmpp:room",
      allowed: false,
      precedence: 0,
      matchId: "xmpp-room",
      blockReason: "room_not_listed",
    },
    !room.enabled && {
      id: "xmpp:room-enabled",
      enabled: false,
      precedence: 10,
      blockReason: "room_disabled",
    },
  );
}

/** An open policy lets everybody in, to a direct chat and to no more. */
function directAllowFrom({ dmPolicy, allowFrom }: InboundContext["policy"]): string[] {
  return dmPolicy === "open" ? ["*", ...allowFrom] : allowFrom;
}

/** In a room the DM list only says whose commands are obeyed there: never everybody's. */
function named(allowFrom: readonly string[]): string[] {
  return allowFrom.filter((text) => parseAllowEntry(text)?.kind !== "any");
}

/** The peer by which the host routes and keeps sessions. */
export function conversationId({ conversation, sender }: InboundMessage): string {
  return conversation.kind === "room" ? conversation.room : sender.peer;
}
