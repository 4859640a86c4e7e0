/**
 * Which occupants are programs, by what they say of themselves: the identity client/bot in the service
 * discovery behind their caps (XEP-0115 §6.2, XEP-0030 §3.1). It is their own word, so it may keep two
 * programs from answering each other for ever, and is never a reason to trust anybody.
 */
import { messageOf } from "../errors.ts";
import type { FullJid } from "../protocol/jid.ts";
import { encodeRequest } from "../protocol/rfc-6120-iq.ts";
import { DISCO_INFO, decodeDiscoInfo, encodeDiscoQuery } from "../protocol/xep-0030-disco.ts";
import { capsNode, capsOf } from "../protocol/xep-0115-caps.ts";
import type { Logger, XmppSession } from "./types.ts";

export type Announced = {
  occupantJid: FullJid;
  /** "node#ver" of their presence; without caps somebody counts as a person. */
  caps?: string | undefined;
  /** Names their stay in the room. */
  stay: string;
};

/** Whether it is a program; never rejects. Asked of each kind of client once. */
export type IsProgram = (occupant: Announced) => Promise<boolean>;

/** Whoever does not answer in time counts as a person for the rest of their stay. */
const TIMEOUT_MS = 3_000;
const MAX_KNOWN = 1_000;

/** `own`: the node of our own caps, which only agents of this plugin have. */
export function createProgramFinder(session: XmppSession, own: string, log: Logger): IsProgram {
  /** By caps, as far as an answer proved what they stand for (§5.4). */
  const kinds = new Map<string, boolean>();
  /** By stay: an answer that fits no hash says nothing about others who announce the same. */
  const stays = new Map<string, Promise<boolean>>();

  async function ask({ occupantJid }: Announced, caps: string): Promise<boolean> {
    const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO, caps), occupantJid);
    try {
      const info = decodeDiscoInfo(await session.request(iq, { timeoutMs: TIMEOUT_MS }));
      if (!info) return false;
      const isBot = info.identities.some(
        ({ category, type }) => category === "client" && type === "bot",
      );
      const node = caps.slice(0, caps.lastIndexOf("#"));
      if (capsNode(capsOf(info, node)) === caps) remember(kinds, caps, isBot);
      return isBot;
    } catch (error) {
      log.debug?.(`${occupantJid} does not say what it is: ${messageOf(error)}`);
      return false;
    }
  }

  return async (occupant) => {
    const { caps, stay } = occupant;
    if (caps === undefined) return false;
    if (caps.startsWith(`${own}#`)) return true;
    const kind = kinds.get(caps);
    if (kind !== undefined) return kind;
    const key = `${stay} ${caps}`;
    const answer = stays.get(key) ?? ask(occupant, caps);
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
