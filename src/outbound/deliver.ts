/**
 * Delivery as the host understands it: what was sent has a receipt, what provably was not says so
 * with the host's own error, and nothing else is ever reported as delivered.
 */
import { createChannelPartialDeliveryError } from "openclaw/plugin-sdk/channel-inbound";
import {
  createMessageReceiptFromOutboundResults,
  type MessageReceipt,
} from "openclaw/plugin-sdk/channel-outbound";
import { PlatformMessageNotDispatchedError } from "openclaw/plugin-sdk/error-runtime";
import { XmppNotSentError, XmppStanzaError } from "../errors.ts";
import { sendText, type Outbox, type SendOptions } from "./send.ts";
import type { Target } from "./target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";

export type Delivered = { messageIds: string[]; receipt: MessageReceipt };

/**
 * Sends `markdown` and accounts for it.
 *
 * @throws PlatformMessageNotDispatchedError nothing was sent, or it came back; nobody has seen it
 * @throws a partial delivery error when a later part failed, with the receipt of the earlier ones
 * @throws XmppUnconfirmedError it is unknown whether the only part arrived
 */
export async function deliverText(
  outbox: Outbox,
  target: Target,
  markdown: string,
  options: SendOptions,
): Promise<Delivered> {
  const messageIds: string[] = [];
  try {
    await sendText(outbox, target, markdown, {
      ...options,
      onSent: async (id) => {
        messageIds.push(id);
        await options.onSent?.(id);
      },
    });
  } catch (error) {
    if (messageIds.length > 0) {
      throw createChannelPartialDeliveryError(error, {
        visibleReplySent: true,
        messageIds,
        receipt: receiptFor(messageIds, target),
      });
    }
    if (error instanceof XmppNotSentError) {
      throw new PlatformMessageNotDispatchedError(error.message, { cause: error });
    }
    if (error instanceof XmppStanzaError) {
      const problem = `${target.to} refused the message: ${error.message}`;
      throw new PlatformMessageNotDispatchedError(problem, { cause: error, retryable: false });
    }
    throw error;
  }
  return { messageIds, receipt: receiptFor(messageIds, target) };
}

function receiptFor(messageIds: readonly string[], target: Target): MessageReceipt {
  return createMessageReceiptFromOutboundResults({
    results: messageIds.map((messageId) => ({
      channel: CHANNEL_ID,
      messageId,
      conversationId: target.to,
    })),
    kind: "text",
  });
}
