/** Which agent a message is for, and whose memory that agent has of it. */
import { resolveChannelInboundRouteEnvelope } from "openclaw/plugin-sdk/channel-inbound";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { hostConversation, type HostConversation } from "./conversation.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/** The agent and the session, and the conversation that they belong to. */
export function resolveRoute(
  context: InboundContext,
  inbound: Pick<InboundMessage, "conversation" | "sender">,
) {
  const { accountId, cfg } = context;
  const { conversation } = inbound;
  const routeOf = (host: HostConversation) => {
    const { kind, id, jid } = host;
    const peer = { kind, id };
    // Whatever direct chats share, somebody whom nobody vouches for has no part in it.
    const own = kind === "direct" && jid === undefined ? withOwnSessions(cfg) : cfg;
    return {
      host,
      ...resolveChannelInboundRouteEnvelope({ cfg: own, channel: CHANNEL_ID, accountId, peer }),
    };
  };
  const resolved = routeOf(hostConversation(context, inbound));
  if (conversation.kind !== "room" || resolved.host.kind === "group") return resolved;
  // A room that the operator bound to an agent is that agent's: it has no part in another's memory.
  const own = routeOf({ kind: "group", id: conversation.room });
  return own.route.agentId === resolved.route.agentId ? resolved : own;
}

function withOwnSessions(cfg: InboundContext["cfg"]): InboundContext["cfg"] {
  return { ...cfg, session: { ...cfg.session, dmScope: "per-account-channel-peer" } };
}
