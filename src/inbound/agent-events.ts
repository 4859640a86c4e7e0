/**
 * What somebody does with messages that the agent has had already, told with its next turn in that session. None is
 * begun for it: a reaction is no question, and a correction must not run a finished turn again.
 *
 * The agent reads an event as the host's word. So of what people wrote only little stands in it, in quotation marks,
 * on one line, and after who it was.
 */
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { placeOfConversation } from "../outbound/recent-messages.ts";
import { noteSaid } from "./said.ts";
import { describeSender } from "./sender.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

const MAX_EDIT = 1_000;
const MAX_SNIPPET = 80;

export type AgentSession = { agentId: string; sessionKey: string };
type Teller = Pick<InboundContext, "accountId" | "runtime">;

/** @param key two events with the same one are one, the later */
export function tellAgent(
  { accountId, runtime }: Teller,
  { agentId, sessionKey }: AgentSession,
  key: readonly string[],
  text: string,
): void {
  runtime.system.enqueueSystemEvent(text, {
    agentId,
    sessionKey,
    contextKey: [CHANNEL_ID, accountId, ...key].join(":"),
    replace: true,
  });
}

/** A message that the agent has had reads otherwise now; nothing where it reads the same. */
export function tellEdit(
  context: InboundContext,
  inbound: InboundMessage,
  text: string,
  session: AgentSession,
): void {
  const { conversation, message, sender } = inbound;
  const place = placeOfConversation(conversation);
  const { recent } = context.outbox;
  const before = message.replaceId && recent.findBy(sender.id, place, message.replaceId)?.text;
  noteSaid(context, inbound, text);
  if (before === text) return;
  const was = before === undefined ? "an earlier message" : `their message ${snippet(before)}`;
  const who = nameOf(inbound);
  const key = ["edit", place, message.replaceId ?? ""];
  tellAgent(context, session, key, `${who} edited ${was}; it now reads ${quote(text, MAX_EDIT)}.`);
}

/** Who it was, for an event; a nick may hold anything, and be so long that nothing else is seen of them. */
export function nameOf({ conversation, sender }: Pick<InboundMessage, "conversation" | "sender">) {
  return conversation.kind === "direct"
    ? conversation.peer
    : quote(describeSender({ ...sender, label: cut(sender.label, MAX_SNIPPET) }), Infinity);
}

export const snippet = (text: string): string => quote(text, MAX_SNIPPET);

function cut(text: string, most: number): string {
  const characters = Array.from(text);
  return characters.length > most ? `${characters.slice(0, most).join("")}…` : text;
}

/** JSON leaves some ends of lines, and what turns the direction of text, as they are. */
function quote(text: string, most: number): string {
  return JSON.stringify(cut(text, most).replace(/[\u0085\p{Zl}\p{Zp}\p{Bidi_Control}]/gu, " "));
}
