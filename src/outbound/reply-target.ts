import type { Conversation } from "../policy/admission.ts";
import type { Target } from "./target.ts";

/**
 * Where the answer to something said in `conversation` goes: a private message's to the occupant, as
 * long as it is the one who wrote (`stay`).
 */
export function replyTarget(conversation: Conversation, stay: string | undefined): Target {
  switch (conversation.kind) {
    case "direct":
      return { kind: "direct", to: conversation.peer };
    case "room":
      return { kind: "room", room: conversation.room, to: conversation.room };
    case "room-private": {
      const { room, nick, occupant } = conversation;
      return { kind: "room-private", room, nick, to: occupant, stay };
    }
  }
}

/** Where messages of an account go, as a key: of the turns, and of what is sent there. */
export const placeOf = (accountId: string, target: Target): string =>
  `${accountId} ${formatTarget(target)}`;

/** The target as text that `parseTarget` reads back without knowing which JIDs are rooms. */
export function formatTarget(target: Target): string {
  if (target.kind === "direct") return target.to;
  const stay = target.kind === "room-private" ? target.stay : undefined;
  return stay === undefined ? `room:${target.to}` : `stay:${stay}:${target.to}`;
}
