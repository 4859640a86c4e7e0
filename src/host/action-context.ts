/** What an action of the message tool is about: the account, where, and which message. */
import { readStringOrNumberParam, readStringParam } from "openclaw/plugin-sdk/channel-actions";
import type { ChannelMessageActionContext } from "openclaw/plugin-sdk/channel-contract";
import { placeOfTarget } from "../outbound/recent-messages.ts";
import { formatTarget } from "../outbound/reply-target.ts";
import { parseTarget, type Target } from "../outbound/target.ts";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import { resolveAccount, type XmppAccount } from "./account.ts";
import { requireLiveAccount, type LiveAccount } from "./live-accounts.ts";
import { roomPredicate } from "./messaging.ts";

export type ActionContext = {
  ctx: ChannelMessageActionContext;
  account: XmppAccount;
  live: LiveAccount;
};

/** @throws XmppNotSentError when the account does not run here */
export function openAction(ctx: ChannelMessageActionContext): ActionContext {
  const account = resolveAccount(ctx.cfg, ctx.accountId);
  return { ctx, account, live: requireLiveAccount(account) };
}

/** Right before something is handed to the server: the host may have withdrawn its leave meanwhile. */
export const beforeSend =
  ({ ctx }: ActionContext) =>
  async (): Promise<void> => {
    await ctx.onPlatformSendDispatch?.();
    ctx.assertDirectAdapterHandoff?.();
  };

/** Where it was asked for; undefined outside of a conversation, as on a command line. */
export function currentTarget({ ctx, account }: ActionContext): Target | undefined {
  const { currentChannelId, currentMessagingTarget } = ctx.toolContext ?? {};
  const text = currentMessagingTarget ?? currentChannelId;
  if (text === undefined) return undefined;
  const target = parseTarget(text, roomPredicate(ctx.cfg, account.accountId));
  return "problem" in target ? undefined : target;
}

/**
 * Where it is to be done: what is named, else the current conversation.
 * @throws Error that says what is wrong with it
 */
export function targetOf(context: ActionContext): Target {
  const { ctx, account } = context;
  const text = ["to", "target", "channelId"]
    .map((key) => readStringParam(ctx.params, key))
    .find((value) => value !== undefined);
  const target =
    text === undefined
      ? currentTarget(context)
      : parseTarget(text, roomPredicate(ctx.cfg, account.accountId));
  if (!target) throw new Error("no target, and no current conversation");
  if ("problem" in target) throw new Error(target.problem);
  if (bareJid(target.to) === account.jid) {
    throw new Error(`${target.to} is the agent's own account`);
  }
  return target;
}

/** As `targetOf`, of what only rooms have. A private chat in one is part of it. */
export function roomOf(context: ActionContext): BareJid {
  const target = targetOf(context);
  if (target.kind === "direct") throw new Error(`${target.to} is no room`);
  return target.room;
}

export function isCurrent(context: ActionContext, target: Target): boolean {
  const current = currentTarget(context);
  return current !== undefined && keyOf(current) === keyOf(target);
}

const keyOf = (target: Target): string =>
  target.kind === "room-private" ? formatTarget(target) : placeOfTarget(target);

/** The message that is named, as the host or others call it. */
export const messageIdOf = ({ ctx }: ActionContext): string | undefined =>
  readStringOrNumberParam(ctx.params, "messageId");

/** The same, else the one that the agent is answering, where that is in the same conversation. */
export function messageIdOrCurrent(context: ActionContext, target: Target): string {
  const named = messageIdOf(context);
  const current = context.ctx.toolContext?.currentMessageId;
  const id = named ?? (isCurrent(context, target) ? current : undefined);
  if (id === undefined) throw new Error("messageId is missing: which message is meant?");
  return String(id);
}

/** What others call it. @throws Error where nobody could tell which one is meant */
export function referenceOf({ live }: ActionContext, target: Target, id: string): string {
  const place = placeOfTarget(target);
  const said = live.recent.find(place, id);
  if (said?.reference !== undefined) return said.reference;
  if (said) {
    throw new Error(`message ${id} has no id that others know it by; the room gives none`);
  }
  if (live.recent.isOurs(place, id)) return id;
  throw new Error(`no message ${id} is known there; the action "read" tells which there are`);
}
