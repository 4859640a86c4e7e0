/** How the host sends: `message send`, cron, heartbeats and the message tool all come through here. */
import { createLazyRuntimeModule } from "openclaw/plugin-sdk/lazy-runtime";
import {
  defineChannelMessageAdapter,
  type ChannelMessageSendTextContext,
} from "openclaw/plugin-sdk/channel-outbound";
import { CHANNEL_ID } from "../policy/account-policy.ts";

const loadSend = createLazyRuntimeModule(() => import("./send-message.ts"));

export const messageAdapter = defineChannelMessageAdapter({
  id: CHANNEL_ID,
  durableFinal: { capabilities: { text: true, media: true } },
  send: {
    text: async (ctx) => (await loadSend()).sendMessage(ctx, ctx.text),
    media: async (ctx) => (await loadSend()).sendMessage(ctx, withLink(ctx.text, ctx.mediaUrl)),
  },
});

export type SendTextContext = ChannelMessageSendTextContext;

/** Media goes out as a link on a line of its own; clients show it so (XEP-0363 upload is to come). */
function withLink(text: string, url: string | undefined): string {
  return [text, url].filter(Boolean).join("\n\n");
}
