/**
 * The wire as text for a log, without secrets. @xmpp/debug hides what SASL carries; we hide the rest.
 */
import { hideSensitive } from "@xmpp/debug";
import { clone, stringify } from "ltx";
import type { Element } from "ltx";

const HIDDEN = "[hidden]";
const NS_SASL = "urn:ietf:params:xml:ns:xmpp-sasl";
const NS_SASL2 = "urn:xmpp:sasl:2";

/** Namespaces whose every text may be a secret. */
const SECRET_NAMESPACES = new Set([NS_SASL, NS_SASL2, "urn:xmpp:fast:0"]);
/** Children with a secret, by the namespace they stand in (XEP-0078, 0077, 0363, 0045, 0048, 0402, 0114). */
const SECRET_CHILDREN: Readonly<Record<string, readonly string[]>> = {
  "jabber:iq:auth": ["password", "digest"],
  "jabber:iq:register": ["password", "key"],
  "urn:xmpp:http:upload:0": ["header"],
  "http://jabber.org/protocol/muc": ["password"],
  "http://jabber.org/protocol/muc#user": ["password"],
  "http://jabber.org/protocol/muc#owner": ["password"],
  "storage:bookmarks": ["password"],
  "urn:xmpp:bookmarks:1": ["password"],
  "jabber:component:accept": ["handshake"],
};
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
    SECRET_CHILDREN[xmlns]?.includes(element.getName()) === true ||
    (element.is("field", "jabber:x:data") && SECRET_FIELD.test(String(element.attrs["var"]))) ||
    isPrivateField(element);
  if (element.is("put", "urn:xmpp:http:upload:0")) element.attrs["url"] = HIDDEN;
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
  return element.is("field", "jabber:x:data") && element.attrs["type"] === "text-private";
}

function hideText(element: Element): void {
  element.children = element.children.map((child) => {
    if (typeof child !== "object") return HIDDEN;
    hideText(child);
    return child;
  });
}
