/**
 * What we tell about ourselves when asked: service discovery (XEP-0030), caps (XEP-0115), software
 * version (XEP-0092), ping (XEP-0199) and entity time (XEP-0202).
 *
 * Everybody is answered, as XEP-0030 asks: the answers are the same for all, cost one element each,
 * and hold nothing that a login of ours would not show to a room anyway.
 */
import type { Element } from "ltx";
import { XmppStanzaError } from "../errors.ts";
import { attribute } from "../protocol/element.ts";
import { decodeRequest, encodeResult } from "../protocol/rfc-6120-iq.ts";
import {
  DISCO_INFO,
  DISCO_ITEMS,
  type DiscoIdentity,
  type DiscoInfo,
  encodeDiscoInfo,
  encodeDiscoItems,
} from "../protocol/xep-0030-disco.ts";
import { type SoftwareVersion, VERSION, encodeVersion } from "../protocol/xep-0092-version.ts";
import { CAPS, type Caps, capsNode, capsOf } from "../protocol/xep-0115-caps.ts";
import { PING, isPing } from "../protocol/xep-0199-ping.ts";
import { ENTITY_TIME, encodeEntityTime } from "../protocol/xep-0202-time.ts";
import type { XmppSession } from "./types.ts";

/** A bot with a name for people to read. */
export function botIdentity(name: string): DiscoIdentity {
  return { category: "client", type: "bot", name };
}

export type SelfDescription = {
  software: SoftwareVersion;
  identity: DiscoIdentity;
  /** Namespaces of what the plugin does besides what is answered here. */
  features: readonly string[];
  /** URI of the software, for caps. */
  node?: string | undefined;
};

export type Responders = {
  /** What presence announces, for the roster and the rooms. */
  caps: Caps;
  info: DiscoInfo;
  stop(): void;
};

const NODE = "https://www.npmjs.com/package/@openclaw/xmpp";
const OWN_FEATURES = [CAPS, DISCO_INFO, DISCO_ITEMS, ENTITY_TIME, PING, VERSION];

/** What disco#info answers: the given features and those that are answered here, each once, sorted. */
export function describeSelf({ identity, features }: SelfDescription): DiscoInfo {
  const all = new Set([...OWN_FEATURES, ...features]);
  return { identities: [identity], features: [...all].toSorted(), forms: [] };
}

/**
 * Answers from now on. Register it after handlers with disco nodes of their own (ad-hoc commands):
 * an unknown node is refused here.
 */
export function registerResponders(session: XmppSession, self: SelfDescription): Responders {
  const info = describeSelf(self);
  const caps = capsOf(info, self.node ?? NODE);
  const stop = session.onIq((iq) => answer(iq, self.software, info, caps));
  return { caps, info, stop };
}

function answer(
  iq: Element,
  software: SoftwareVersion,
  info: DiscoInfo,
  caps: Caps,
): Element | undefined {
  if (isPing(iq)) return encodeResult();
  if (decodeRequest(iq, "get", "query", VERSION)) return encodeVersion(software);
  if (decodeRequest(iq, "get", "time", ENTITY_TIME)) return encodeEntityTime(localTime(new Date()));
  const infoQuery = decodeRequest(iq, "get", "query", DISCO_INFO);
  if (infoQuery) return encodeDiscoInfo({ ...info, node: knownNode(infoQuery, capsNode(caps)) });
  const itemsQuery = decodeRequest(iq, "get", "query", DISCO_ITEMS);
  return itemsQuery && encodeDiscoItems([], knownNode(itemsQuery, capsNode(caps)));
}

/** @throws XmppStanzaError item-not-found for a node that is not ours (XEP-0030 §7) */
function knownNode(query: Element, known: string): string | undefined {
  const node = attribute(query, "node");
  if (node !== undefined && node !== known) throw new XmppStanzaError("cancel", "item-not-found");
  return node;
}

function localTime(now: Date): { utc: number; offset: number } {
  return { utc: now.getTime(), offset: -now.getTimezoneOffset() };
}
