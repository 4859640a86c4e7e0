/**
 * Presence and subscriptions: RFC 6121 §3 and §4, https://www.rfc-editor.org/rfc/rfc6121#section-3
 */
import { Element } from "ltx";
import { attribute, childText, isStanza } from "./element.ts";
import { type BareJid, type FullJid, type Jid, parseJid } from "./jid.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export type Show = "away" | "chat" | "dnd" | "xa";
export type SubscriptionType = "subscribe" | "subscribed" | "unsubscribe" | "unsubscribed";

export type Availability = {
  show?: Show | undefined;
  status?: string | undefined;
  /** -128 to 127; a resource below zero gets no messages to the bare JID. */
  priority: number;
};

export type Presence =
  | ({ kind: "available"; from: Jid } & Availability)
  | { kind: "unavailable"; from: Jid; status?: string | undefined }
  | { kind: "subscription"; from: Jid; type: SubscriptionType; status?: string | undefined }
  | { kind: "error"; from: Jid }
  | { kind: "probe"; from: Jid };

const SUBSCRIPTION_TYPES: readonly string[] = [
  "subscribe",
  "subscribed",
  "unsubscribe",
  "unsubscribed",
] satisfies SubscriptionType[];
const SHOWS: readonly string[] = ["away", "chat", "dnd", "xa"] satisfies Show[];

function isSubscriptionType(text: string): text is SubscriptionType {
  return SUBSCRIPTION_TYPES.includes(text);
}

function isShow(text: string | undefined): text is Show {
  return text !== undefined && SHOWS.includes(text);
}

/** Reads a presence; undefined for another stanza, an unknown type, or no usable `from`. */
export function decodePresence(stanza: Element): Presence | undefined {
  if (!isStanza(stanza, "presence")) return undefined;
  const from = parseJid(attribute(stanza, "from") ?? "");
  if (!from) return undefined;
  const type = attribute(stanza, "type");
  const status = childText(stanza, "status");
  if (type === undefined) {
    const show = childText(stanza, "show");
    const priority = decodePriority(childText(stanza, "priority"));
    return { kind: "available", from, show: isShow(show) ? show : undefined, status, priority };
  }
  if (type === "unavailable") return { kind: type, from, status };
  if (type === "error" || type === "probe") return { kind: type, from };
  return isSubscriptionType(type) ? { kind: "subscription", from, type, status } : undefined;
}

function decodePriority(text: string | undefined): number {
  if (text === undefined || !/^[+-]?\d{1,3}$/.test(text)) return 0;
  const priority = Number(text);
  return priority >= -128 && priority <= 127 ? priority : 0;
}

/** Available presence, broadcast or directed; `extensions` are children such as caps. */
export function encodeAvailable(extensions: readonly Element[] = [], to?: FullJid): Element {
  const presence = new Element("presence", to === undefined ? {} : { to });
  presence.append(...extensions);
  return presence;
}

/** What a presence says of how available its sender is (§4.7.2), as children of it. */
export function encodeAvailability({ show, status }: Pick<Availability, "show" | "status">) {
  return Object.entries({ show, status })
    .filter(([, text]) => text)
    .map(([name, text]) => new Element(name).t(stripInvalidXmlChars(String(text))));
}

/** Unavailable presence, broadcast or directed. */
export function encodeUnavailable(to?: FullJid, status?: string): Element {
  const presence = new Element("presence", {
    type: "unavailable",
    ...(to === undefined ? {} : { to }),
  });
  if (status) presence.c("status").t(status);
  return presence;
}

/** A step in the subscription handshake (§3.1 to §3.4). */
export function encodeSubscription(type: SubscriptionType, to: BareJid): Element {
  return new Element("presence", { type, to });
}
