/**
 * Answers to inbound iq requests (RFC 6120 §8.2.3, §8.4): each get and set gets exactly one.
 */
import { Element } from "ltx";
import { XmppStanzaError, messageOf } from "../errors.ts";
import { createRate } from "../policy/rate.ts";
import { attribute } from "../protocol/element.ts";
import { parseJid, type Jid } from "../protocol/jid.ts";
import { encodeStanzaError } from "../protocol/rfc-6120-stanza-error.ts";
import type { StanzaErrorType } from "../protocol/rfc-6120-stanza-error.ts";
import type { IqHandler, Logger } from "./types.ts";

/** Whether the stanza is an iq that asks for an answer. */
export function isIqRequest(stanza: Element): boolean {
  const type = attribute(stanza, "type");
  return stanza.getName() === "iq" && type !== "result" && type !== "error";
}

const ANSWERS_WINDOW_MS = 10_000;
/** Of one bare JID: a room with many occupants is one, too. */
const ANSWERS_EACH = 100;
const ANSWERS_TOTAL = 200;

/**
 * Whether an iq request may be answered now. Small questions have large answers, and servers throttle
 * what we send: without a bound, whoever asks often enough delays everything that the agent says.
 * Our own server always gets its answer, without which it would take us for dead.
 */
export function createIqBound(
  own: Jid,
  log: Logger,
  onExcess?: () => void,
): (iq: Element, now: number) => boolean {
  const rate = createRate(ANSWERS_WINDOW_MS);
  let lastWarned = -Infinity;
  return (iq, now) => {
    const from = attribute(iq, "from");
    const asker = from === undefined ? own.bare : (parseJid(from)?.bare ?? "somebody malformed");
    if (asker === own.bare || asker === own.domain) return true;
    const bounds = { each: ANSWERS_EACH, total: ANSWERS_TOTAL };
    if (rate.take(asker, bounds, now) === "granted") return true;
    onExcess?.();
    if (now - lastWarned >= ANSWERS_WINDOW_MS) {
      log.warn(`too many questions (iq): some are left unanswered, the last by ${asker}`);
      lastWarned = now;
    }
    return false;
  };
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
