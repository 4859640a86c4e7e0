/**
 * Requests and answers: RFC 6120 §8.2.3, https://www.rfc-editor.org/rfc/rfc6120#section-8.2.3
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import type { FullJid } from "./jid.ts";
import { encodeStanzaError, type StanzaError } from "./rfc-6120-stanza-error.ts";

/** A request with one payload; `id` is left to the one who sends it. Without `to` it asks our own account. */
export function encodeRequest(
  type: "get" | "set",
  payload: Element,
  to?: FullJid | undefined,
): Element {
  const iq = new Element("iq", { type, ...(to === undefined ? {} : { to }) });
  iq.append(payload);
  return iq;
}

/** A result; id and addresses are left to the one who sends it. Without a payload it just says yes. */
export function encodeResult(payload?: Element): Element {
  const iq = new Element("iq", { type: "result" });
  if (payload) iq.append(payload);
  return iq;
}

/** An error; id and addresses are left to the one who sends it. `detail` is the application's own condition (§8.3.4). */
export function encodeRefusal(error: StanzaError, detail?: Element | undefined): Element {
  const iq = new Element("iq", { type: "error" });
  const element = encodeStanzaError(error);
  if (detail) element.append(detail);
  iq.append(element);
  return iq;
}

/** The payload of a request of this type, name and namespace; undefined when the iq asks something else. */
export function decodeRequest(
  iq: Element,
  type: "get" | "set",
  name: string,
  xmlns: string,
): Element | undefined {
  if (iq.getName() !== "iq" || attribute(iq, "type") !== type) return undefined;
  return iq.getChild(name, xmlns);
}
