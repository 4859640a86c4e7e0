/** Whether a room message needs a mention: `/activation` of the room's session goes before the configuration. */
import { normalizeGroupActivation } from "openclaw/plugin-sdk/reply-runtime";
import type { ResolvedAgentRoute } from "openclaw/plugin-sdk/routing";
import { getSessionEntry, resolveStorePath } from "openclaw/plugin-sdk/session-store-runtime";
import { messageOf } from "../errors.ts";
import type { InboundContext } from "./types.ts";

export function requiresMention(
  { cfg, log }: InboundContext,
  { agentId, sessionKey }: ResolvedAgentRoute,
  configured: boolean,
): boolean {
  try {
    const storePath = resolveStorePath(cfg.session?.store, { agentId });
    const entry = getSessionEntry({ storePath, sessionKey });
    const activation = normalizeGroupActivation(entry?.groupActivation);
    return activation === undefined ? configured : activation === "mention";
  } catch (error) {
    log.warn(`the session's activation could not be read: ${messageOf(error)}`);
    return configured;
  }
}
