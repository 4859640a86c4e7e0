/**
 * XEP-0092 Software Version 1.1, https://xmpp.org/extensions/xep-0092.html
 */
import { Element } from "ltx";
import { childText } from "./element.ts";

export const VERSION = "jabber:iq:version";

export type SoftwareVersion = { name: string; version: string; os?: string | undefined };

/** The `<query/>` that asks, without a value, or answers, with one. */
export function encodeVersion(software?: SoftwareVersion): Element {
  const query = new Element("query", { xmlns: VERSION });
  if (!software) return query;
  query.c("name").t(software.name);
  query.c("version").t(software.version);
  if (software.os !== undefined) query.c("os").t(software.os);
  return query;
}

/** What an answering iq says; undefined when a required part is missing. */
export function decodeVersion(iq: Element): SoftwareVersion | undefined {
  const query = iq.getChild("query", VERSION);
  if (!query) return undefined;
  const name = childText(query, "name", VERSION);
  const version = childText(query, "version", VERSION);
  if (name === undefined || version === undefined) return undefined;
  return { name, version, os: childText(query, "os", VERSION) };
}
