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
    media: async (ctx) => (await loadSend()).sendMedia(ctx, ctx.mediaUrl),
  },
});

export type SendTextContext = ChannelMessageSendTextContext;
