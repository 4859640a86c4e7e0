/**
 * Telling a sender how far their message has come: it arrived (XEP-0184), it was read (XEP-0333). Neither is
 * waited for, or sent again: who does not hear it sees one tick less.
 */
import { encodeMessage } from "../protocol/stanza.ts";
import type { FullJid } from "../protocol/jid.ts";
import type { Hint } from "../protocol/xep-0334-hints.ts";
import type { Outbox } from "./send.ts";
import type { Target } from "./target.ts";

/** A receipt for a direct message, to the device that asked for it (XEP-0184 §5.2). */
export function postReceipt(
  { session }: Pick<Outbox, "session">,
  to: FullJid,
  receivedId: string,
  hints: Hint[],
): void {
  session.post(encodeMessage({ to, type: "chat", receivedId, hints }));
}

/** That a message, and all before it, was read: to all devices of the person, or to the room. */
export function postDisplayed(
  { session }: Pick<Outbox, "session">,
  target: Target,
  displayedId: string,
  hints: Hint[],
): void {
  const type = target.kind === "room" ? "groupchat" : "chat";
  session.post(encodeMessage({ to: target.to, type, displayedId, hints }));
}
