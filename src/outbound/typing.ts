/**
 * "composing" while the agent works; then "active" where it has said something since, else "paused" (XEP-0085 §5.2). What
 * people are typing is read and left alone: the host has no use for it, and no turn begins by it.
 */
import { encodeMessage } from "../protocol/stanza.ts";
import type { ChatState } from "../protocol/xep-0085-chat-states.ts";
import type { Outbox } from "./send.ts";
import type { Target } from "./target.ts";

/** Above this many occupants a chat state is noise to a room (XEP-0085 §5.5 leaves it to us). */
const LARGEST_ROOM_WITH_TYPING = 20;

export type Typing = { start: () => Promise<void>; stop: () => Promise<void> };

export function createTyping(outbox: Outbox, target: Target): Typing {
  let composing = false;
  let before: string | undefined;
  const post = (chatState: ChatState) =>
    outbox.session.post(
      encodeMessage({
        to: target.to,
        type: target.kind === "room" ? "groupchat" : "chat",
        chatState,
        hints: ["no-store"],
      }),
    );
  const isNoise = () =>
    target.kind === "room" &&
    (outbox.rooms.get(target.room)?.occupantCount ?? Infinity) > LARGEST_ROOM_WITH_TYPING;
  return {
    start: async () => {
      if (isNoise()) return;
      if (!composing) before = outbox.sent.last(target.to);
      composing = true;
      post("composing");
    },
    stop: async () => {
      if (!composing) return;
      composing = false;
      post(outbox.sent.last(target.to) === before ? "paused" : "active");
    },
  };
}
