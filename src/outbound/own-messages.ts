/**
 * What is done about messages of our own: corrected (XEP-0308), taken back (XEP-0424). Only what we certainly said, and
 * in rooms only what others can tell by the id that is named to them.
 *
 * The host, and so the agent, calls all messages of one answer by the id of the last. So all of them are taken back; and
 * what is corrected is its text, where that is one message.
 */
import { randomUUID } from "node:crypto";
import { XmppNotSentError } from "../errors.ts";
import { encodeMessage } from "../protocol/stanza.ts";
import { encodeMucUser } from "../protocol/xep-0045-muc.ts";
import { deliveryNamedBy } from "./message-ids.ts";
import { placeOfTarget, type SaidMessage } from "./recent-messages.ts";
import { encodeBody, sendMessage, toBodies, type Outbox, type TextOptions } from "./send.ts";
import type { Target } from "./target.ts";

/**
 * Replaces the text of a message of ours that others or the host call `id`; undefined: the last one.
 * @returns the id of its first version, by which it goes on being known
 * @throws XmppNotSentError it is not ours, said too long ago, a file, or it or `markdown` takes more than one message; and
 *   as `sendMessage`
 */
export async function editOwn(
  outbox: Outbox,
  target: Target,
  id: string | undefined,
  markdown: string,
  options: TextOptions,
  beforeSend?: () => Promise<void> | void,
): Promise<string> {
  const said = findOwn(outbox, target, id);
  if (said?.firstId === undefined) throw notOurs(outbox, target, id);
  // XEP-0308 §4: no file is corrected; what is meant is its caption.
  const texts = messagesOf(outbox, target, said).filter(([first]) => first?.isFile !== true);
  const [versions, ...others] = texts;
  const { firstId, reply, thread } = versions?.at(-1) ?? {};
  if (firstId === undefined) {
    throw new XmppNotSentError(
      "that is a file, which cannot be changed: unsend it, and send another",
    );
  }
  if (others.length > 0) {
    throw new XmppNotSentError(
      `that was sent as ${texts.length} messages: unsend it, which takes all of them back, and send it anew`,
    );
  }
  const bodies = toBodies(outbox, markdown, options);
  const [body] = bodies;
  if (body === undefined) throw new XmppNotSentError("there is no text to put in its place");
  if (bodies.length > 1) {
    throw new XmppNotSentError(
      "the new text takes more than one message: send a shorter one, or a message of its own",
    );
  }
  // A correction replaces all of it, and not only its text.
  const facts = { replaceId: firstId, reply, thread };
  const messageId = randomUUID();
  const message = encodeBody(target, messageId, body, facts);
  await sendMessage(outbox, target, message, beforeSend);
  outbox.sent.settle(messageId);
  return firstId;
}

/**
 * Takes a message of ours back, with the others of the same answer, as far as clients hide it. `id` as in `editOwn`.
 * @returns the id that is named to others: in a room the one that the room gave to its first version
 * @throws XmppNotSentError it is not ours, or has no name there; and as `sendMessage`
 */
export async function retractOwn(
  outbox: Outbox,
  target: Target,
  id: string | undefined,
  beforeSend?: () => Promise<void> | void,
): Promise<string> {
  const { recent } = outbox;
  const place = placeOfTarget(target);
  const said = findOwn(outbox, target, id);
  if (!said) {
    if (id === undefined || !recent.isOurs(place, id)) throw notOurs(outbox, target, id);
    return await retract(outbox, target, id, beforeSend);
  }
  const messages = messagesOf(outbox, target, said);
  const names = messages.map((versions) => nameOfFirst(outbox, target, versions));
  let named = "";
  for (const [index, versions] of messages.entries()) {
    const name = await retract(outbox, target, names[index] ?? "", beforeSend);
    if (versions.includes(said)) named = name;
    for (const version of versions) {
      for (const each of version.ids) recent.remove(undefined, place, each);
    }
  }
  return named;
}

async function retract(
  outbox: Outbox,
  target: Target,
  retractId: string,
  beforeSend?: () => Promise<void> | void,
): Promise<string> {
  const messageId = randomUUID();
  const message = encodeMessage({
    to: target.to,
    type: target.kind === "room" ? "groupchat" : "chat",
    id: messageId,
    originId: messageId,
    retractId,
    hints: ["store"],
  });
  if (target.kind === "room-private") message.append(encodeMucUser());
  await sendMessage(outbox, target, message, beforeSend);
  outbox.sent.settle(messageId);
  return retractId;
}

/** Also where somebody else gave the same id to a message of theirs. */
function findOwn(
  { recent }: Outbox,
  target: Target,
  id: string | undefined,
): SaidMessage | undefined {
  const own = recent.own(placeOfTarget(target));
  return id === undefined ? own.at(-1) : own.findLast(({ ids }) => ids.includes(id));
}

/** All messages of the answer that `said` belongs to; of each its versions, the first one first. */
function messagesOf({ recent }: Outbox, target: Target, said: SaidMessage): SaidMessage[][] {
  const delivery = deliveryOf(said);
  const own = recent.own(placeOfTarget(target));
  const isSame = (each: SaidMessage) =>
    each === said ||
    (each.firstId !== undefined && each.firstId === said.firstId) ||
    (delivery !== undefined && deliveryOf(each) === delivery);
  return [...Map.groupBy(own.filter(isSame), (each) => each.firstId ?? each).values()];
}

/** Its first version may have another: an answer that grew. */
const deliveryOf = ({ ids }: SaidMessage): string | undefined =>
  ids.map(deliveryNamedBy).find((each) => each !== undefined);

/**
 * A correction has an id of its own in a room; what is taken back is the message, by the name of its first version.
 * @throws XmppNotSentError it has none
 */
function nameOfFirst(
  { rooms, sent }: Outbox,
  target: Target,
  versions: readonly SaidMessage[],
): string {
  const [said] = versions;
  const { firstId } = said ?? {};
  const first = versions.find(({ ids }) => ids[0] === firstId) ?? versions.at(-1);
  const named = firstId === undefined ? undefined : sent.nameOf(firstId);
  const hasNames = target.kind !== "room" || rooms.get(target.room)?.stanzaIds;
  const name = target.kind === "room" ? (named ?? first?.reference) : (firstId ?? said?.reference);
  if (hasNames && name !== undefined) return name;
  throw new XmppNotSentError(
    "the room gave that message no id (XEP-0359), so nobody could tell which one is meant",
  );
}

function notOurs({ recent }: Outbox, target: Target, id: string | undefined): XmppNotSentError {
  if (id === undefined) return new XmppNotSentError("nothing of ours is known there");
  return new XmppNotSentError(
    recent.find(placeOfTarget(target), id)
      ? `message ${id} is somebody else's: only own messages can be changed or taken back`
      : `no message ${id} of ours is known there; the action "read" tells which there are`,
  );
}
