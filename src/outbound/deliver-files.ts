/** Several files of one payload: the text goes with the first, as its caption. */
import { createChannelPartialDeliveryError } from "openclaw/plugin-sdk/channel-inbound";
import { createMessageReceiptFromOutboundResults } from "openclaw/plugin-sdk/channel-outbound";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { Road } from "./attempts.ts";
import { deliverText, type Delivered, type DeliveryOptions } from "./deliver.ts";
import type { OutgoingFile } from "./outgoing-file.ts";
import type { Target } from "./target.ts";

/** @throws as `deliverText`; where something was seen before it failed, a partial delivery error says so */
export async function deliverWithFiles(
  road: Road,
  target: Target,
  markdown: string,
  files: readonly OutgoingFile[],
  options: DeliveryOptions,
): Promise<Delivered> {
  const [file, ...others] = files;
  const first = await deliverText(road, target, markdown, { ...options, file });
  const messageIds = [...first.messageIds];
  try {
    for (const other of others) {
      const { thread, textLimit, patienceMs, signal } = options;
      const more = { thread, textLimit, patienceMs, signal, file: other };
      messageIds.push(...(await deliverText(road, target, "", more)).messageIds);
    }
  } catch (error) {
    throw createChannelPartialDeliveryError(error, {
      visibleReplySent: true,
      messageIds,
      receipt: receiptOf(messageIds, target),
    });
  }
  return { messageIds, receipt: receiptOf(messageIds, target) };
}

function receiptOf(messageIds: readonly string[], { to }: Target) {
  return createMessageReceiptFromOutboundResults({
    results: messageIds.map((messageId) => ({
      channel: CHANNEL_ID,
      messageId,
      conversationId: to,
    })),
    kind: "media",
  });
}
