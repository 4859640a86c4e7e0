/**
 * Requests for approval that the host itself sends somewhere (`approvals.exec`, `approvals.plugin`): once they are there,
 * they are answered like those that we ask, by a reaction or a reply. What became of them the host says.
 */
import { getExecApprovalReplyMetadata } from "openclaw/plugin-sdk/approval-client-runtime";
import type { ChannelPlugin } from "openclaw/plugin-sdk/channel-core";
import { approvalPromptsOf } from "../outbound/approval-prompts.ts";
import { placeOfTarget } from "../outbound/recent-messages.ts";
import { parseTarget } from "../outbound/target.ts";
import { DECISIONS } from "../policy/approval-answer.ts";
import { resolveAccount } from "./account.ts";
import { roomPredicate } from "./messaging.ts";

type AfterDeliver = NonNullable<NonNullable<ChannelPlugin["outbound"]>["afterDeliverPayload"]>;

/** Notes the message of a request that has been delivered; any other is none of ours. */
export const noteForwardedApproval: AfterDeliver = ({ cfg, target: to, payload, results }) => {
  const metadata = getExecApprovalReplyMetadata(payload);
  const allowed = DECISIONS.filter((each) => metadata?.allowedDecisions?.includes(each));
  const messageIds = results.flatMap(({ messageId }) => messageId || []);
  // What says how one ended offers nothing.
  if (!metadata || allowed.length === 0 || messageIds.length === 0) return;
  const { approvalId, approvalKind: kind } = metadata;
  const { accountId } = resolveAccount(cfg, to.accountId);
  const target = parseTarget(to.to, roomPredicate(cfg, accountId));
  if ("problem" in target) return;
  const message = { place: placeOfTarget(target), target, messageIds };
  approvalPromptsOf(accountId).addForwarded({ approvalId, kind, allowed }, message);
};
