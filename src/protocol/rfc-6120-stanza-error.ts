/**
 * Stanza errors: RFC 6120 §8.3, https://www.rfc-editor.org/rfc/rfc6120#section-8.3
 */
import { Element } from "ltx";
import { attribute, childText } from "./element.ts";
import { oneLine } from "./xml-text.ts";

export const STANZA_ERRORS = "urn:ietf:params:xml:ns:xmpp-stanzas";

export type StanzaErrorType = "auth" | "cancel" | "continue" | "modify" | "wait";

export type StanzaError = {
  type: StanzaErrorType;
  /** One of the defined conditions, or `undefined-condition`. */
  condition: string;
  text?: string | undefined;
};

/** RFC 6120 §8.3.3. Only these are passed on: a condition ends up in logs and status lines. */
const CONDITIONS: ReadonlySet<string> = new Set([
  "bad-request",
  "conflict",
  "feature-not-implemented",
  "forbidden",
  "gone",
  "internal-server-error",
  "item-not-found",
  "jid-malformed",
  "not-acceptable",
  "not-allowed",
  "not-authorized",
  "policy-violation",
  "recipient-unavailable",
  "redirect",
  "registration-required",
  "remote-server-not-found",
  "remote-server-timeout",
  "resource-constraint",
  "service-unavailable",
  "subscription-required",
  "undefined-condition",
  "unexpected-request",
]);

/** What legacy services send instead of a condition (XEP-0086). */
const LEGACY_CODES: ReadonlyMap<string, readonly [StanzaErrorType, string]> = new Map([
  ["400", ["modify", "bad-request"]],
  ["401", ["auth", "not-authorized"]],
  ["403", ["auth", "forbidden"]],
  ["404", ["cancel", "item-not-found"]],
  ["405", ["cancel", "not-allowed"]],
  ["406", ["modify", "not-acceptable"]],
  ["407", ["auth", "registration-required"]],
  ["409", ["cancel", "conflict"]],
  ["500", ["wait", "internal-server-error"]],
  ["503", ["cancel", "service-unavailable"]],
  ["504", ["wait", "remote-server-timeout"]],
]);

/** Whoever refuses something writes what they like, and it ends up in logs and status lines. */
const MAX_TEXT = 300;

function isErrorType(text: string | undefined): text is StanzaErrorType {
  return (
    text === "auth" ||
    text === "cancel" ||
    text === "continue" ||
    text === "modify" ||
    text === "wait"
  );
}

/** The error that a stanza of type "error" carries; a malformed one reads as cancel/undefined-condition. */
export function decodeStanzaError(stanza: Element): StanzaError {
  const error = stanza.getChild("error");
  if (!error) return { type: "cancel", condition: "undefined-condition" };
  const legacy = LEGACY_CODES.get(attribute(error, "code") ?? "");
  const condition = error
    .getChildElements()
    .find((child) => child.getNS() === STANZA_ERRORS && child.getName() !== "text");
  const name = condition?.getName() ?? legacy?.[1] ?? "undefined-condition";
  const type = attribute(error, "type");
  return {
    type: isErrorType(type) ? type : (legacy?.[0] ?? "cancel"),
    condition: CONDITIONS.has(name) ? name : "undefined-condition",
    text: oneLine(childText(error, "text", STANZA_ERRORS), MAX_TEXT),
  };
}

/** The `<error/>` child. */
export function encodeStanzaError(error: StanzaError): Element {
  const element = new Element("error", { type: error.type });
  element.c(error.condition, { xmlns: STANZA_ERRORS });
  if (error.text) element.c("text", { xmlns: STANZA_ERRORS }).t(error.text);
  return element;
}
