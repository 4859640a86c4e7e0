/**
 * Files that somebody sends within the stream itself: offered by SI file transfer (XEP-0096) or by Jingle
 * (XEP-0234), carried by an in-band bytestream (XEP-0047). Elements in, elements and octets out: who may
 * send, where the octets go and how long to wait is the caller's.
 */
import { Element } from "ltx";
import { attribute } from "../protocol/element.ts";
import { parseJid, type FullJid } from "../protocol/jid.ts";
import { encodeRefusal } from "../protocol/rfc-6120-iq.ts";
import { IBB, decodeIbbRequest } from "../protocol/xep-0047-ibb.ts";
import { SI, SI_FILE_TRANSFER, decodeSiOffer } from "../protocol/xep-0096-si-file-transfer.ts";
import { JINGLE, JINGLE_ERRORS, decodeJingle } from "../protocol/xep-0166-jingle.ts";
import { JINGLE_FILE } from "../protocol/xep-0234-jingle-file-transfer.ts";
import { JINGLE_IBB } from "../protocol/xep-0261-jingle-ibb.ts";
import { HASHES } from "../protocol/xep-0300-hashes.ts";
import type { FileMetadata } from "../protocol/xep-0446-file-metadata.ts";
import type { StreamEnd } from "./ibb-receiver.ts";
import { createJingleFile } from "./incoming-jingle-file.ts";
import { createSiFile } from "./incoming-si-file.ts";

/** What disco#info tells of it. SOCKS5 (XEP-0065, 0260) is not among it, so clients offer what we take. */
export const FILE_TRANSFER_FEATURES: readonly string[] = [
  HASHES,
  "urn:xmpp:hash-function-text-names:sha-256",
  IBB,
  JINGLE,
  JINGLE_FILE,
  JINGLE_IBB,
  SI,
  SI_FILE_TRANSFER,
];

/** What is offered, by whom; nothing of it is proven before the file is there. */
export type FileOffer = FileMetadata & {
  /** Who else sends under this `sid` is somebody else. */
  from: FullJid;
  sid: string;
};

export type FileOutcome =
  | "received"
  | Exclude<StreamEnd, "received">
  /** We did not want it. */
  | "declined"
  /** We gave up. */
  | "aborted"
  /** The sender has no way to send in-band. */
  | "no-stream";

/** What is to be done now, in this order. */
export type FileStep = {
  /** The next octets of the file. */
  bytes?: Buffer | undefined;
  /** The answer to the iq that was given, a result or an error, without addresses; absent when none was given. */
  answer?: Element | undefined;
  /** Requests of our own; of one that is refused, `refused` wants to know. */
  requests: Element[];
  /** The transfer is over: nothing else belongs to it. */
  outcome?: FileOutcome | undefined;
};

export type FileBounds = {
  /** Octets of the file at most. */
  maxBytes: number;
  /** Octets of a block at most; what the server takes of a stanza is the bound to think of. */
  maxBlockSize?: number | undefined;
};

/** One file. `accept` or `decline` answers the offer, once; until then the sender waits. */
export type IncomingFile = {
  readonly offer: FileOffer;
  /** Declines it as "too-large" when it is announced as larger than `maxBytes`. */
  accept(bounds: FileBounds): FileStep;
  decline(why: "unwanted" | "too-large" | "busy"): FileStep;
  /** The next iq; undefined when it is not about this file. */
  receive(iq: Element): FileStep | undefined;
  /** This one of our requests was answered with an error, or not at all. */
  refused(request: Element): FileStep;
  /** Gives up: the sender is silent, or we cannot go on. A file that is all there is received nevertheless. */
  abort(why: "timeout" | "cancelled"): FileStep;
};

/** A file that is offered; or something that is to be refused, with `refusal` as the only step. */
export type DecodedOffer = { file: IncomingFile } | { refusal: FileStep };

/** What an iq says of a file, where it belongs to no transfer under way; undefined when it says nothing. */
export function decodeFileOffer(iq: Element): DecodedOffer | undefined {
  const from = senderOf(iq);
  if (from === undefined) return undefined;
  const decoded = decodeOffer(iq, from);
  if (!decoded || !("file" in decoded)) return decoded;
  const { file } = decoded;
  const receive = (next: Element) => (senderOf(next) === from ? file.receive(next) : undefined);
  return { file: { ...file, receive } };
}

function senderOf(iq: Element): FullJid | undefined {
  return parseJid(attribute(iq, "from") ?? "")?.full;
}

function decodeOffer(iq: Element, from: FullJid): DecodedOffer | undefined {
  const offer = decodeSiOffer(iq);
  if (offer) return createSiFile(offer, from, attribute(iq, "id"));
  const jingle = decodeJingle(iq);
  if (jingle === "malformed") return refusal("modify", "bad-request");
  if (jingle?.action === "session-initiate") return createJingleFile(jingle, from, iq);
  if (jingle) return refusal("cancel", "item-not-found", unknownSession());
  return decodeIbbRequest(iq) && refusal("cancel", "item-not-found");
}

function refusal(type: "cancel" | "modify", condition: string, detail?: Element): DecodedOffer {
  return { refusal: { answer: encodeRefusal({ type, condition }, detail), requests: [] } };
}

/** XEP-0166 §10. */
function unknownSession(): Element {
  return new Element("unknown-session", { xmlns: JINGLE_ERRORS });
}
