/**
 * Pairing requests of an account, as an operator sees and denies them. They are the host's: it keeps them, and
 * `openclaw pairing approve` grants them; its Gateway methods are called for whoever called ours, with no more rights.
 */
import type { BareJid } from "../protocol/jid.ts";
import { bareJid } from "../protocol/jid.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { isRecord } from "../state/json-file.ts";
import type { LiveAccount } from "./live-accounts.ts";

type Request = { requestId: string; jid: string; createdAt: string; expiresAt: string };

/** JIDs that were approved, as the host keeps them for this account; those of `allowFrom` are not among them. */
export async function listApproved({ pairing }: LiveAccount) {
  return { approved: (await pairing.approved()).toSorted() };
}

/** Who asked within the last hour and waits for an answer. */
export async function listPending(live: LiveAccount) {
  const requests = await readRequests(live);
  return {
    pending: requests.map(({ jid, createdAt, expiresAt }) => ({
      jid,
      code: live.pairing.codeOf(jid),
      createdAt,
      expiresAt,
    })),
  };
}

/**
 * Denies a request, by its code or by who asked: the code cannot be approved any more. Who asked is told only with
 * `notify`, as of an approval. They may ask again with their next message, and get another code then.
 * @throws Error where there is no such request
 */
export async function denyPairing(
  live: LiveAccount,
  codeOrJid: string,
  { notify = false }: { notify?: boolean } = {},
): Promise<{ denied: BareJid; notified: boolean }> {
  const { pairing, account } = live;
  const jid = codeOrJid.includes("@") ? bareJid(codeOrJid) : pairing.findByCode(codeOrJid);
  const requests = jid === undefined ? [] : await readRequests(live);
  const request = requests.find((each) => each.jid === jid);
  if (!jid || !request) {
    throw new Error(`no pairing request ${JSON.stringify(codeOrJid)} is pending for this account`);
  }
  const { requestId } = request;
  await dispatch("channels.pairing.dismiss", {
    channel: CHANNEL_ID,
    accountId: account.accountId,
    requestId,
  });
  return { denied: jid, notified: await pairing.deny(jid, notify) };
}

async function readRequests({ account: { accountId } }: LiveAccount): Promise<Request[]> {
  const answer = await dispatch("channels.pairing.list", { channel: CHANNEL_ID, accountId });
  const requests = isRecord(answer) && Array.isArray(answer["requests"]) ? answer["requests"] : [];
  return requests.flatMap((request: unknown) => {
    if (!isRecord(request)) return [];
    const { requestId, senderId, createdAt, expiresAt } = request;
    if (typeof requestId !== "string" || typeof senderId !== "string") return [];
    return { requestId, jid: senderId, createdAt: String(createdAt), expiresAt: String(expiresAt) };
  });
}

/** @throws Error what the host says */
async function dispatch(method: string, params: object): Promise<unknown> {
  const { dispatchGatewayMethod } = await import("openclaw/plugin-sdk/gateway-method-runtime");
  const { ok, payload, error } = await dispatchGatewayMethod(method, params);
  if (!ok) throw new Error(error?.message ?? `${method} failed`);
  return payload;
}
