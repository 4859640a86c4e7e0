/**
 * XEP-0203 Delayed Delivery 2.0, https://xmpp.org/extensions/xep-0203.html
 * with the date format of XEP-0082 1.1, https://xmpp.org/extensions/xep-0082.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { parseJid, type Jid } from "./jid.ts";

export const DELAY = "urn:xmpp:delay";

export type Delay = {
  /** When the stanza was first sent; undefined when the stamp is not a date. */
  stamp: Date | undefined;
  /** Who held it back: a server, a room. Only as true as the one who could have written it. */
  from: Jid | undefined;
};

const DATE_TIME =
  /^(\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01]))T((?:[01]\d|2[0-3]):[0-5]\d:[0-5]\d)(\.\d{1,12})?(Z|[+-](?:[01]\d|2[0-3]):[0-5]\d)$/;

/** A DateTime of XEP-0082 §3.2; undefined when it is anything else, or a day that does not exist. */
export function parseDateTime(text: string): Date | undefined {
  const parts = DATE_TIME.exec(text);
  if (!parts) return undefined;
  const [, day = "", time = "", fraction = "", zone = ""] = parts;
  const midnight = new Date(`${day}T00:00:00Z`);
  // Date.parse rolls February 30 over into March.
  if (Number.isNaN(midnight.getTime()) || !midnight.toISOString().startsWith(day)) return undefined;
  return new Date(`${day}T${time}${fraction.slice(0, 4)}${zone}`);
}

/** Every delay on a message, in the order in which they stand. */
export function decodeDelays(message: Element): Delay[] {
  return message.getChildren("delay", DELAY).map((delay) => ({
    stamp: parseDateTime(attribute(delay, "stamp") ?? ""),
    from: parseJid(attribute(delay, "from") ?? ""),
  }));
}

export function encodeDelay(delay: { stamp: Date; from?: string | undefined }): Element {
  const stamp = delay.stamp.toISOString();
  return new Element("delay", { xmlns: DELAY, ...(delay.from ? { from: delay.from } : {}), stamp });
}

/** When a message was sent: the earliest stamp that does not lie after its arrival, else its arrival. */
export function sentAt(delays: readonly Delay[], receivedAt: Date): Date {
  return delays.reduce(
    (earliest, { stamp }) => (stamp && stamp < earliest ? stamp : earliest),
    receivedAt,
  );
}
