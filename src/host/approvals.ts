/**
 * What the host has to know of approvals over XMPP: who may answer, where they are asked. How they are asked is in
 * approval-runtime.ts, which is loaded with the first request; how they answer, in inbound/approval-answers.ts.
 */
import { createApproverRestrictedNativeApprovalCapability } from "openclaw/plugin-sdk/approval-delivery-runtime";
import { createLazyChannelApprovalNativeRuntimeAdapter } from "openclaw/plugin-sdk/approval-handler-adapter-runtime";
import {
  createChannelApproverDmTargetResolver,
  createChannelNativeOriginTargetResolver,
  shouldSuppressLocalNativeExecApprovalPrompt,
} from "openclaw/plugin-sdk/approval-native-runtime";
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { listAccountIds } from "./account.ts";
import {
  isApprover,
  isAuthorizedSender,
  isClientEnabled,
  resolveApprovalConfig,
  resolveApprovers,
  resolveTarget,
  shouldHandleRequest,
} from "./approvers.ts";
import { messaging } from "./messaging.ts";

type Capability = NonNullable<ChannelPlugin["approvalCapability"]>;
type Outbound = NonNullable<ChannelPlugin["outbound"]>;

/** The conversation that a request comes from, as a target. */
function toTarget(
  to: string | null | undefined,
  threadId: string | number | null | undefined,
): { to: string; threadId?: string | number | null } | null {
  const target = to ? messaging.normalizeTarget?.(to) : undefined;
  return target === undefined ? null : { to: target, ...(threadId ? { threadId } : {}) };
}

const describeSetup: NonNullable<Capability["describeExecApprovalSetup"]> = ({ accountId }) => {
  const isRoot = !accountId || accountId === "default";
  const path = `channels.${CHANNEL_ID}${isRoot ? "" : `.accounts.${accountId}`}.execApprovals`;
  return `Approve it from the Control UI for now. To be asked over XMPP, name who may approve in \`${path}.approvers\` (bare JIDs) or \`commands.ownerAllowFrom\`, and leave \`${path}.enabled\` unset.`;
};

const EVENT_KINDS = ["exec", "plugin", "system-agent"] as const;

const capability = createApproverRestrictedNativeApprovalCapability({
  channel: CHANNEL_ID,
  channelLabel: "XMPP",
  describeExecApprovalSetup: describeSetup,
  describePluginApprovalSetup: describeSetup,
  listAccountIds,
  hasApprovers: (params) => resolveApprovers(params).length > 0,
  isExecAuthorizedSender: isAuthorizedSender,
  isPluginAuthorizedSender: isApprover,
  isNativeDeliveryEnabled: isClientEnabled,
  resolveNativeDeliveryMode: resolveTarget,
  requireMatchingTurnSourceChannel: true,
  resolveSuppressionAccountId: ({ target, request }) =>
    target.accountId?.trim() || request.request.turnSourceAccountId?.trim() || undefined,
  resolveOriginTarget: createChannelNativeOriginTargetResolver({
    channel: CHANNEL_ID,
    shouldHandleRequest,
    resolveTurnSourceTarget: ({ request }) =>
      request.turnSourceChannel === CHANNEL_ID
        ? toTarget(request.turnSourceTo, request.turnSourceThreadId)
        : null,
    resolveSessionTarget: ({ to, threadId }) => toTarget(to, threadId),
  }),
  resolveApproverDmTargets: createChannelApproverDmTargetResolver({
    shouldHandleRequest,
    resolveApprovers,
    mapApprover: (jid) => ({ to: `user:${jid}` }),
  }),
  notifyOriginWhenDmOnly: true,
  nativeRuntime: createLazyChannelApprovalNativeRuntimeAdapter({
    eventKinds: EVENT_KINDS,
    isConfigured: isClientEnabled,
    shouldHandle: shouldHandleRequest,
    // The host hands back what it was given, and does not know its types.
    load: async () =>
      (await import("./approval-runtime.ts")).approvalRuntime as unknown as NonNullable<
        Capability["nativeRuntime"]
      >,
  }),
});

export const approvalCapability: Capability = {
  ...capability,
  // The host's own words do not say what to do about it.
  authorizeActorAction: (params) => {
    const verdict = capability.authorizeActorAction?.(params);
    if (verdict?.authorized) return verdict;
    const hasApprovers = resolveApprovers(params).length > 0;
    const reason = hasApprovers
      ? "❌ You may not answer this request: only its approvers can."
      : "❌ Nobody may approve over XMPP yet: the operator names approvers in channels.xmpp.execApprovals.approvers.";
    return { authorized: false, reason };
  },
};

/** The agent's own words that something waits for approval, where an approver is asked natively. */
export const shouldSuppressLocalPayloadPrompt: NonNullable<
  Outbound["shouldSuppressLocalPayloadPrompt"]
> = (params) =>
  shouldSuppressLocalNativeExecApprovalPrompt({
    ...params,
    isNativeDeliveryEnabled: isClientEnabled,
    resolveApprovalConfig,
  });
