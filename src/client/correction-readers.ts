/**
 * Which of a contact's clients follow a message that grows (XEP-0308): they announce it in the service discovery
 * behind their caps. The others are to see the whole message alone.
 */
import type { BareJid, FullJid } from "../protocol/jid.ts";
import type { DiscoInfo } from "../protocol/xep-0030-disco.ts";
import { CORRECTION } from "../protocol/xep-0308-correction.ts";
import { RETRACTION } from "../protocol/xep-0424-retraction.ts";
import { createCapsAnswers } from "./caps-answers.ts";
import type { Roster } from "./roster.ts";
import type { Logger, XmppSession } from "./types.ts";

export type Reader = {
  jid: FullJid;
  /** Names the time from when it came online until it leaves. */
  stay: string;
  /** It takes a message away that is retracted (XEP-0424). */
  retracts: boolean;
};

/** The clients that follow now, of those that get what is sent to the bare JID. Never rejects. */
export type FindReaders = (contact: BareJid) => Promise<Reader[]>;

type Answer = { corrects: boolean; retracts: boolean; loses: boolean };

/**
 * Profanity up to 0.14 knows a corrected message by the id of the last correction, and shows nothing of a
 * correction of what it does not know: it would show the second preview and lose the answer.
 */
const LOSES_CORRECTIONS = /^Profanity 0\.(?:\d|1[0-4])\b/u;

export function createCorrectionReaders(
  session: XmppSession,
  roster: Pick<Roster, "resourcesOf">,
  log: Logger,
): FindReaders {
  const ask = createCapsAnswers(session, readAnswer, log);
  return async (contact) => {
    const online = roster.resourcesOf(contact).filter(({ priority }) => priority >= 0);
    const highest = Math.max(...online.map(({ priority }) => priority));
    const clients = await Promise.all(
      online.map(async ({ jid, caps, stay, priority }) => {
        const answer = caps === undefined ? undefined : await ask({ jid, caps, stay });
        return { jid, stay, priority, ...answer };
      }),
    );
    if (clients.some(({ loses }) => loses)) return [];
    // RFC 6121 §8.5.2.1.1: a server may deliver to the highest priority alone; the others would miss the end.
    return clients
      .filter(({ corrects, priority }) => corrects && priority === highest)
      .map(({ jid, stay, retracts = false }) => ({ jid, stay, retracts }));
  };
}

function readAnswer({ features, identities }: DiscoInfo): Answer {
  const corrects = features.includes(CORRECTION);
  return {
    corrects,
    retracts: features.includes(RETRACTION),
    loses: corrects && identities.some(({ name = "" }) => LOSES_CORRECTIONS.test(name)),
  };
}
