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
};

/** Whether it is a program; never rejects. Asked of each kind of client once. */
export type IsProgram = (occupant: Announced) => Promise<boolean>;

/** Whoever does not answer in time counts as a person, until asked again. */
const TIMEOUT_MS = 3_000;
const MAX_KINDS = 1_000;

/** `own`: the node of our own caps, which only agents of this plugin have. */
export function createProgramFinder(session: XmppSession, own: string, log: Logger): IsProgram {
  const known = new Map<string, Promise<boolean>>();

  async function ask({ occupantJid }: Announced, caps: string): Promise<boolean> {
    const iq = encodeRequest("get", encodeDiscoQuery(DISCO_INFO, caps), occupantJid);
    try {
      const info = decodeDiscoInfo(await session.request(iq, { timeoutMs: TIMEOUT_MS }));
      const isBot = info?.identities.some(
        ({ category, type }) => category === "client" && type === "bot",
      );
      // §5.4: an answer that does not fit the hash says nothing about others who announce the same.
      const node = caps.slice(0, caps.lastIndexOf("#"));
      if (!info || capsNode(capsOf(info, node)) !== caps) known.delete(caps);
      return isBot ?? false;
    } catch (error) {
      log.debug?.(`${occupantJid} does not say what it is: ${messageOf(error)}`);
      known.delete(caps);
      return false;
    }
  }

  return async (occupant) => {
    const { caps } = occupant;
    if (caps === undefined) return false;
    if (caps.startsWith(`${own}#`)) return true;
    const answer = known.get(caps) ?? ask(occupant, caps);
    known.set(caps, answer);
    for (const oldest of known.keys()) {
      if (known.size <= MAX_KINDS) break;
      known.delete(oldest);
    }
    return await answer;
  };
}
