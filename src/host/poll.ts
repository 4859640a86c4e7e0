/** Polls: XMPP has none that clients would show, so that one is sent as a text that is answered with a message. */
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { resolveAccount } from "./account.ts";
import { assertAllowed } from "./action-gates.ts";
import { sendMessage } from "./send-message.ts";

type SendPoll = NonNullable<NonNullable<ChannelPlugin["outbound"]>["sendPoll"]>;
type ChannelPollContext = Parameters<SendPoll>[0];

/**
 * @throws ToolAuthorizationError `actions.polls` is off
 * @throws as `sendMessage`
 */
export async function sendPoll(ctx: ChannelPollContext) {
  const { poll, content, cfg, to, accountId, threadId } = ctx;
  assertAllowed(resolveAccount(cfg, accountId), "poll");
  const text = [content?.trim(), formatPoll(poll)].filter(Boolean).join("\n\n");
  const { messageId, receipt } = await sendMessage(
    {
      cfg,
      to,
      text,
      accountId: accountId ?? null,
      threadId: threadId ?? null,
      ...(ctx.onPlatformSendDispatch ? { onPlatformSendDispatch: ctx.onPlatformSendDispatch } : {}),
      ...(ctx.assertDirectAdapterHandoff
        ? { assertDirectAdapterHandoff: ctx.assertDirectAdapterHandoff }
        : {}),
    },
    text,
  );
  return { messageId, receipt };
}

/** In Markdown. How long it is open only who reads the answers can decide. */
export function formatPoll({
  question,
  options,
  maxSelections,
}: ChannelPollContext["poll"]): string {
  const choice =
    maxSelections === undefined || maxSelections <= 1
      ? "Answer with the number of one."
      : `Answer with the numbers of up to ${maxSelections}.`;
  const numbered = options.map((option, index) => `${index + 1}. ${option}`);
  return [`**${question}**`, ...numbered, choice].join("\n");
}
