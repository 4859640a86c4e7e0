/**
 * Requests for approval that the host itself sends somewhere (`approvals.exec`, `approvals.plugin`): once they are there,
 * they are answered like those that we ask, by a reaction or a reply. What became of them the host says.
 *
 * What a payload says of itself (`channelData`) proves nothing: an agent's message may say the same. The host announces
 * each request of its own before it sends it, and nobody else can; only what was announced is one. In memory: what the
 * host still sends after a restart is answered by `/approve`.
 */
import { getExecApprovalReplyMetadata } from "openclaw/plugin-sdk/approval-client-runtime";
import type { ChannelPlugin, OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { approvalPromptsOf, type ApprovalKind } from "../outbound/approval-prompts.ts";
import { placeOfTarget, type Place } from "../outbound/recent-messages.ts";
import { parseTarget, type Target } from "../outbound/target.ts";
import { DECISIONS, type Decision } from "../policy/approval-answer.ts";
import { resolveAccount } from "./account.ts";
import { roomPredicate } from "./messaging.ts";

type Outbound = NonNullable<ChannelPlugin["outbound"]>;
type BeforeDeliver = NonNullable<Outbound["beforeDeliverPayload"]>;
type AfterDeliver = NonNullable<Outbound["afterDeliverPayload"]>;
type Payload = Parameters<AfterDeliver>[0]["payload"];
type Where = { to: string; accountId?: string | null | undefined };
type Request = {
  key: string;
  accountId: string;
  target: Target;
  place: Place;
  approvalId: string;
  allowed: Decision[];
};

/** The oldest go; those are answered by `/approve`. */
const KEPT = 500;

/** By account, place and request; `text` is how its message begins. */
const announced = new Map<string, { kind: ApprovalKind; text: string }>();

/** Notes a request that the host is about to send; anything else is none. */
export const announceForwardedApproval: BeforeDeliver = ({ cfg, target: to, payload, hint }) => {
  if (hint?.kind !== "approval-pending") return;
  const request = read(cfg, to, payload);
  const text = payload.text?.trim();
  if (!request || !text) return;
  announced.set(request.key, { kind: hint.approvalKind, text });
  for (const oldest of announced.keys()) {
    if (announced.size <= KEPT) break;
    announced.delete(oldest);
  }
};

/** Whether a payload that is not yet delivered is a request that the host has announced. */
export function isAnnouncedApproval(cfg: OpenClawConfig, to: Where, payload: Payload): boolean {
  const request = read(cfg, to, payload);
  return request !== undefined && find(request, payload) !== undefined;
}

/** Notes the message of an announced request that has been delivered, once; any other is none of ours. */
export const noteForwardedApproval: AfterDeliver = ({ cfg, target: to, payload, results }) => {
  const messageIds = results.flatMap(({ messageId }) => messageId || []);
  const request = read(cfg, to, payload);
  const known = request && find(request, payload);
  if (!known || messageIds.length === 0) return;
  announced.delete(request.key);
  const { accountId, allowed, approvalId, place, target } = request;
  const message = { place, target, messageIds };
  approvalPromptsOf(accountId).addForwarded({ approvalId, kind: known.kind, allowed }, message);
};

function read(cfg: OpenClawConfig, to: Where, payload: Payload): Request | undefined {
  const metadata = getExecApprovalReplyMetadata(payload);
  const allowed = DECISIONS.filter((each) => metadata?.allowedDecisions?.includes(each));
  // What says how one ended offers nothing.
  if (!metadata || allowed.length === 0) return undefined;
  const { approvalId } = metadata;
  const { accountId } = resolveAccount(cfg, to.accountId);
  const target = parseTarget(to.to, roomPredicate(cfg, accountId));
  if ("problem" in target) return undefined;
  const place = placeOfTarget(target);
  const key = JSON.stringify([accountId, place, approvalId]);
  return { key, accountId, target, place, approvalId, allowed };
}

/** Other words under the id of an announced request are none. */
function find({ key }: Request, { text }: Payload) {
  const known = announced.get(key);
  return known && text?.trim().startsWith(known.text) ? known : undefined;
}
