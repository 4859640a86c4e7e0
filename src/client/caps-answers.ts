/**
 * What clients say of themselves: the service discovery behind their caps (XEP-0115 §6.2, XEP-0030 §3.1).
 * It is their own word, and never a reason to trust anybody.
 */
import { messageOf } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import {
  DISCO_INFO,
  decodeDiscoInfo,
  encodeDiscoQuery,
  type DiscoInfo,
} from "../protocol/xep-0030-disco.ts";
import { capsNode, capsOf } from "../protocol/xep-0115-caps.ts";
import type { Logger, XmppSession } from "./types.ts";

export type Announced = {
  jid: FullJid;
  /** "node#ver" of their presence. */
  caps: string;
  /** Names their stay, in the room or online. */
  stay: string;
};

/** Whoever does not answer in time says nothing for the rest of their stay. */
const TIMEOUT_MS = 3_000;
const MAX_KNOWN = 1_000;

/**
 * @param read what is kept of an answer
 * @returns a function that asks each kind of client once; undefined where there is no answer. It never rejects
 */
export function createCapsAnswers<T>(
  session: XmppSession,
  read: (info: DiscoInfo) => T,
  log: Logger,
): (client: Announced) => Promise<T | undefined> {
  /** By caps, as far as an answer proved what they stand for (§5.4). */
  const kinds = new Map<string, { value: T }>();
  /** By stay: an answer that fits no hash says nothing about others who announce the same. */
  const stays = new Map<string, Promise<T | undefined>>();

  async function ask({ jid, caps }: Announced): Promise<T | undefined> {
    const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO, caps), jid);
    try {
      const info = decodeDiscoInfo(await session.request(iq, { timeoutMs: TIMEOUT_MS }));
      if (!info) return undefined;
      const value = read(info);
      const node = caps.slice(0, caps.lastIndexOf("#"));
      if (capsNode(capsOf(info, node)) === caps) remember(kinds, caps, { value });
      return value;
    } catch (error) {
      log.debug?.(`${jid} does not say what it is: ${messageOf(error)}`);
      return undefined;
    }
  }

  return async (client) => {
    const kind = kinds.get(client.caps);
    if (kind) return kind.value;
    const key = `${client.stay} ${client.caps}`;
    const answer = stays.get(key) ?? ask(client);
    remember(stays, key, answer);
    return await answer;
  };
}

function remember<T>(known: Map<string, T>, key: string, value: T): void {
  known.set(key, value);
  for (const oldest of known.keys()) {
    if (known.size <= MAX_KNOWN) break;
    known.delete(oldest);
  }
}
