/**
 * Which occupants are programs, by what they say of themselves: the identity client/bot in the service
 * discovery behind their caps. It is their own word, so it may keep two programs from answering each
 * other for ever, and is never a reason to trust anybody.
 */
import type { FullJid } from "../protocol/jid.ts";
import { createCapsAnswers } from "./caps-answers.ts";
import type { Logger, XmppSession } from "./types.ts";

export type Announced = {
  occupantJid: FullJid;
  /** "node#ver" of their presence; without caps somebody counts as a person. */
  caps?: string | undefined;
  /** Names their stay in the room. */
  stay: string;
};

/** Whether it is a program; never rejects. Whoever does not say what they are counts as a person. */
export type IsProgram = (occupant: Announced) => Promise<boolean>;

/** `own`: the node of our own caps, which only agents of this plugin have. */
export function createProgramFinder(session: XmppSession, own: string, log: Logger): IsProgram {
  const isBot = createCapsAnswers(
    session,
    ({ identities }) =>
      identities.some(({ category, type }) => category === "client" && type === "bot"),
    log,
  );
  return async ({ occupantJid, caps, stay }) => {
    if (caps === undefined) return false;
    if (caps.startsWith(`${own}#`)) return true;
    return (await isBot({ jid: occupantJid, caps, stay })) ?? false;
  };
}
