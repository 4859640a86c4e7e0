/**
 * The host's message tool (`openclaw message …`, and the agent's tool): what there is is told here, what is done is in
 * run-action.ts. Each action goes over the account's live session in the Gateway.
 */
import type { ChannelMessageActionAdapter } from "openclaw/plugin-sdk/channel-contract";
import { createLazyRuntimeModule } from "openclaw/plugin-sdk/lazy-runtime";
import { extractToolSend } from "openclaw/plugin-sdk/tool-send";
import { isXmppAction, listActions } from "./action-gates.ts";
import { hasLiveAccount } from "./live-accounts.ts";

const loadActions = createLazyRuntimeModule(() => import("./run-action.ts"));

/** So that the host asks whether the agent may read them. */
const SOURCES = { "set-profile": ["media", "avatarPath", "avatarUrl"] } as const;

const MESSAGE = { aliases: ["messageId"], deliveryTargetAliases: [] };

export const actions: ChannelMessageActionAdapter = {
  describeMessageTool: ({ cfg, accountId }) => {
    const allowed = listActions(cfg, accountId);
    return allowed.length === 0 ? null : { actions: allowed, mediaSourceParams: SOURCES };
  },
  // They name a message, and not where it is: that is here, unless it is said.
  messageActionTargetAliases: { edit: MESSAGE, unsend: MESSAGE },
  supportsAction: ({ action }) => isXmppAction(action),
  // A command line has no session; another one would be a second login. Within the Gateway they are done where the host
  // still knows whether its owner asks. Sending is none of these: it goes by the host's queue (message-adapter.ts), which
  // finds its way to the Gateway by itself.
  resolveExecutionMode: ({ action }) =>
    isXmppAction(action) && !hasLiveAccount() ? "gateway" : "local",
  extractToolSend: ({ args }) => extractToolSend(args),
  handleAction: async (ctx) => (await loadActions()).runAction(ctx),
};
