/**
 * A message as it lies in the queue: the stanza, and what was known when it came, of where and by whom
 * it was said. That need not be so any more when its turn comes: after a restart the rooms are not
 * joined yet, and a nick may be somebody else's. Policy is not part of it: it is asked at the turn.
 */
import { createHash, randomUUID } from "node:crypto";
import { parse } from "ltx";
import { declaredFiles } from "../policy/attached-files.ts";
import { decodeMessage, type Message } from "../protocol/stanza.ts";
import { isRecord } from "../state/json-file.ts";
import type { Arrival } from "../state/ingress-aliases.ts";
import { withAnnounced } from "./announced-files.ts";
import { namesOf } from "./revisions.ts";
import type { InboundMessage } from "./types.ts";

export const STORED_VERSION = 1;

export type StoredMessage = {
  /** What it is known by, and its copies. */
  arrival: Arrival;
  /** What is in one lane is taken up in order. */
  lane: string;
  /** Where several people's messages are in one lane: of whose there may be only so many. */
  share?: string | undefined;
  /** The `<message/>` as it came. */
  xml: string;
  inbound: Omit<InboundMessage, "message">;
  /** What its sender, or the room, may call it later. */
  names?: readonly string[];
  /** Events that wait, and do not any more once this one is stored: it corrects them. */
  replaces?: readonly string[];
  /** How often it was stored again; see `renewed`. */
  renewals?: number;
};

/** A host that never begins what it takes over may say so in the end. */
const MOST_RENEWALS = 5;

/** What the host's queue and ours hold: JSON. */
export type StoredPayload = { version: number; message: StoredMessage };

/** What lies in the queue was not written by this version of the plugin, or was changed since. */
export class UnreadableError extends Error {
  override readonly name = "UnreadableError";
}

type Origin = {
  /** `<whose archive> <id>`, given by who may give it (XEP-0359). */
  archiveId: string | undefined;
  /** It was read from an archive, or its server says that it held it back. */
  isHeld: boolean;
};

export function storeMessage(
  { message, ...inbound }: InboundMessage,
  { archiveId, isHeld, ...place }: Origin & Pick<StoredMessage, "lane" | "share" | "xml">,
): StoredMessage {
  const arrival = { ...identify(message, archiveId), isHeld, saidAt: inbound.timestamp };
  return { arrival, ...place, inbound, names: namesOf({ message, ...inbound }) };
}

/** @throws UnreadableError */
export function reviveMessage({ xml, inbound }: StoredMessage): InboundMessage {
  try {
    return { ...inbound, message: withAnnounced(decodeMessage(parse(xml)), inbound.announced) };
  } catch (error) {
    throw new UnreadableError("a stored message is not XML any more", { cause: error });
  }
}

/**
 * The same message under other ids: the host took it over, refused to begin its turn, and takes nothing by
 * an id that it has taken before. @throws RangeError after several times
 */
export function renewed(stored: StoredMessage): StoredMessage {
  const { arrival, inbound, renewals = 0 } = stored;
  if (renewals >= MOST_RENEWALS) throw new RangeError(`it was not begun ${MOST_RENEWALS} times`);
  return {
    ...stored,
    arrival: { eventId: `${arrival.eventId}~`, isCertain: true, saidAt: arrival.saidAt },
    inbound: { ...inbound, messageId: `${inbound.messageId}~`, isAgain: true },
    renewals: renewals + 1,
  };
}

/** @throws UnreadableError */
export function readPayload(payload: unknown): { version: unknown; body: StoredMessage } {
  const message = isRecord(payload) ? payload["message"] : undefined;
  const isWhole =
    isRecord(payload) &&
    isRecord(message) &&
    isRecord(message["arrival"]) &&
    isRecord(message["inbound"]) &&
    typeof message["lane"] === "string" &&
    typeof message["xml"] === "string";
  if (!isWhole) throw new UnreadableError("a stored message is incomplete");
  return { version: payload["version"], body: message as unknown as StoredMessage };
}

/**
 * Where there is no id of an archive, a message is known by one of ours, and its copies by who said what.
 * The sender is part of either: nobody can take the id of what somebody else says.
 */
function identify(message: Message, archiveId: string | undefined): Omit<Arrival, "saidAt"> {
  const { from, originId, id, replaceId, thread, type } = message;
  const places = () => declaredFiles(message).flatMap(({ urls }) => urls);
  const body = message.body?.trim() ? message.body : places().join("\n");
  const own = originId ?? id;
  const content = [from?.full, type, own, body, replaceId, thread?.id];
  return {
    eventId: archiveId === undefined ? randomUUID() : `${archiveId} ${from?.full ?? ""}`,
    isCertain: archiveId !== undefined,
    ...(own === undefined ? { words: digest(content) } : { alias: `content ${digest(content)}` }),
  };
}

function digest(content: unknown): string {
  return createHash("sha256").update(JSON.stringify(content)).digest("base64url");
}
