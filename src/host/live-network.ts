/** Questions to the network by a running account's session: ping, disco, vCard, upload. */
import type { OpenClawConfig } from "openclaw/plugin-sdk/channel-core";
import { getAgentScopedMediaLocalRootsForSources } from "openclaw/plugin-sdk/media-local-roots";
import { isLink } from "../outbound/attachments.ts";
import { shareFile } from "../outbound/outgoing-file.ts";
import { mediaMaxBytes } from "../outbound/load-file.ts";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { domainOf, type FullJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import {
  decodeDiscoInfo,
  decodeDiscoItems,
  DISCO_INFO,
  DISCO_ITEMS,
  encodeDiscoQuery,
} from "../protocol/xep-0030-disco.ts";
import { decodeVCard, encodeVCardRequest } from "../protocol/xep-0054-vcard.ts";
import { encodePing } from "../protocol/xep-0199-ping.ts";
import type { LiveAccount } from "./live-accounts.ts";
import { getRuntime } from "./runtime.ts";

/** Below what a command line waits for the Gateway, ms. */
const TIMEOUT_MS = 15_000;
/** Of the features or items of an answer. */
const MAX_LISTED = 200;
const MAX_NAME = 500;

/**
 * Pings somebody, or our own server (XEP-0199).
 * @returns the round trip, ms
 * @throws Error what they answer instead, or that they do not
 */
export async function ping({ session }: LiveAccount, to?: FullJid | undefined) {
  const jid = to ?? domainOf(session.jid ?? ("" as FullJid));
  if (!session.jid || jid === undefined) throw new Error("the account is not online");
  const since = performance.now();
  const iq = encodeRequest("get", encodePing(), jid as FullJid);
  await session.request(iq, { timeoutMs: TIMEOUT_MS });
  return { jid: jid as FullJid, latencyMs: Math.round(performance.now() - since) };
}

/**
 * What somebody says they are and can (XEP-0030), and what belongs to them.
 * @throws Error where they do not say the first; that they list nothing is no error
 */
export async function discover({ session }: LiveAccount, jid: FullJid, node?: string | undefined) {
  const ask = async (xmlns: typeof DISCO_INFO | typeof DISCO_ITEMS) =>
    await session.request(encodeRequest("get", encodeDiscoQuery(xmlns, node), jid), {
      timeoutMs: TIMEOUT_MS,
    });
  const [info, items] = await Promise.all([
    ask(DISCO_INFO).then(decodeDiscoInfo),
    ask(DISCO_ITEMS)
      .then(decodeDiscoItems)
      .catch(() => undefined), // many list nothing to anybody
  ]);
  if (!info) throw new Error(`${jid} answers without saying what it is`);
  const cut = (text: string | undefined) => text?.slice(0, MAX_NAME).toWellFormed();
  return {
    jid,
    ...(node === undefined ? {} : { node }),
    identities: info.identities
      .slice(0, MAX_LISTED)
      .map(({ category, type, name }) => ({ category, type, name: cut(name) })),
    features: info.features.slice(0, MAX_LISTED).map((feature) => cut(feature)),
    items: (items ?? [])
      .slice(0, MAX_LISTED)
      .map((item) => ({ jid: item.jid, node: cut(item.node), name: cut(item.name) })),
  };
}

/**
 * What somebody, or our own account, says of itself (XEP-0054); the photo only by its type and size.
 * @throws Error where they have none, or their server does not tell
 */
export async function readVCard({ account, session }: LiveAccount, jid?: FullJid | undefined) {
  // Without `to` it is our own account's (§3.1).
  const iq = encodeVCardRequest(jid === (account.jid as FullJid | undefined) ? undefined : jid);
  const card = decodeVCard(await session.request(iq, { timeoutMs: TIMEOUT_MS }));
  const who = jid ?? account.jid;
  if (!card) throw new Error(`${who} has no vCard`);
  const { photo, ...words } = card;
  return {
    jid: who,
    ...words,
    ...(photo ? { photo: { type: photo.type, bytes: photo.bytes.length } } : {}),
  };
}

/**
 * Uploads a file of this machine (XEP-0363), as far as the agent of the account may send it: from the host's media
 * roots, up to `mediaMaxMb`.
 * @param path absolute; no link: what it leads to is not on this machine
 * @returns the URL from which everybody who knows it has the file
 * @throws XmppUploadError it is not there
 */
export async function uploadFile(live: LiveAccount, cfg: OpenClawConfig, path: string) {
  if (isLink(path)) throw new Error("only a file of the Gateway's machine can be uploaded");
  const { accountId, config } = live.readAccount();
  const { agentId } = getRuntime().channel.routing.resolveAgentRoute({
    cfg,
    channel: CHANNEL_ID,
    accountId,
  });
  const roots = { cfg, agentId, mediaSources: [path] };
  const shared = await shareFile(live, {
    media: path,
    mediaLocalRoots: getAgentScopedMediaLocalRootsForSources(roots),
    maxBytes: mediaMaxBytes(cfg, accountId, config.mediaMaxMb),
  });
  if ("instead" in shared) throw new Error(shared.instead);
  const { name, mediaType, size } = shared.share.file;
  return { url: shared.url, name, contentType: mediaType, bytes: size };
}
