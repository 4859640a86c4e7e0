/**
 * The wire as text for a log, without secrets. @xmpp/debug hides what SASL carries; we hide the rest.
 */
import { hideSensitive } from "@xmpp/debug";
import { clone, stringify } from "ltx";
import type { Element } from "ltx";
import { DATA_FORM } from "../protocol/xep-0004-forms.ts";
import { NS_SASL } from "./conditions.ts";

const HIDDEN = "[hidden]";
const NS_SASL2 = "urn:xmpp:sasl:2";
const NS_UPLOAD = "urn:xmpp:http:upload:0";

/** Namespaces whose every text may be a secret. */
const SECRET_NAMESPACES = new Set([NS_SASL, NS_SASL2, "urn:xmpp:fast:0"]);
/** Elements with a secret wherever they stand: rooms, invitations, bookmarks, registration (XEP-0045, 0048, 0402, 0077, 0078). */
const SECRET_NAME = "password";
/** Further ones, by the namespace they stand in (XEP-0078, 0077, 0363, 0114). */
const SECRET_CHILDREN: ReadonlyMap<string, string> = new Map([
  ["jabber:iq:auth", "digest"],
  ["jabber:iq:register", "key"],
  [NS_UPLOAD, "header"],
  ["jabber:component:accept", "handshake"],
]);
/** XEP-0484, XEP-0249 and XEP-0215; a slot to upload to (XEP-0363) is a secret until it is used. */
const SECRET_ATTRIBUTES = ["token", "password"];
const SECRET_FIELD = /pass|secret|token|key/i;

/** One element as indented XML; the element itself is left as it is. */
export function formatWire(direction: "in" | "out", element: Element): string {
  const copy = hideSensitive(clone(element));
  redact(copy);
  return `${direction === "in" ? "IN" : "OUT"}\n${stringify(copy, 2)}`;
}

function redact(element: Element): void {
  const xmlns = element.getNS() ?? "";
  for (const name of SECRET_ATTRIBUTES) {
    if (element.attrs[name] !== undefined) element.attrs[name] = HIDDEN;
  }
  const secret =
    SECRET_NAMESPACES.has(xmlns) ||
    element.getName() === SECRET_NAME ||
    SECRET_CHILDREN.get(xmlns) === element.getName() ||
    (element.is("field", DATA_FORM) && SECRET_FIELD.test(String(element.attrs["var"]))) ||
    isPrivateField(element);
  if (element.is("put", NS_UPLOAD)) element.attrs["url"] = HIDDEN;
  // What names a mechanism or a failure is no secret, and is what one looks for in such a log.
  if (secret && !PUBLIC_SASL.has(element.getName())) hideText(element);
  for (const child of element.children) {
    if (typeof child === "object") redact(child);
  }
}

const PUBLIC_SASL = new Set([
  "mechanisms",
  "mechanism",
  "failure",
  "text",
  "authentication",
  "hidden",
]);

function isPrivateField(element: Element): boolean {
  return element.is("field", DATA_FORM) && element.attrs["type"] === "text-private";
}

function hideText(element: Element): void {
  element.children = element.children.map((child) => {
    if (typeof child !== "object") return HIDDEN;
    hideText(child);
    return child;
  });
}
