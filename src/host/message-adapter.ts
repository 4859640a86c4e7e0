/**
 * How the host sends: the answers of turns, `message send`, cron, heartbeats and the message tool all come
 * through here, from the host's queue on disk.
 */
import { createLazyRuntimeModule } from "openclaw/plugin-sdk/lazy-runtime";
import {
  defineChannelMessageAdapter,
  type ChannelMessageSendMediaContext,
  type ChannelMessageSendTextContext,
} from "openclaw/plugin-sdk/channel-outbound";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { resolveAccount } from "./account.ts";
import { describeProblems } from "./account-problems.ts";

const loadSend = createLazyRuntimeModule(() => import("./send-message.ts"));
const loadReconcile = createLazyRuntimeModule(() => import("./reconcile-send.ts"));

export const messageAdapter = defineChannelMessageAdapter({
  id: CHANNEL_ID,
  durableFinal: {
    // Shown in test/contract/durable-delivery.test.ts.
    capabilities: {
      text: true,
      media: true,
      replyTo: true,
      messageSendingHooks: true,
      reconcileUnknownSend: true,
    },
    automaticUnknownSendReconciliation: true,
    reconcileUnknownSendKinds: { text: true, media: true },
    reconcileUnknownSend: async (ctx) => (await loadReconcile()).reconcileSend(ctx),
    afterUnknownSendTerminal: async (ctx) => (await loadReconcile()).forgetSend(ctx.queueId),
    admitDeferredDelivery: ({ cfg, accountId }) => {
      const { enabled, problems } = resolveAccount(cfg, accountId);
      if (enabled && problems.length === 0) return { status: "allowed" };
      const reason =
        problems.length > 0
          ? describeProblems(problems)
          : `XMPP account "${accountId ?? "default"}" is disabled`;
      return { status: "permanent_rejection", reason };
    },
  },
  // What is seen of an answer before it is whole: inbound/live-turn.ts, outbound/live-answer.ts. Shown in
  // test/contract/live-answers.test.ts.
  live: {
    capabilities: { draftPreview: true, previewFinalization: true, progressUpdates: true },
    finalizer: {
      capabilities: {
        finalEdit: true,
        normalFallback: true,
        discardPending: true,
        previewReceipt: true,
      },
    },
  },
  send: {
    text: async (ctx) => (await loadSend()).sendMessage(ctx, ctx.text),
    media: async (ctx) => (await loadSend()).sendMedia(ctx),
  },
});

export type SendTextContext = ChannelMessageSendTextContext;
export type SendMediaContext = ChannelMessageSendMediaContext;
