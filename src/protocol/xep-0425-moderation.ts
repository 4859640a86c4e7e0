/**
 * XEP-0425 Moderated Message Retraction 0.3.0, https://xmpp.org/extensions/xep-0425.html, and version 0.2,
 * which is all that some rooms know. Prosody's announcements carry both forms at once, and only the
 * older one says by which nickname.
 */
import { Element } from "ltx";
import { attribute, childText, onlyChild, referredId } from "./element.ts";
import { type BareJid, type FullJid, parseJid } from "./jid.ts";
import { encodeRequest } from "./rfc-6120-iq.ts";
import { decodeOccupantId } from "./xep-0421-occupant-id.ts";
import { decodeFastening, encodeFastening } from "./xep-0422-fastening.ts";
import { RETRACTION, RETRACTION_0 } from "./xep-0424-retraction.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const MODERATION = "urn:xmpp:message-moderate:1";
export const MODERATION_0 = "urn:xmpp:message-moderate:0";

export type ModerationVersion = typeof MODERATION | typeof MODERATION_0;

export type Moderation = {
  /** The stanza id that the room gave to the message it takes away. */
  id: string;
  /** The moderator, mostly as an occupant; not always told. */
  by: FullJid | undefined;
  /** The moderator's occupant-id (XEP-0421). */
  byOccupantId: string | undefined;
  reason: string | undefined;
};

const MAX_LENGTH = 1000;

/**
 * Which message a room announces as taken away by a moderator. Only the room itself can say so (§5):
 * undefined unless the message is of type "groupchat" and from a bare JID. Whether that is a room we are in,
 * the caller knows.
 */
export function decodeModeration(message: Element): Moderation | undefined {
  const from = parseJid(attribute(message, "from") ?? "");
  if (attribute(message, "type") !== "groupchat" || !from || from.resource !== undefined) {
    return undefined;
  }
  const current = decodeCurrent(message);
  const older = decodeOlder(message);
  if (!current || !older || current.id !== older.id) return current ?? older;
  return {
    id: current.id,
    by: current.by ?? older.by,
    byOccupantId: current.byOccupantId ?? older.byOccupantId,
    reason: current.reason ?? older.reason,
  };
}

function decodeCurrent(message: Element): Moderation | undefined {
  const retract = onlyChild(message, "retract", RETRACTION);
  const moderated = retract && onlyChild(retract, "moderated", MODERATION);
  const id = retract && referredId(retract);
  if (!moderated || id === undefined) return undefined;
  return { id, ...decodeModerator(moderated), reason: decodeReason(retract, RETRACTION) };
}

function decodeOlder(message: Element): Moderation | undefined {
  const fastening = decodeFastening(message);
  const moderated = fastening && onlyChild(fastening.element, "moderated", MODERATION_0);
  if (!fastening || !moderated?.getChild("retract", RETRACTION_0)) return undefined;
  const reason = decodeReason(moderated, MODERATION_0);
  return { id: fastening.id, ...decodeModerator(moderated), reason };
}

function decodeModerator(moderated: Element): Pick<Moderation, "by" | "byOccupantId"> {
  const by = parseJid(attribute(moderated, "by") ?? "")?.full;
  return { by, byOccupantId: decodeOccupantId(moderated) };
}

function decodeReason(parent: Element, xmlns: string): string | undefined {
  const reason = childText(parent, "reason", xmlns)?.slice(0, MAX_LENGTH);
  return reason === undefined ? undefined : stripInvalidXmlChars(reason);
}

/** The version to ask in, of what a room's disco#info announces; undefined when it cannot be asked. */
export function moderationVersion(features: readonly string[]): ModerationVersion | undefined {
  return ([MODERATION, MODERATION_0] as const).find((version) => features.includes(version));
}

/** The iq by which a moderator asks the room to take away the message with that stanza id (§3). */
export function encodeModeration(
  room: BareJid,
  { id, reason }: { id: string; reason?: string | undefined },
  version: ModerationVersion,
): Element {
  const isCurrent = version === MODERATION;
  const moderate = new Element("moderate", { xmlns: version, ...(isCurrent ? { id } : {}) });
  moderate.c("retract", { xmlns: isCurrent ? RETRACTION : RETRACTION_0 });
  if (reason !== undefined) moderate.c("reason").t(stripInvalidXmlChars(reason));
  return encodeRequest("set", isCurrent ? moderate : encodeFastening(id, moderate), room);
}
