/**
 * May this person have this message answered? The facts go to the host's ingress resolver, which
 * alone decides on senders, pairing, commands and mentions. In a room it is told of the room, also
 * where the answer belongs to a direct chat's session (`sharedSessions`): DM policy never decides there.
 */
import {
  channelIngressRoutes,
  resolveChannelImplicitMentions,
} from "openclaw/plugin-sdk/channel-ingress-runtime";
import {
  classifyChannelInboundEvent,
  resolveUnmentionedGroupInboundPolicy,
} from "openclaw/plugin-sdk/channel-inbound";
import { isAbortRequestText } from "openclaw/plugin-sdk/command-primitives-runtime";
import type { ResolvedAgentRoute } from "openclaw/plugin-sdk/routing";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { parseRoomEntry } from "../policy/room-entry.ts";
import { resolveRoom, roomFor, type ResolvedRoom } from "../policy/room.ts";
import { requiresMention } from "./activation.ts";
import type { Addressing } from "./addressing.ts";
import type { HostConversation } from "./conversation.ts";
import { ingressSubject, xmppIngressIdentity } from "./ingress-identity.ts";
import { isPluginCommand } from "./plugin-commands.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/** The room's settings for this sender; undefined outside of rooms. */
export function resolveRoomFor(
  context: InboundContext,
  { conversation, sender }: InboundMessage,
  route: ResolvedAgentRoute,
  host: HostConversation,
): ResolvedRoom | undefined {
  if (conversation.kind !== "room") return undefined;
  const origin = context.originOf(conversation.room);
  const room = roomFor(
    resolveRoom(context.policy, conversation.room, origin),
    sender.occupant.affiliation,
  );
  // `/activation` is the room's where the session is the room's.
  if (host.kind !== "group") return room;
  return { ...room, requireMention: requiresMention(context, route, room.requireMention) };
}

export async function resolveAccess(
  context: InboundContext,
  inbound: InboundMessage,
  addressing: Addressing,
  route: ResolvedAgentRoute,
  room: ResolvedRoom | undefined,
  host: HostConversation,
  { kind }: { kind: "message" | "reaction" } = { kind: "message" },
) {
  const { conversation, sender } = inbound;
  const { accountId, cfg, policy, runtime } = context;
  const implicitMentions = resolveChannelImplicitMentions({ cfg, channel: CHANNEL_ID, accountId });
  const command = {
    allowTextCommands: runtime.channel.commands.shouldHandleTextCommands({
      cfg,
      surface: CHANNEL_ID,
    }),
    hasControlCommand: runtime.channel.text.hasControlCommand(addressing.text, cfg),
  };
  const isImplicit = addressing.implicit.length > 0 && implicitMentions.replyToBot;
  const eventKind = classifyChannelInboundEvent({
    conversation: { kind: room ? "group" : "direct" },
    unmentionedGroupPolicy: resolveUnmentionedGroupInboundPolicy({ cfg, agentId: route.agentId }),
    wasMentioned: addressing.wasMentioned || isImplicit,
    hasControlCommand: command.hasControlCommand,
    hasAbortRequest: isAbortRequestText(addressing.text),
  });
  const access = await runtime.channel.inbound.ingress.resolve({
    channelId: CHANNEL_ID,
    accountId,
    identity: xmppIngressIdentity,
    subject: ingressSubject(sender, room ? "room" : "direct"),
    conversation:
      room && conversation.kind === "room"
        ? { kind: "group", id: conversation.room }
        : { kind: "direct", id: host.id },
    contextBinding: {
      agentId: route.agentId,
      sessionKey: route.sessionKey,
      messageId: inbound.messageId,
      inboundEventKind: eventKind,
    },
    // Only a JID that a server vouches for can be paired: a nick belongs to whoever takes it next.
    event: {
      kind,
      authMode: "inbound",
      mayPair: kind === "message" && !room && sender.jid !== undefined,
    },
    policy: {
      dmPolicy: policy.dmPolicy,
      groupPolicy: room?.senderPolicy ?? policy.groupPolicy,
      groupAllowFromFallbackToAllowFrom: false,
      minIdentifierAuthentication: "asserted",
      activation: {
        requireMention: room?.requireMention ?? false,
        allowTextCommands: command.allowTextCommands,
        implicitMentions,
      },
    },
    allowFrom: room
      ? named([...policy.allowFrom, ...(cfg.commands?.ownerAllowFrom ?? []).map(String)])
      : directAllowFrom(policy),
    groupAllowFrom: named(room?.allowFrom ?? []),
    route: room ? roomRoutes(room) : [],
    ...(cfg.accessGroups ? { accessGroups: cfg.accessGroups } : {}),
    ...(room
      ? {
          mentionFacts: {
            canDetectMention: true,
            wasMentioned: addressing.wasMentioned,
            hasAnyMention: addressing.wasMentioned,
            implicitMentionKinds: addressing.implicit,
          },
        }
      : {}),
    readStoreAllowFrom: context.pairing.approved,
    command,
  });
  const isCommand = command.hasControlCommand || isPluginCommand(addressing.text);
  return { access, eventKind, isCommand: command.allowTextCommands && isCommand };
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
    // The list decides on messages; on commands decides what is left of it by `named`.
    {
      id: "xmpp:room-senders",
      kind: "routeSender",
      precedence: 20,
      senderPolicy: "replace",
      senderAllowFrom: room.allowFrom,
    },
  );
}

/** An open policy lets everybody in, to a direct chat and to no more. */
function directAllowFrom({ dmPolicy, allowFrom }: InboundContext["policy"]): string[] {
  return dmPolicy === "open" ? ["*", ...allowFrom] : allowFrom;
}

/** Whose commands are obeyed in a room: those that a list names, and never everybody's. */
function named(entries: readonly string[]): string[] {
  return entries.filter((text) => parseRoomEntry(text)?.kind !== "any");
}
