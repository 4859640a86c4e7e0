/**
 * What comes between a message that the host has taken over and its turn: that somebody is owed an answer is on disk
 * from then on (host/owed-recovery.ts), and what the host keeps for the conversation is out (outbound/kept-sends.ts).
 */
import { resolveChannelMessageSourceReplyDeliveryMode } from "openclaw/plugin-sdk/channel-outbound";
import { messageOf } from "../errors.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { formatTarget, placeOf, replyTarget } from "../outbound/reply-target.ts";
import type { OwedKey } from "../state/owed-answers.ts";
import type { Lifecycle } from "./debounce.ts";
import type { Admitted } from "./turn-context.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/**
 * So long the host may wait for `onAdopted`, ms: a turn that makes no progress for six minutes it takes for a broken one,
 * ends it, and asks the person to try again.
 */
const LONGEST_WAIT_MS = 4 * 60_000;

/**
 * Once the message is taken over, and before its turn begins, its answer is noted, and what the host keeps for the
 * conversation goes first: this may have waited for a run of the host's own that could not get its answer out. What the
 * agent says by its tool alone is no answer.
 */
export function beforeTurn(
  { accountId, cfg, log, now, owed }: InboundContext,
  inbound: InboundMessage,
  { eventKind, host, isAtOnce, route }: Admitted,
  lifecycle: Lifecycle,
): Lifecycle {
  const { agentId, sessionKey } = route;
  const { conversation, sender } = inbound;
  const mode = resolveChannelMessageSourceReplyDeliveryMode({ cfg, ctx: { ChatType: host.kind } });
  const isOwed = eventKind !== "room_event" && mode !== "message_tool_only";

  async function note(limit: Promise<string>): Promise<void> {
    const noted = owed.note({ ...owedKey(inbound), agentId, sessionKey, since: now() });
    // It is noted later, where there is room before the answer.
    const problem = await Promise.race([noted.then(() => undefined, messageOf), limit]);
    if (problem !== undefined) log.warn(`a crash of the Gateway could lose an answer: ${problem}`);
  }

  return {
    ...lifecycle,
    async onAdopted() {
      const { promise: limit, resolve } = Promise.withResolvers<string>();
      const timer = setTimeout(resolve, LONGEST_WAIT_MS, "there is no room for its note").unref();
      try {
        await lifecycle.onAdopted();
        const place = placeOf(accountId, replyTarget(conversation, sender.stay));
        const kept = isAtOnce ? undefined : keptSends.settled(place);
        await Promise.all([isOwed && note(limit), Promise.race([kept, limit])]);
      } finally {
        clearTimeout(timer);
      }
    },
  };
}

/** Of which message, and who waits for it. */
export const owedKey = ({ conversation, messageId, sender }: InboundMessage): OwedKey => ({
  to: formatTarget(replyTarget(conversation, sender.stay)),
  messageId,
});
