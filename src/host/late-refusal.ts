/**
 * A message that came back after its sender had been told that it was sent. The agent learns of it with the
 * next turn of that conversation; none is begun for it, so that nobody can keep the agent busy with errors.
 */
import type { OpenClawConfig, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import type { Rooms } from "../client/rooms.ts";
import type { XmppStanzaError } from "../errors.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { bareJid, type FullJid } from "../protocol/jid.ts";

type Parameters = {
  runtime: Pick<PluginRuntime, "channel" | "system">;
  cfg: OpenClawConfig;
  accountId: string;
  rooms: Pick<Rooms, "get">;
};

export function tellAgent(
  { runtime, cfg, accountId, rooms }: Parameters,
  to: FullJid,
  { condition }: XmppStanzaError,
): void {
  const id = bareJid(to);
  if (!id) return;
  const isRoom = rooms.get(id) !== undefined;
  // Whose memory an occupant's is depends on who it was, which nobody can tell any more.
  if (isRoom && to !== id) return;
  const peer = { kind: isRoom ? ("group" as const) : ("direct" as const), id };
  const { agentId, sessionKey } = runtime.channel.routing.resolveAgentRoute({
    cfg,
    channel: CHANNEL_ID,
    accountId,
    peer,
  });
  // Never in the words of who refused it: the agent reads this as the host's.
  runtime.system.enqueueSystemEvent(`A message to ${id} came back: ${condition}.`, {
    agentId,
    sessionKey,
    contextKey: `${CHANNEL_ID}:${accountId}:refused:${id}`,
    replace: true,
  });
}
