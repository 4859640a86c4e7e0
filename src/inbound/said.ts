/** What those whom policy admits said lately: see outbound/recent-messages.ts. */
import { placeOfConversation } from "../outbound/recent-messages.ts";
import type { FullJid } from "../protocol/jid.ts";
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/** XEP-0334 §4: its sender wants nobody to keep it. */
export const isFleeting = ({ message }: Pick<InboundMessage, "message">): boolean =>
  message.hints.some((hint) => hint === "no-store" || hint === "no-permanent-store");

/** @param text without what it quotes or addresses */
export function noteSaid({ outbox }: InboundContext, inbound: InboundMessage, text: string): void {
  const { conversation, message, messageId, parts, sender } = inbound;
  if (isFleeting(inbound) || inbound.isEncrypted) return;
  const messages = parts?.map((part) => part.message) ?? [message];
  const reference = referenceOf(inbound);
  const chosen = messages
    .flatMap(({ id, originId, replaceId }) => [id, originId, replaceId])
    .filter((id) => id !== undefined);
  const given = [messageId, reference].filter((id) => id !== undefined);
  // In a room anybody may choose the id of another's message: others go by the ids that the room gives.
  const isRooms = conversation.kind === "room" && reference !== undefined;
  outbox.recent.add(placeOfConversation(conversation), {
    ids: isRooms ? given : [...given, ...chosen],
    authorIds: isRooms ? chosen : undefined,
    reference,
    from: authorOf(inbound),
    senderId: sender.id,
    author: sender.label,
    text,
  });
}

/**
 * What others may call a message (XEP-0461 §4.1, XEP-0444 §4.1): in a room the id that the room gave it, elsewhere
 * the sender's.
 */
export function referenceOf({
  conversation,
  message,
  parts,
  reference,
}: Pick<InboundMessage, "conversation" | "message" | "parts" | "reference">): string | undefined {
  if (conversation.kind === "room") return reference;
  const { id, originId } = parts?.at(-1)?.message ?? message;
  return originId ?? id;
}

/** The author as a reply names them. */
export function authorOf({ conversation }: Pick<InboundMessage, "conversation">): FullJid {
  switch (conversation.kind) {
    case "direct":
      return conversation.peer as string as FullJid;
    case "room":
      return occupantJid(conversation.room, conversation.nick);
    case "room-private":
      return conversation.occupant;
  }
}
