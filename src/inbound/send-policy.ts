/** Whether the operator, or `/send off`, keeps a session from saying anything: the host's `sendPolicy`. */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { getSessionEntry, resolveSendPolicy } from "openclaw/plugin-sdk/session-store-runtime";
import { CHANNEL_ID } from "../policy/account-policy.ts";

/** @throws where the host's sessions cannot be read */
export function isSendDenied(
  cfg: OpenClawConfig,
  { agentId, sessionKey }: { agentId: string; sessionKey: string },
): boolean {
  const entry = getSessionEntry({ agentId, sessionKey });
  const chatType = entry?.chatType;
  const session = { sessionKey, ...(entry && { entry }), ...(chatType && { chatType }) };
  return resolveSendPolicy({ cfg, channel: CHANNEL_ID, ...session }) === "deny";
}
