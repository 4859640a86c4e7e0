/**
 * Who may steer the account by commands: its owner, by the host's own word (`commands.ownerAllowFrom`), and the account's
 * `adminJid`. A JID counts, as a server vouches for it; patterns and whatever else a room says of somebody do not.
 */
import { resolveCommandAuthorization } from "openclaw/plugin-sdk/command-auth-native";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { parseAllowEntry } from "../policy/allowlist.ts";
import { bareJid } from "../protocol/jid.ts";

export type CommandOwners = {
  cfg: OpenClawConfig;
  accountId: string;
  /** As the account has it: further owners, of this account alone. */
  adminJid: string | readonly string[] | undefined;
};

/** `senderId`: as the host has it, which is no JID where nobody vouches for one. */
export function isCommandOwner(owners: CommandOwners, senderId: string | undefined): boolean {
  const sender = senderId === undefined ? undefined : bareJid(senderId);
  if (sender === undefined) return false;
  const { cfg, accountId, adminJid = [] } = owners;
  const isAdmin = [adminJid].flat().some((text) => {
    const entry = parseAllowEntry(text);
    return entry?.kind === "jid" && entry.jid === sender;
  });
  return isAdmin || standingOf({ cfg, accountId }, sender, false).senderIsOwner;
}

/** What the host lets somebody do whose own direct chat it is; `isAuthorized`: by the host's ingress. */
export function standingOf(
  { cfg, accountId }: Pick<CommandOwners, "cfg" | "accountId">,
  senderId: string,
  isAuthorized: boolean,
): { isAuthorizedSender: boolean; senderIsOwner: boolean } {
  return resolveCommandAuthorization({
    ctx: {
      Provider: CHANNEL_ID,
      Surface: CHANNEL_ID,
      AccountId: accountId,
      ChatType: "direct",
      SenderId: senderId,
    },
    cfg,
    commandAuthorized: isAuthorized,
  });
}
