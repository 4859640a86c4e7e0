/** Whether somebody is heard at all, also where they say nothing to be answered: by reacting, or taking back. */
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import { resolveAccess, resolveRoomFor } from "./access.ts";
import type { Addressing } from "./addressing.ts";
import { awaitsOwnAgent } from "./own-agent.ts";
import { resolveRoute } from "./route.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

const NOT_ADDRESSED: Addressing = { text: "", said: "", wasMentioned: false, implicit: [] };

/**
 * Asks the host's policy as for a message of theirs, but that nobody is given a code, and the agent need not be addressed.
 * @returns whose session it concerns, which is everybody's where they are to have an agent of their own and have none yet;
 *   undefined where they are not let in
 */
export async function findHeard(
  context: InboundContext,
  inbound: InboundMessage,
): Promise<{ agentId: string; sessionKey: string; awaitsAgent: boolean } | undefined> {
  const { host, route } = resolveRoute(context, inbound);
  const asConfigured = resolveRoomFor(context, inbound, route, host);
  const room = asConfigured && { ...asConfigured, requireMention: false };
  const { access } = await resolveAccess(context, inbound, NOT_ADDRESSED, route, room, host, {
    kind: "reaction",
  });
  if (access.ingress.admission !== "dispatch") return undefined;
  if ((await isProgram(context, inbound)) && refuseProgram(context, NOT_ADDRESSED))
    return undefined;
  const { agentId, matchedBy, sessionKey } = route;
  const isDirect = inbound.conversation.kind === "direct";
  const awaitsAgent = isDirect && awaitsOwnAgent(context.policy, matchedBy);
  return { agentId, sessionKey, awaitsAgent };
}

/** By what they announced as they spoke: a program may come, speak and go. */
export async function isProgram(
  { isProgram: ask }: InboundContext,
  { conversation, sender }: InboundMessage,
): Promise<boolean> {
  if (conversation.kind !== "room") return false;
  const { room, nick } = conversation;
  const { caps, stay = "" } = sender;
  return await ask({ occupantJid: occupantJid(room, nick), caps, stay });
}

/** Why a program is not answered; undefined when the operator lets it be. */
export function refuseProgram(
  { settings }: InboundContext,
  { wasMentioned }: Addressing,
): string | undefined {
  if (settings.allowBots === "mentions") return wasMentioned ? undefined : "bot_without_mention";
  return settings.allowBots === true ? undefined : "bot";
}
