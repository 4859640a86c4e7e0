/**
 * What our server does for our account, as it says of the account's own address (XEP-0030 §3.1). Asked
 * for after each login that begins a new stream.
 */
import { messageOf } from "../errors.ts";
import { bareJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { DISCO_INFO, decodeDiscoInfo, encodeDiscoQuery } from "../protocol/xep-0030-disco.ts";
import type { Logger, XmppSession } from "./types.ts";

export type AccountFeatures = {
  /** False until the server has said so. */
  has(feature: string): boolean;
  stop(): void;
};

export function createAccountFeatures(session: XmppSession, log: Logger): AccountFeatures {
  let features: ReadonlySet<string> = new Set();

  async function ask(): Promise<void> {
    try {
      const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO), bareJid(session.jid ?? ""));
      features = new Set(decodeDiscoInfo(await session.request(iq))?.features);
    } catch (error) {
      log.debug?.(`our server does not tell what it does for us: ${messageOf(error)}`);
    }
  }

  const stop = session.onState((state) => {
    if (state.kind === "online" && !state.facts.resumed) void ask();
  });
  return { has: (feature) => features.has(feature), stop };
}
