/**
 * What is done about messages of our own: corrected (XEP-0308), taken back (XEP-0424). Only what we certainly said, and
 * in rooms only what others can tell by the id that is named to them.
 */
import { randomUUID } from "node:crypto";
import { XmppNotSentError } from "../errors.ts";
import { encodeMessage } from "../protocol/stanza.ts";
import { encodeMucUser } from "../protocol/xep-0045-muc.ts";
import { placeOfTarget, type SaidMessage } from "./recent-messages.ts";
import { encodeBody, sendMessage, toBodies, type Outbox, type TextOptions } from "./send.ts";
import type { Target } from "./target.ts";

/**
 * Replaces the text of a message of ours that others or the host call `id`; undefined: the last one.
 * @returns the id of its first version, by which it goes on being known
 * @throws XmppNotSentError it is not ours, said too long ago, or `markdown` takes more than one message; and as `sendMessage`
 */
export async function editOwn(
  outbox: Outbox,
  target: Target,
  id: string | undefined,
  markdown: string,
  options: TextOptions,
  beforeSend?: () => Promise<void> | void,
): Promise<string> {
  const { firstId, reply, thread } = findOwn(outbox, target, id) ?? {};
  if (firstId === undefined) throw notOurs(outbox, target, id);
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
  const message = encodeBody(target, randomUUID(), body, facts);
  await sendMessage(outbox, target, message, beforeSend);
  return firstId;
}

/**
 * Takes a message of ours back, as far as clients hide it. `id` as in `editOwn`.
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
  const isKnownByName = !said && id !== undefined && recent.isOurs(place, id);
  if (!said && !isKnownByName) throw notOurs(outbox, target, id);
  const retractId = said ? nameOfFirst(outbox, target, said) : id;
  if (retractId === undefined) {
    throw new XmppNotSentError(
      "the room gave that message no id (XEP-0359), so nobody could tell which one is meant",
    );
  }
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
  for (const version of versionsOf(outbox, target, said)) {
    for (const name of version.ids) recent.remove(undefined, place, name);
  }
  return retractId;
}

function findOwn(
  { recent }: Outbox,
  target: Target,
  id: string | undefined,
): SaidMessage | undefined {
  const place = placeOfTarget(target);
  const said = id === undefined ? recent.lastOwn(place) : recent.find(place, id);
  return said?.senderId === undefined ? said : undefined;
}

function versionsOf(
  { recent }: Outbox,
  target: Target,
  said: SaidMessage | undefined,
): SaidMessage[] {
  if (!said) return [];
  const { firstId } = said;
  return firstId === undefined ? [said] : recent.ownVersions(placeOfTarget(target), firstId);
}

/** A correction has an id of its own in a room; what is taken back is the message, by the name of its first version. */
function nameOfFirst(outbox: Outbox, target: Target, said: SaidMessage): string | undefined {
  if (target.kind !== "room") return said.firstId ?? said.reference;
  const { firstId } = said;
  if (!outbox.rooms.get(target.room)?.stanzaIds) return undefined;
  const named = firstId === undefined ? undefined : outbox.sent.nameOf(firstId);
  const first = versionsOf(outbox, target, said).find(({ ids }) => ids[0] === firstId);
  return named ?? (first ?? said).reference;
}

function notOurs({ recent }: Outbox, target: Target, id: string | undefined): XmppNotSentError {
  if (id === undefined) return new XmppNotSentError("nothing of ours is known there");
  return new XmppNotSentError(
    recent.find(placeOfTarget(target), id)
      ? `message ${id} is somebody else's: only own messages can be changed or taken back`
      : `no message ${id} of ours is known there; the action "read" tells which there are`,
  );
}
