/**
 * XEP-0085 Chat State Notifications 2.1, https://xmpp.org/extensions/xep-0085.html
 */
import { Element } from "ltx";

export const CHAT_STATES = "http://jabber.org/protocol/chatstates";

export type ChatState = "active" | "composing" | "paused" | "inactive" | "gone";

const STATES: readonly ChatState[] = ["active", "composing", "paused", "inactive", "gone"];

/** The chat state that a message carries. */
export function decodeChatState(message: Element): ChatState | undefined {
  return STATES.find((state) => message.getChild(state, CHAT_STATES) !== undefined);
}

export function encodeChatState(state: ChatState): Element {
  return new Element(state, CHAT_STATES);
}
