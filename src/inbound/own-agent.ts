/** Somebody whom policy admits in a direct chat, and for whom there shall be an agent of their own. */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { XmppUnconfirmedError } from "../errors.ts";
import { replyTarget } from "../outbound/reply-target.ts";
import { sendText } from "../outbound/send.ts";
import { DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

export type OwnAgents = {
  /**
   * Makes the agent, unless the person has one, or the operator gave them one. Where many are new at once they wait, in
   * the order in which they came; `signal` ends that. `isAdmitted` is asked when their turn comes, and before the
   * agent is made: there is none for whom policy lets in no more.
   * @returns the configuration by which what they wrote is to be judged anew; or why there is no agent
   * @throws where it may be tried again
   */
  provide(
    jid: BareJid,
    signal: AbortSignal,
    isAdmitted: () => Promise<boolean>,
  ): Promise<{ cfg: OpenClawConfig } | { refused: string }>;
};

/**
 * Whether the agent is everybody's: nobody bound the person or the account. A binding of the whole channel says no more,
 * and the host writes one itself as soon as there are several agents.
 */
export const isEverybodys = (matchedBy: string): boolean =>
  matchedBy === "default" || matchedBy === "binding.channel";

/** Whether somebody in a direct chat is to have an agent of their own, and has none yet. */
export const awaitsOwnAgent = (
  { dynamicAgents }: Pick<InboundContext["policy"], "dynamicAgents">,
  matchedBy: string,
): boolean => dynamicAgents?.enabled === true && isEverybodys(matchedBy);

const NONE_LEFT = "Sorry, I cannot take on anybody new at the moment.";

/** @returns whose agent is to be made; undefined: the route stands */
export function newcomer(
  { policy }: Pick<InboundContext, "policy">,
  { conversation }: Pick<InboundMessage, "conversation">,
  matchedBy: string,
): BareJid | undefined {
  // A room's agent is the room's; and whom nobody vouches for could come under any number of names.
  if (conversation.kind !== "direct" || !awaitsOwnAgent(policy, matchedBy)) return undefined;
  return conversation.peer;
}

/** What the agent of all others knows is not for somebody who was to have their own. */
export async function refuseWithoutAgent(
  { log, outbox, tally }: InboundContext,
  { conversation, sender }: InboundMessage,
  reason: string,
): Promise<void> {
  tally.add("not-admitted");
  const who = conversation.kind === "direct" ? conversation.peer : sender.id;
  log.warn(`dropped: there is no agent for ${who}: ${reason}; see docs/operations.md`);
  try {
    const options = { textLimit: DEFAULT_TEXT_CHUNK_LIMIT };
    await sendText(outbox, replyTarget(conversation, sender.stay), NONE_LEFT, options);
  } catch (error) {
    // It may have arrived: once too few is better than twice.
    if (!(error instanceof XmppUnconfirmedError)) throw error;
    log.warn(`whether that was told is not known: ${error.message}`);
  }
}
