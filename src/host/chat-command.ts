/** `/xmpp …` in a chat: the host's plugin-command registry runs it, and the model never sees it. */
import type { OpenClawPluginApi } from "openclaw/plugin-sdk/channel-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";

/** Loads nothing of an account until somebody gives it. */
export function registerChatCommand(api: OpenClawPluginApi): void {
  api.registerCommand({
    name: CHANNEL_ID,
    description: "The XMPP account: status, rooms, join, leave, invite (its owner only)",
    channels: [CHANNEL_ID],
    acceptsArgs: true,
    // Whom the host does not obey is refused here, in our words.
    requireAuth: false,
    handler: async (context) => {
      const { runChatCommand } = await import("./run-chat-command.ts");
      return { text: await runChatCommand(context) };
    },
  });
}
