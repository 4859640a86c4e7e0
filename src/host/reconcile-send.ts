/**
 * The host asks what became of a delivery that was under way when the Gateway ended: the archive knows
 * (outbound/evidence.ts). A delivery of several messages may have arrived in part; the host then sends it
 * again, and `arrivedOf` tells which of them to leave out.
 */
import {
  createMessageReceiptFromOutboundResults,
  type ChannelMessageUnknownSendContext,
  type ChannelMessageUnknownSendReconciliationResult,
} from "openclaw/plugin-sdk/channel-outbound";
import { messageOf } from "../errors.ts";
import { findEvidence } from "../outbound/evidence.ts";
import { inDeliveryOrder, isWhole, placeInDelivery } from "../outbound/message-ids.ts";
import { isReachable, reach } from "../outbound/reach.ts";
import { parseTarget } from "../outbound/target.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { resolveAccount } from "./account.ts";
import { findLiveAccount } from "./live-accounts.ts";
import { roomPredicate } from "./messaging.ts";

/** The host asks one delivery after the other, of all channels; it asks again. In ms. */
const PATIENCE_MS = 10_000;
const KEPT = 1_000;

const arrivedBefore = new Map<string, ReadonlySet<string>>();

/** Which messages of a delivery arrived by an earlier attempt. */
export function arrivedOf(deliveryId: string | undefined): ReadonlySet<string> | undefined {
  return deliveryId === undefined ? undefined : arrivedBefore.get(deliveryId);
}

export function forgetSend(deliveryId: string): void {
  arrivedBefore.delete(deliveryId);
}

/** "sent" with its receipt, "not_sent" where that is known, or "unresolved". */
export async function reconcileSend(
  ctx: ChannelMessageUnknownSendContext,
): Promise<ChannelMessageUnknownSendReconciliationResult> {
  const { cfg, queueId, to } = ctx;
  const { accountId } = resolveAccount(cfg, ctx.accountId);
  const target = parseTarget(to, roomPredicate(cfg, accountId));
  if ("problem" in target) return unresolved(target.problem, false);
  const live = await reach(() => findLiveAccount(accountId), target, PATIENCE_MS);
  if (!live || !isReachable(live, target)) return unresolved("no connection", true);
  const since = new Date(ctx.platformSendStartedAt ?? ctx.enqueuedAt);
  const isOurs = (id: string) => placeInDelivery(queueId, id) !== undefined;
  try {
    const { arrived, isConclusive } = await findEvidence(live, target, isOurs, since);
    const ids = [...arrived];
    if (isWhole(ids.flatMap((id) => placeInDelivery(queueId, id) ?? []))) {
      forgetSend(queueId);
      findLiveAccount(accountId)?.answerFacts.settle(queueId);
      return { status: "sent", receipt: receiptOf(inDeliveryOrder(queueId, ids), target.to) };
    }
    if (!isConclusive) return unresolved("no archive that would know", false);
    remember(queueId, arrived);
    return { status: "not_sent" };
  } catch (error) {
    return unresolved(messageOf(error), true);
  }
}

function unresolved(error: string, retryable: boolean) {
  return { status: "unresolved" as const, error, retryable };
}

function remember(deliveryId: string, arrived: ReadonlySet<string>): void {
  arrivedBefore.set(deliveryId, arrived);
  for (const oldest of arrivedBefore.keys()) {
    if (arrivedBefore.size <= KEPT) break;
    arrivedBefore.delete(oldest);
  }
}

function receiptOf(ids: readonly string[], conversationId: string) {
  return createMessageReceiptFromOutboundResults({
    results: ids.map((messageId) => ({ channel: CHANNEL_ID, messageId, conversationId })),
    kind: "text",
  });
}
