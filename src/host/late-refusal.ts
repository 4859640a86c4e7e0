/**
 * A message that came back after its sender had been told that it was sent. The agent learns of it with the
 * next turn of that conversation; none is begun for it, so that nobody can keep the agent busy with errors.
 */
import type { OpenClawConfig, PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import type { Refusal } from "../outbound/sent-messages.ts";
import { bareJid } from "../protocol/jid.ts";

type Parameters = {
  runtime: Pick<PluginRuntime, "channel" | "system">;
  cfg: OpenClawConfig;
  accountId: string;
};

export function tellAgent(
  { runtime, cfg, accountId }: Parameters,
  { to, kind, error }: Omit<Refusal, "isLate">,
): void {
  const id = bareJid(to);
  // Whose memory an occupant's is depends on who it was, which nobody can tell any more.
  if (!id || kind === "room-private") return;
  const peer = { kind: kind === "room" ? ("group" as const) : ("direct" as const), id };
  const { agentId, sessionKey } = runtime.channel.routing.resolveAgentRoute({
    cfg,
    channel: CHANNEL_ID,
    accountId,
    peer,
  });
  // Never in the words of who refused it: the agent reads this as the host's.
  runtime.system.enqueueSystemEvent(`A message to ${id} came back: ${error.condition}.`, {
    agentId,
    sessionKey,
    contextKey: `${CHANNEL_ID}:${accountId}:refused:${id}`,
    replace: true,
  });
}
