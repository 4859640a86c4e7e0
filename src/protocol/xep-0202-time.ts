/**
 * XEP-0202 Entity Time 2.0, https://xmpp.org/extensions/xep-0202.html
 * with the formats of XEP-0082 1.1, https://xmpp.org/extensions/xep-0082.html
 */
import { Element } from "ltx";
import { childText } from "./element.ts";

export const ENTITY_TIME = "urn:xmpp:time";

export type EntityTime = {
  /** Milliseconds since the epoch. */
  utc: number;
  /** Minutes east of UTC. */
  offset: number;
};

/** The `<time/>` that asks, without a value, or answers, with one. */
export function encodeEntityTime(time?: EntityTime): Element {
  const element = new Element("time", { xmlns: ENTITY_TIME });
  if (!time) return element;
  element.c("tzo").t(formatOffset(time.offset));
  element.c("utc").t(new Date(time.utc).toISOString());
  return element;
}

function formatOffset(minutes: number): string {
  const size = Math.abs(minutes);
  const hours = String(Math.floor(size / 60)).padStart(2, "0");
  return `${minutes < 0 ? "-" : "+"}${hours}:${String(size % 60).padStart(2, "0")}`;
}

const UTC = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$/;
const OFFSET = /^(?:Z|([+-])([01]\d|2[0-3]):([0-5]\d))$/;

/** What an answering iq says; undefined when it is not in the formats of XEP-0082. */
export function decodeEntityTime(iq: Element): EntityTime | undefined {
  const time = iq.getChild("time", ENTITY_TIME);
  if (!time) return undefined;
  const utc = childText(time, "utc", ENTITY_TIME) ?? "";
  const tzo = OFFSET.exec(childText(time, "tzo", ENTITY_TIME) ?? "");
  const stamp = UTC.test(utc) ? Date.parse(utc) : Number.NaN;
  if (!tzo || Number.isNaN(stamp)) return undefined;
  const minutes = Number(tzo[2] ?? 0) * 60 + Number(tzo[3] ?? 0);
  return { utc: stamp, offset: tzo[1] === "-" ? -minutes : minutes };
}
