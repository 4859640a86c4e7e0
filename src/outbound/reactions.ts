/**
 * Reactions of ours (XEP-0444). Each message carries all that we have on another one, so that what we had before is
 * looked up; after a restart it is forgotten, and the next reaction takes the place of earlier ones.
 */
import { randomUUID } from "node:crypto";
import { XmppNotSentError } from "../errors.ts";
import { encodeMessage } from "../protocol/stanza.ts";
import { encodeMucUser } from "../protocol/xep-0045-muc.ts";
import { placeOfTarget, type SaidMessage } from "./recent-messages.ts";
import { sendMessage, type Outbox } from "./send.ts";
import type { Target } from "./target.ts";

/** Among the reactions on a message, ours. */
const OURS = "";

/** The one that only says that the agent is at work. */
const acknowledgements = new WeakMap<SaidMessage, string>();

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
  const before = said?.reactions.get(OURS);
  // Nobody is told what they know.
  if (before && isSame(before, wanted)) return;
  // Before it is confirmed: another one may follow at once.
  said?.reactions.set(OURS, wanted);
  try {
    await sendMessage(outbox, target, message);
  } catch (error) {
    if (before) said?.reactions.set(OURS, before);
    else said?.reactions.delete(OURS);
    throw error;
  }
}

/**
 * Adds to, and takes from, what we have on a message. Where the room allows no more, the sign that the agent is at work
 * gives way.
 * @throws as `sendReaction`
 */
export async function changeReactions(
  outbox: Outbox,
  target: Target,
  id: string,
  { add = [], remove = [] }: { add?: readonly string[]; remove?: readonly string[] },
): Promise<void> {
  const said = outbox.recent.find(placeOfTarget(target), id);
  const own = said?.reactions.get(OURS) ?? [];
  const acknowledgement = said && acknowledgements.get(said);
  // From now on it is a reaction like any other.
  if (said && [...add, ...remove].some((each) => each === acknowledgement)) {
    acknowledgements.delete(said);
  }
  const kept = own.filter((each) => !remove.includes(each));
  const all = new Set([...kept, ...add]);
  if (acknowledgement !== undefined && all.size > mostAllowed(outbox, target)) {
    all.delete(acknowledgement);
  }
  await sendReaction(outbox, target, { id, reactions: [...all] });
}

/** Shows that the agent is at work on a message. @throws as `sendReaction` */
export async function acknowledge(
  outbox: Outbox,
  target: Target,
  id: string,
  emoji: string,
): Promise<void> {
  const said = outbox.recent.find(placeOfTarget(target), id);
  // What the agent means is not to be taken for that.
  const isMeant = said?.reactions.get(OURS)?.includes(emoji) === true;
  const sending = changeReactions(outbox, target, id, { add: [emoji] });
  if (said && !isMeant) acknowledgements.set(said, emoji);
  await sending;
}

/** Takes that away again, where it has not given way. @throws as `sendReaction` */
export async function endAcknowledgement(
  outbox: Outbox,
  target: Target,
  id: string,
  emoji: string,
): Promise<void> {
  const said = outbox.recent.find(placeOfTarget(target), id);
  if (said && acknowledgements.get(said) === undefined) return;
  await changeReactions(outbox, target, id, { remove: [emoji] });
}

const isSame = (some: readonly string[], others: readonly string[]): boolean =>
  some.length === others.length && some.every((each) => others.includes(each));

function mostAllowed({ rooms }: Outbox, target: Target): number {
  if (target.kind === "direct") return Infinity;
  return rooms.get(target.room)?.reactions?.maxPerUser ?? Infinity;
}

function assertAllowed(outbox: Outbox, target: Target, wanted: readonly string[]): void {
  if (target.kind === "direct") return;
  const { rooms } = outbox;
  const { allowlist } = rooms.get(target.room)?.reactions ?? {};
  const refused = allowlist && wanted.find((each) => !allowlist.includes(each));
  if (refused !== undefined) {
    throw new XmppNotSentError(`room ${target.room} does not allow the reaction ${refused}`);
  }
  const most = mostAllowed(outbox, target);
  if (wanted.length > most) {
    throw new XmppNotSentError(`room ${target.room} allows ${most} reactions a person`);
  }
}
