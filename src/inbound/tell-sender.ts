/** What we say to somebody ourselves, without the agent: where they said it, and in a room to them by nick. */
import { messageOf } from "../errors.ts";
import { replyTarget } from "../outbound/reply-target.ts";
import { sendText } from "../outbound/send.ts";
import { DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/** Never rejects: to try again would do once more what it is about, and could be a flood of its own. */
export async function tellSender(
  { findOutbox, log, outbox }: Pick<InboundContext, "findOutbox" | "log" | "outbox">,
  { conversation, reference, sender }: InboundMessage,
  text: string,
): Promise<void> {
  const isInRoom = conversation.kind === "room";
  try {
    await sendText(findOutbox() ?? outbox, replyTarget(conversation, sender.stay), text, {
      textLimit: DEFAULT_TEXT_CHUNK_LIMIT,
      ...(isInRoom ? { prefix: `${sender.label}: ` } : {}),
      ...(isInRoom && reference !== undefined
        ? { reply: { id: reference, to: occupantJid(conversation.room, conversation.nick) } }
        : {}),
    });
  } catch (error) {
    log.warn(`${sender.id} could not be told: ${messageOf(error)}`);
  }
}
