/** One admitted message: asked of the host's policy, then challenged, dropped, remembered or dispatched. */
import {
  logInboundDrop,
  resolveChannelInboundRouteEnvelope,
} from "openclaw/plugin-sdk/channel-inbound";
import { replyTarget } from "../outbound/reply-target.ts";
import { sendText } from "../outbound/send.ts";
import { conversationId, resolveAccess, resolveAddressing } from "./access.ts";
import { dispatchTurn } from "./dispatch.ts";
import type { InboundContext, InboundMessage } from "./types.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";

export async function takeTurn(context: InboundContext, inbound: InboundMessage): Promise<void> {
  const { accountId, cfg, log } = context;
  const { conversation } = inbound;
  const { route, buildEnvelope } = resolveChannelInboundRouteEnvelope({
    cfg,
    channel: CHANNEL_ID,
    accountId,
    peer: {
      kind: conversation.kind === "room" ? "group" : "direct",
      id: conversationId(inbound),
    },
  });
  const addressing = resolveAddressing(context, inbound, route.agentId);
  const { access, room, isCommand } = await resolveAccess(
    context,
    inbound,
    addressing,
    route,
    context.pairing.approved,
  );
  const { admission, reasonCode } = access.ingress;
  switch (admission) {
    case "dispatch":
      if (inbound.isEncrypted) await refuseEncrypted(context, inbound);
      else {
        const admitted = { access, addressing, room, route, buildEnvelope };
        // A command, like /stop, must reach the agent at once.
        if (!isCommand) await context.settling.settled(route.sessionKey);
        await dispatchTurn(context, inbound, admitted);
      }
      return;
    case "pairing-required":
      await context.pairing.challenge(inbound);
      return;
    case "skip":
    case "observe":
      if (
        conversation.kind === "room" &&
        reasonCode === "activation_skipped" &&
        !inbound.isEncrypted
      ) {
        context.history.record(conversation.room, {
          sender: describeSender(inbound.sender),
          body: inbound.body,
          timestamp: inbound.timestamp,
          messageId: inbound.messageId,
        });
      }
      log.debug?.(`not addressed: ${reasonCode}`);
      return;
    default:
      logInboundDrop({
        log: (line) => log.info(line),
        channel: CHANNEL_ID,
        reason: dropReason(inbound, reasonCode),
        onceKey: JSON.stringify([accountId, conversation.kind, place(inbound), reasonCode]),
        hint: dropHint(inbound, reasonCode),
      });
  }
}

/** A nick is whoever takes it; the JID beside it says who that was. */
function describeSender({ jid, label }: InboundMessage["sender"]): string {
  return jid ? `${label} (${jid})` : label;
}

/** For one line a room, not one for each masked occupant. */
function place({ conversation }: InboundMessage): string {
  return conversation.kind === "direct" ? conversation.peer : conversation.room;
}

/** Reasons that have to do with who the sender is. */
const ABOUT_SENDER = /allowlist|identifier|pairing|no_policy_match/;

function dropReason({ conversation, sender }: InboundMessage, reasonCode: string): string {
  return conversation.kind === "direct" || sender.jid || !ABOUT_SENDER.test(reasonCode)
    ? reasonCode
    : `${reasonCode}; room ${conversation.room} hides real JIDs, so no allowlist entry can match`;
}

function dropHint({ conversation }: InboundMessage, reasonCode: string): string {
  if (reasonCode === "control_command_unauthorized") return "see commands.ownerAllowFrom";
  return conversation.kind === "room"
    ? `see channels.xmpp.groupPolicy, groupAllowFrom and mucRooms["${conversation.room}"]`
    : "see channels.xmpp.dmPolicy and allowFrom";
}

const CANNOT_DECRYPT =
  "I cannot read encrypted messages yet. Please switch encryption (OMEMO) off for this chat.";

/** Told in direct chats only: in a room the sender may well have written for others. */
async function refuseEncrypted(
  { outbox, log }: InboundContext,
  { conversation, sender }: InboundMessage,
): Promise<void> {
  log.info("an encrypted message could not be read");
  if (conversation.kind === "room") return;
  const options = { textLimit: DEFAULT_TEXT_CHUNK_LIMIT };
  await sendText(outbox, replyTarget(conversation, sender.stay), CANNOT_DECRYPT, options);
}
