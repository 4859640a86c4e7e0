/**
 * Who may allow what the agent wants to do: those whom `execApprovals.approvers` names; without that key `adminJid` and
 * the host's owners (`commands.ownerAllowFrom`). Who may only talk to the agent approves nothing, nor does a domain.
 */
import {
  createChannelExecApprovalProfile,
  isChannelExecApprovalTargetRecipient,
} from "openclaw/plugin-sdk/approval-client-runtime";
import { doesApprovalRequestSelectChannelAccount } from "openclaw/plugin-sdk/approval-native-runtime";
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { parseAllowEntry } from "../policy/allowlist.ts";
import { bareJid, type BareJid } from "../protocol/jid.ts";
import { listAccountIds, resolveAccount, resolveDefaultAccountId } from "./account.ts";

type AccountRef = { cfg: OpenClawConfig; accountId?: string | null };
type Selection = Parameters<typeof doesApprovalRequestSelectChannelAccount>[0];

/** The bare JIDs of an account's approvers; nobody where the account has a problem. */
export function resolveApprovers({ cfg, accountId }: AccountRef): BareJid[] {
  const { config, problems } = resolveAccount(cfg, accountId);
  if (problems.length > 0) return [];
  const admins = [config.adminJid ?? []].flat();
  const owners = (cfg.commands?.ownerAllowFrom ?? []).map(String);
  const entries = config.execApprovals?.approvers ?? [...admins, ...owners];
  return [...new Set(entries.flatMap((entry) => approverOf(entry) ?? []))];
}

function approverOf(text: string): BareJid | undefined {
  const entry = parseAllowEntry(text);
  return entry?.kind === "jid" ? entry.jid : undefined;
}

/** A sender's id is a bare JID, or no JID at all: see inbound/sender.ts. */
function normalizeSenderId(text: string): string | undefined {
  const jid = bareJid(text.trim());
  return jid === text.trim() ? jid : undefined;
}

/** `enabled` is "auto" where nothing is said: whoever has approvers wants them asked. */
function resolveConfig({ cfg, accountId }: AccountRef) {
  const { config, configured, enabled } = resolveAccount(cfg, accountId);
  const { execApprovals } = config;
  return {
    ...execApprovals,
    enabled: enabled && configured ? (execApprovals?.enabled ?? ("auto" as const)) : false,
  };
}

/** What concerns no account of ours in particular is the default account's, or the first one's that has approvers. */
function ownerOfUnbound(cfg: OpenClawConfig): string[] {
  const all = [resolveDefaultAccountId(cfg), ...listAccountIds(cfg)];
  return all.filter((accountId) => profile.isClientEnabled({ cfg, accountId })).slice(0, 1);
}

/** Whether it is this account that asks for what concerns none. */
export const isOwnerOfUnbound = ({ cfg, accountId }: AccountRef): boolean =>
  ownerOfUnbound(cfg)[0] === accountId;

/**
 * Whether a request is for the account that `ownerOfUnbound` says, and for that reason alone: neither it, its session nor
 * `approvals.*.targets` names one. The Gateway knows nothing of such an owner.
 */
export function isUnbound({ cfg, request }: Pick<Selection, "cfg" | "request">): boolean {
  const [owner] = ownerOfUnbound(cfg);
  if (owner === undefined) return false;
  const isFor = (eligibleAccountIds: string[]) =>
    doesApprovalRequestSelectChannelAccount({
      cfg,
      request,
      channel: CHANNEL_ID,
      accountId: owner,
      defaultAccountId: resolveDefaultAccountId(cfg),
      eligibleAccountIds,
    });
  return !isFor([]) && isFor([owner]);
}

const isDefault = ({ cfg, accountId }: AccountRef): boolean =>
  !accountId || accountId === resolveDefaultAccountId(cfg);

const profile = createChannelExecApprovalProfile({
  resolveConfig,
  resolveApprovers,
  normalizeSenderId,
  // Whom the operator has approvals forwarded to is to answer them.
  isTargetRecipient: (params) =>
    isChannelExecApprovalTargetRecipient({
      ...params,
      channel: CHANNEL_ID,
      normalizeSenderId,
      matchTarget: ({ target, normalizedSenderId }) =>
        approverOf(target.to) === normalizedSenderId &&
        // Without an account the host forwards by the default one.
        Boolean(target.accountId || isDefault(params)),
    }),
  matchesRequestAccount: ({ cfg, accountId, request }) =>
    doesApprovalRequestSelectChannelAccount({
      cfg,
      request,
      channel: CHANNEL_ID,
      accountId: accountId ?? resolveDefaultAccountId(cfg),
      defaultAccountId: resolveDefaultAccountId(cfg),
      eligibleAccountIds: ownerOfUnbound(cfg),
    }),
  fallbackAgentIdFromSessionKey: true,
});

export const {
  isClientEnabled,
  isApprover,
  isAuthorizedSender,
  resolveTarget,
  shouldHandleRequest,
} = profile;
export { resolveConfig as resolveApprovalConfig };
