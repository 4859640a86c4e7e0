/**
 * Reactions of ours (XEP-0444). Each message carries all that we have on another one, so that what we had before is
 * looked up; after a restart it is forgotten, and the next reaction takes the place of earlier ones.
 */
import { randomUUID } from "node:crypto";
import { XmppNotSentError } from "../errors.ts";
import { encodeMessage } from "../protocol/stanza.ts";
import { encodeMucUser } from "../protocol/xep-0045-muc.ts";
import { placeOfTarget } from "./recent-messages.ts";
import { sendMessage, type Outbox } from "./send.ts";
import type { Target } from "./target.ts";

/** Among the reactions on a message, ours. */
const OURS = "";

/**
 * Sends the whole set of our reactions on the message that others call `id`; an empty one takes them back.
 * @throws XmppNotSentError the room does not allow one of them (§2.2), or so many; and as `sendMessage`
 */
export async function sendReaction(
  outbox: Outbox,
  target: Target,
  { id, reactions }: { id: string; reactions: readonly string[] },
): Promise<void> {
  const wanted = [...new Set(reactions.map((each) => each.trim()).filter(Boolean))];
  assertAllowed(outbox, target, wanted);
  const said = outbox.recent.find(placeOfTarget(target), id);
  const messageId = randomUUID();
  const message = encodeMessage({
    to: target.to,
    type: target.kind === "room" ? "groupchat" : "chat",
    id: messageId,
    originId: messageId,
    reactions: { id, reactions: wanted },
    hints: ["store"],
  });
  if (target.kind === "room-private") message.append(encodeMucUser());
  const before = said?.reactions.get(OURS) ?? [];
  // Before it is confirmed: another one may follow at once.
  said?.reactions.set(OURS, wanted);
  try {
    await sendMessage(outbox, target, message);
  } catch (error) {
    said?.reactions.set(OURS, before);
    throw error;
  }
}

/** Adds to, and takes from, what we have on a message. @throws as `sendReaction` */
export async function changeReactions(
  outbox: Outbox,
  target: Target,
  id: string,
  { add = [], remove = [] }: { add?: readonly string[]; remove?: readonly string[] },
): Promise<void> {
  const own = outbox.recent.find(placeOfTarget(target), id)?.reactions.get(OURS) ?? [];
  const kept = own.filter((each) => !remove.includes(each));
  await sendReaction(outbox, target, { id, reactions: [...kept, ...add] });
}

function assertAllowed({ rooms }: Outbox, target: Target, wanted: readonly string[]): void {
  if (target.kind === "direct") return;
  const { allowlist, maxPerUser = Infinity } = rooms.get(target.room)?.reactions ?? {};
  const refused = allowlist && wanted.find((each) => !allowlist.includes(each));
  if (refused !== undefined) {
    throw new XmppNotSentError(`room ${target.room} does not allow the reaction ${refused}`);
  }
  if (wanted.length > maxPerUser) {
    throw new XmppNotSentError(`room ${target.room} allows ${maxPerUser} reactions a person`);
  }
}
