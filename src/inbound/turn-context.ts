/** What the agent and the host are told of a turn: who speaks, where, when, and what was said since. */
import {
  formatInboundMediaUnavailableText,
  type InboundEventKind,
} from "openclaw/plugin-sdk/channel-inbound";
import type { resolveChannelInboundRouteEnvelope } from "openclaw/plugin-sdk/channel-inbound";
import { formatTarget, replyTarget } from "../outbound/reply-target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { toolsFor, type ResolvedRoom } from "../policy/room.ts";
import type { resolveAccess } from "./access.ts";
import type { Addressing } from "./addressing.ts";
import type { HostConversation } from "./conversation.ts";
import type { TurnFiles } from "./files.ts";
import type { TakenHistory } from "./room-history.ts";
import { agentText } from "./agent-text.ts";
import { locationFacts } from "./location.ts";
import { quotedBy } from "./quoted.ts";
import { describePresent, describeRoom } from "./room-facts.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

const CHANNEL_LABEL = "XMPP";
/** The transcript may hold the same words without an answer. */
const AGAIN =
  "[The Gateway restarted before this message was answered. It is given to you again; it was said once.]";

type RouteEnvelope = ReturnType<typeof resolveChannelInboundRouteEnvelope>;

export type Admitted = {
  access: Awaited<ReturnType<typeof resolveAccess>>["access"];
  addressing: Addressing;
  eventKind: InboundEventKind;
  files?: TurnFiles | undefined;
  host: HostConversation;
  /** Whatever else runs or waits there: a command is no part of the conversation. */
  isAtOnce?: boolean;
  /** The sender is a program. */
  isBot: boolean;
  room: ResolvedRoom | undefined;
  route: RouteEnvelope["route"];
  buildEnvelope: RouteEnvelope["buildEnvelope"];
};

export type Turn = Admitted & { history: TakenHistory | undefined };

export function buildContext(context: InboundContext, inbound: InboundMessage, turn: Turn) {
  const { cfg, outbox, runtime, accountId, settings } = context;
  // In a direct chat only the two of us could have said what is quoted.
  const visibility =
    inbound.conversation.kind === "room"
      ? (settings.contextVisibility ?? cfg.channels?.defaults?.contextVisibility)
      : undefined;
  const { access, addressing, files, history, host, room, route } = turn;
  const { conversation, sender, timestamp } = inbound;
  // What the host keeps as the way back is the direct chat's, wherever this answer goes: what is sent
  // later is for the person, not for a room or for whoever has the nick by then.
  const to = host.jid ?? formatTarget(replyTarget(conversation, sender.stay));
  const isGroup = host.kind === "group";
  const said = files?.text ?? addressing.text;
  const label = conversationLabel(context, inbound, host);
  const place = locationFacts(
    agentText(inbound, { ...addressing, text: said }),
    inbound.message.location,
  );
  const told = files?.notice
    ? formatInboundMediaUnavailableText({ body: place.text, notice: files.notice })
    : place.text;
  const quote = quotedBy(context, inbound);
  const { thread } = inbound.message;
  const envelope = turn.buildEnvelope({
    channel: CHANNEL_LABEL,
    from: isGroup ? `${label} ${sender.label}` : label,
    timestamp,
    body: told,
  });
  const view = conversation.kind === "direct" ? undefined : outbox.rooms.get(conversation.room);
  return runtime.channel.inbound.buildContext({
    channelIngress: access,
    channel: CHANNEL_ID,
    accountId: route.accountId ?? accountId,
    messageId: inbound.messageId,
    timestamp,
    from: isGroup ? to : `xmpp:${host.id}`,
    sender: {
      id: sender.id,
      name: sender.label,
      isBot: turn.isBot,
      ...(room ? { roles: rolesOf(inbound) } : {}),
    },
    conversation: {
      kind: host.kind,
      id: host.id,
      label,
      ...(isGroup ? { routePeer: { kind: "group" as const, id: host.id } } : {}),
    },
    route: {
      agentId: route.agentId,
      accountId: route.accountId ?? accountId,
      routeSessionKey: route.sessionKey,
      ...(route.dmScope ? { dmScope: route.dmScope } : {}),
    },
    reply: {
      to,
      originatingTo: to,
      ...(quote ? { replyToId: quote.id } : {}),
      ...(thread ? { messageThreadId: thread.id } : {}),
      ...(thread?.parent === undefined ? {} : { threadParentId: thread.parent }),
    },
    ...(files && files.media.length > 0 ? { media: files.media } : {}),
    message: {
      body: history?.frame(envelope) ?? envelope,
      rawBody: files ? said : inbound.body,
      bodyForAgent: inbound.isAgain ? `${AGAIN}\n${told}` : told,
      commandBody: said,
      inboundEventKind: turn.eventKind,
      ...(history?.entries ? { inboundHistory: history.entries } : {}),
    },
    access: {
      commands: { authorized: access.commandAccess.authorized },
      ...(room && !isGroup ? { toolPolicy: toolsFor(room, sender.occupant) ?? {} } : {}),
      ...(room && isGroup
        ? {
            mentions: {
              canDetectMention: true,
              wasMentioned: addressing.wasMentioned,
              implicitMentionKinds: addressing.implicit,
              requireMention: room.requireMention,
            },
          }
        : {}),
    },
    supplemental: {
      ...(quote ? { quote } : {}),
      ...(view
        ? { channelStructuredContext: [describeRoom(view, inbound, room && !isGroup)] }
        : {}),
    },
    ...(visibility ? { contextVisibility: visibility } : {}),
    extra: room
      ? {
          ...place.context,
          ...(isGroup ? { GroupSubject: label } : {}),
          ...(view ? { GroupMembers: describePresent(outbox.rooms.occupants(view.room)) } : {}),
          ...(room.systemPrompt ? { GroupSystemPrompt: room.systemPrompt } : {}),
          ...(addressing.groupThread ? { GroupThread: addressing.groupThread } : {}),
        }
      : place.context,
  });
}

function conversationLabel(
  { knownUsers, outbox }: InboundContext,
  { sender }: InboundMessage,
  host: HostConversation,
): string {
  if (host.kind === "group") {
    const room = host.id as Parameters<typeof outbox.rooms.get>[0];
    return outbox.rooms.get(room)?.name?.toWellFormed() ?? host.id;
  }
  const nick = host.jid && knownUsers.nickOf(host.jid);
  return nick ? `${nick} (${host.id})` : sender.label;
}

/** Bindings of the host may ask for them: only what a believed room vouches for. */
function rolesOf({ sender }: InboundMessage): string[] {
  const { affiliation, role } = sender.occupant;
  return [`affiliation:${affiliation}`, `role:${role}`];
}
