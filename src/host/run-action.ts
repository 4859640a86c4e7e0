/** What the actions of the message tool do. */
import { jsonResult } from "openclaw/plugin-sdk/channel-actions";
import type { ChannelMessageActionContext } from "openclaw/plugin-sdk/channel-contract";
import { assertAllowed, isXmppAction, type XmppAction } from "./action-gates.ts";
import { openAction, type ActionContext } from "./action-context.ts";
import { channelInfo, channelList, memberInfo } from "./info-actions.ts";
import { edit, react, reactions, read, reply, unsend } from "./message-actions.ts";
import { addParticipant, ban, kick, leaveGroup, renameGroup } from "./room-actions.ts";
import { setPresence, setProfile } from "./self-actions.ts";

type Run = (context: ActionContext) => Promise<Record<string, unknown>>;

const RUN: Record<XmppAction, Run> = {
  react,
  reactions,
  read,
  edit,
  unsend,
  reply,
  "member-info": memberInfo,
  "channel-info": channelInfo,
  "channel-list": channelList,
  kick,
  ban,
  removeParticipant: kick,
  addParticipant,
  renameGroup,
  leaveGroup,
  "set-presence": setPresence,
  "set-profile": setProfile,
};

/**
 * @throws ToolAuthorizationError `actions.*` does not allow it
 * @throws Error that says what is wrong with what was asked for, or why it was not done
 */
export async function runAction(
  ctx: ChannelMessageActionContext,
): Promise<ReturnType<typeof jsonResult<unknown>>> {
  const { action } = ctx;
  if (!isXmppAction(action)) throw new Error(`XMPP has no action "${action}"`);
  const context = openAction(ctx);
  assertAllowed(context.account, action);
  if (ctx.dryRun) return jsonResult<unknown>({ ok: true, dryRun: true, action });
  return jsonResult<unknown>({ ok: true, ...(await RUN[action](context)) });
}
