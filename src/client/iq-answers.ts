/**
 * Answers to inbound iq requests (RFC 6120 §8.2.3, §8.4): each get and set gets exactly one.
 */
import { Element } from "ltx";
import { XmppStanzaError, messageOf } from "../errors.ts";
import { attribute } from "../protocol/element.ts";
import { encodeStanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import type { StanzaErrorType } from "../protocol/rfc-6120-stanza-error.ts";
import type { IqHandler, Logger } from "./types.ts";

/** Whether the stanza is an iq that asks for an answer. */
export function isIqRequest(stanza: Element): boolean {
  const type = attribute(stanza, "type");
  return stanza.getName() === "iq" && type !== "result" && type !== "error";
}

/**
 * Asks the handlers in order.
 * @returns the iq to send back; never rejects
 */
export async function answerIq(
  iq: Element,
  handlers: Iterable<IqHandler>,
  log: Logger,
): Promise<Element> {
  const type = attribute(iq, "type");
  if ((type !== "get" && type !== "set") || iq.getChildElements().length !== 1) {
    return errorReply(iq, "modify", "bad-request");
  }
  try {
    for (const handler of handlers) {
      const answer = await handler(iq);
      if (answer) return resultReply(iq, answer);
    }
  } catch (error) {
    if (error instanceof XmppStanzaError) {
      return errorReply(iq, error.type, error.condition, error.text);
    }
    log.error(`answering an iq failed: ${messageOf(error)}`);
    return errorReply(iq, "cancel", "internal-server-error");
  }
  return errorReply(iq, "cancel", "service-unavailable");
}

function reply(iq: Element, type: "result" | "error"): Element {
  const answer = new Element("iq", { type });
  const id = attribute(iq, "id");
  const from = attribute(iq, "from");
  if (id !== undefined) answer.attrs["id"] = id;
  if (from !== undefined) answer.attrs["to"] = from;
  return answer;
}

/** A handler gives the payload, or a whole iq whose addresses are ours to set. */
function resultReply(iq: Element, answer: Element): Element {
  if (answer.getName() !== "iq") {
    const result = reply(iq, "result");
    result.append(answer);
    return result;
  }
  const result = reply(iq, attribute(answer, "type") === "error" ? "error" : "result");
  result.append(...answer.children);
  return result;
}

const ERROR_TYPES: ReadonlySet<string> = new Set(["auth", "cancel", "continue", "modify", "wait"]);

function errorReply(iq: Element, type: string, condition: string, text?: string): Element {
  const answer = reply(iq, "error");
  const known = ERROR_TYPES.has(type) ? (type as StanzaErrorType) : "cancel";
  answer.append(encodeStanzaError({ type: known, condition, text }));
  return answer;
}
