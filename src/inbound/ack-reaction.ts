/** The reaction that says "I have read it, and work on it": the host's `ackReaction`. */
import {
  createAckReactionHandle,
  removeAckReactionHandleAfterReply,
  resolveAckReaction,
  shouldAckReaction,
} from "openclaw/plugin-sdk/channel-feedback";
import { messageOf } from "../errors.ts";
import { acknowledge, endAcknowledgement } from "../outbound/reactions.ts";
import { replyTarget } from "../outbound/reply-target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { referenceOf } from "./said.ts";
import type { Admitted } from "./turn-context.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

export type AckReaction = {
  /** The agent works on the message. */
  show(): void;
  /** The turn is over. */
  end(): void;
};

/** Nothing is shown on a message that others could not tell by its id. */
export function createAckReaction(
  context: InboundContext,
  inbound: InboundMessage,
  { addressing, eventKind, host, route }: Admitted,
): AckReaction {
  const { accountId, cfg, log, outbox, settings } = context;
  const { conversation, sender } = inbound;
  const isGroup = host.kind === "group";
  const id = referenceOf(inbound);
  const mayShow = shouldAckReaction({
    scope: settings.ackReactionScope ?? cfg.messages?.ackReactionScope,
    inboundEventKind: eventKind,
    isDirect: !isGroup,
    isGroup,
    isMentionableGroup: isGroup,
    canDetectMention: isGroup,
    effectiveWasMentioned: addressing.wasMentioned || addressing.implicit.length > 0,
  });
  const emoji = resolveAckReaction(cfg, route.agentId, { channel: CHANNEL_ID, accountId });
  const target = replyTarget(conversation, sender.stay);
  const onError = (error: unknown) => log.debug?.(`no reaction: ${messageOf(error)}`);
  let handle: ReturnType<typeof createAckReactionHandle> = null;
  return {
    show() {
      if (!mayShow || id === undefined || handle) return;
      handle = createAckReactionHandle({
        ackReactionValue: emoji,
        send: async () => await acknowledge(outbox, target, id, emoji),
        remove: async () => await endAcknowledgement(outbox, target, id, emoji),
        onSendError: onError,
      });
    },
    end() {
      removeAckReactionHandleAfterReply({
        removeAfterReply: settings.removeAckAfterReply ?? false,
        ackReaction: handle,
        onError,
      });
    },
  };
}
