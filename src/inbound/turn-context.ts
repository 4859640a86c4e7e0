/** What the agent and the host are told of a turn: who speaks, where, when, and what was said since. */
import type { resolveChannelInboundRouteEnvelope } from "openclaw/plugin-sdk/channel-inbound";
import { formatTarget, replyTarget } from "../outbound/reply-target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { ResolvedRoom } from "../policy/room.ts";
import { conversationId, type Addressing, type resolveAccess } from "./access.ts";
import type { TakenHistory } from "./room-history.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

const CHANNEL_LABEL = "XMPP";

type RouteEnvelope = ReturnType<typeof resolveChannelInboundRouteEnvelope>;
export type Admitted = {
  access: Awaited<ReturnType<typeof resolveAccess>>["access"];
  addressing: Addressing;
  room: ResolvedRoom | undefined;
  route: RouteEnvelope["route"];
  buildEnvelope: RouteEnvelope["buildEnvelope"];
};

export type Turn = Admitted & { history: TakenHistory | undefined };

export function buildContext(
  { outbox, runtime, accountId }: InboundContext,
  inbound: InboundMessage,
  { access, addressing, history, room, route, buildEnvelope }: Turn,
) {
  const { conversation, sender, timestamp } = inbound;
  const to = formatTarget(replyTarget(conversation, sender.stay));
  const view = conversation.kind === "direct" ? undefined : outbox.rooms.get(conversation.room);
  const label = conversation.kind === "room" ? (view?.name ?? conversation.room) : sender.label;
  const envelope = buildEnvelope({
    channel: CHANNEL_LABEL,
    from: conversation.kind === "room" ? `${label} ${sender.label}` : label,
    timestamp,
    body: addressing.text,
  });
  return runtime.channel.inbound.buildContext({
    channelIngress: access,
    channel: CHANNEL_ID,
    accountId: route.accountId ?? accountId,
    messageId: inbound.messageId,
    timestamp,
    from: conversation.kind === "room" ? to : `xmpp:${sender.id}`,
    sender: { id: sender.id, name: sender.label },
    conversation: {
      kind: conversation.kind === "room" ? "group" : "direct",
      id: conversationId(inbound),
      label,
    },
    route: {
      agentId: route.agentId,
      accountId: route.accountId ?? accountId,
      routeSessionKey: route.sessionKey,
      ...(route.dmScope ? { dmScope: route.dmScope } : {}),
    },
    reply: { to, originatingTo: to },
    message: {
      body: history?.frame(envelope) ?? envelope,
      rawBody: inbound.body,
      bodyForAgent: addressing.text,
      commandBody: addressing.text,
      ...(history?.entries ? { inboundHistory: history.entries } : {}),
    },
    access: {
      commands: { authorized: access.commandAccess.authorized },
      ...(room
        ? {
            mentions: {
              canDetectMention: true,
              wasMentioned: addressing.wasMentioned,
              requireMention: room.requireMention,
            },
          }
        : {}),
    },
    extra: room
      ? {
          GroupSubject: label,
          ...(room.systemPrompt ? { GroupSystemPrompt: room.systemPrompt } : {}),
        }
      : {},
  });
}
