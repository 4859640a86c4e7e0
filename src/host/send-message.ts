/** One send for the host, over the live session of this process. */
import { PlatformMessageNotDispatchedError } from "openclaw/plugin-sdk/error-runtime";
import { resolveTextChunkLimit } from "openclaw/plugin-sdk/reply-chunking";
import { messageOf } from "../errors.ts";
import { isLink } from "../outbound/attachments.ts";
import { deliverText } from "../outbound/deliver.ts";
import { parseTarget } from "../outbound/target.ts";
import { bareJid } from "../protocol/jid.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { requireLiveAccount } from "./live-accounts.ts";
import type { SendTextContext } from "./message-adapter.ts";
import { roomPredicate } from "./messaging.ts";
import { getRuntime } from "./runtime.ts";

/**
 * @throws PlatformMessageNotDispatchedError bad target, account not running, room not joined, offline
 */
export async function sendMessage(ctx: SendTextContext, text: string) {
  const { cfg, to } = ctx;
  const account = resolveAccount(cfg, ctx.accountId);
  const { accountId } = account;
  const outbox = requireRunning(account);
  const target = parseTarget(to, roomPredicate(cfg, accountId));
  if ("problem" in target) throw refusal(target.problem);
  if (bareJid(target.to) === account.jid) throw refusal(`${target.to} is the agent's own account`);
  const { convertMarkdownTables, resolveMarkdownTableMode } = getRuntime().channel.text;
  const tables = resolveMarkdownTableMode({ cfg, channel: CHANNEL_ID, accountId });
  const delivered = await deliverText(outbox, target, convertMarkdownTables(text, tables), {
    textLimit: resolveTextChunkLimit(cfg, CHANNEL_ID, accountId, {
      fallbackLimit: DEFAULT_TEXT_CHUNK_LIMIT,
    }),
    signal: ctx.signal,
    beforeSend: async () => {
      await ctx.onPlatformSendDispatch?.();
      ctx.assertDirectAdapterHandoff?.();
    },
  });
  getRuntime().channel.activity.record({ channel: CHANNEL_ID, accountId, direction: "outbound" });
  const messageId = delivered.messageIds.at(-1);
  if (messageId === undefined) throw refusal("there is no text to send");
  return {
    messageId,
    receipt: delivered.receipt,
    target: { kind: "conversation" as const, id: target.to },
  };
}

/**
 * Sends a link under its caption.
 * @throws PlatformMessageNotDispatchedError as `sendMessage`, and for a file of this machine
 */
export async function sendMedia(ctx: SendTextContext, media: string) {
  if (!isLink(media)) {
    throw refusal("a local file cannot be sent yet (no upload); give its https URL instead");
  }
  return await sendMessage(ctx, [ctx.text, media].filter(Boolean).join("\n\n"));
}

/** The input is wrong: nothing was sent, and trying again cannot help. */
function refusal(problem: string): PlatformMessageNotDispatchedError {
  return new PlatformMessageNotDispatchedError(problem, { cause: problem, retryable: false });
}

function requireRunning(account: XmppAccount) {
  try {
    return requireLiveAccount(account);
  } catch (error) {
    const message = messageOf(error);
    throw new PlatformMessageNotDispatchedError(message, { cause: error });
  }
}
