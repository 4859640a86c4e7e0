/**
 * Whether whoever the agent is answering may have a room changed. The agent may have more say in a room than they: it
 * does for them what they could do themselves, for its owner all of it.
 */
import { resolveAgentConfig } from "openclaw/plugin-sdk/agent-scope-runtime";
import { ToolAuthorizationError } from "openclaw/plugin-sdk/channel-actions";
import type { RoomSender } from "../policy/room-entry.ts";
import { resolveSender } from "../inbound/sender.ts";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { Target } from "../outbound/target.ts";
import { currentTarget, isCurrent, type ActionContext } from "./action-context.ts";

/** XEP-0045 §5.1.1 and §5.2.1: moderators kick and invite, admins do the rest. */
export type Standing = "moderator" | "admin";

/** @throws ToolAuthorizationError somebody asks for it who has no such standing there, or is not there */
export function assertStanding(
  { ctx, live: { isBelieved, rooms } }: ActionContext,
  room: BareJid,
  needed: Standing,
): void {
  if (isTrusted(ctx)) return;
  const asking = ctx.requesterSenderId?.trim();
  const has = rooms.occupants(room).some(({ nick }) => {
    const { id, occupant } = resolveSender({ kind: "room", room, nick }, rooms, isBelieved);
    return id === asking && isEnough(occupant, needed);
  });
  if (has) return;
  throw new ToolAuthorizationError(
    `who asks for it is no ${needed} of room ${room}, nor the agent's owner`,
  );
}

/** @throws ToolAuthorizationError somebody but the owner asks about another conversation than this one */
export function assertMayAskAbout(context: ActionContext, jid: BareJid): void {
  if (mayAskAbout(context, jid)) return;
  throw new ToolAuthorizationError(`only the agent's owner may ask about ${jid} from here`);
}

export function mayAskAbout(context: ActionContext, jid: BareJid): boolean {
  const current = currentTarget(context);
  const here = current?.kind === "direct" ? bareJid(current.to) : current?.room;
  return here === jid || isTrusted(context.ctx);
}

/**
 * What the agent does to messages stays in the conversation that it answers where the operator says so
 * (`tools.message.crossContext`, of the agent or of all). The host sees to that for sending, reply and edit alone.
 * @throws ToolAuthorizationError
 */
export function assertWithinContext(context: ActionContext, target: Target): void {
  const { action, agentId, cfg, toolContext } = context.ctx;
  const { currentChannelId, currentChannelProvider, currentMessagingTarget } = toolContext ?? {};
  const own = agentId ? resolveAgentConfig(cfg, agentId)?.tools?.message?.crossContext : undefined;
  const { allowAcrossProviders, allowWithinProvider } = {
    ...cfg.tools?.message?.crossContext,
    ...own,
  };
  const isAcross = currentChannelProvider !== undefined && currentChannelProvider !== CHANNEL_ID;
  const isBound = (currentMessagingTarget ?? currentChannelId) !== undefined;
  if (isAcross ? allowAcrossProviders !== false : allowWithinProvider !== false) return;
  if (!isAcross && (!isBound || isCurrent(context, target))) return;
  throw new ToolAuthorizationError(
    `the action "${action}" is for the current conversation alone (tools.message.crossContext)`,
  );
}

/** The owner; or nobody asks: a command line, or the agent by itself. */
const isTrusted = ({ requesterSenderId, senderIsOwner }: ActionContext["ctx"]): boolean =>
  !requesterSenderId?.trim() || senderIsOwner === true;

function isEnough({ affiliation, role }: RoomSender, needed: Standing): boolean {
  const isAdmin = affiliation === "owner" || affiliation === "admin";
  return isAdmin || (needed === "moderator" && role === "moderator");
}
