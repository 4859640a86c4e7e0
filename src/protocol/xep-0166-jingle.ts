/**
 * XEP-0166 Jingle 1.1.2, https://xmpp.org/extensions/xep-0166.html
 * As far as a session needs it that somebody else began.
 */
import { Element } from "ltx";
import { attribute, childText, onlyChild } from "./element.ts";
import type { FullJid } from "./jid.ts";
import { decodeRequest, encodeRequest } from "./rfc-6120-iq.ts";
import { oneLine } from "./xml-text.ts";

export const JINGLE = "urn:xmpp:jingle:1";
export const JINGLE_ERRORS = "urn:xmpp:jingle:errors:1";

/** §7.2, all of them. */
const ACTIONS = [
  "content-accept",
  "content-add",
  "content-modify",
  "content-reject",
  "content-remove",
  "description-info",
  "security-info",
  "session-accept",
  "session-info",
  "session-initiate",
  "session-terminate",
  "transport-accept",
  "transport-info",
  "transport-reject",
  "transport-replace",
] as const;
export type JingleAction = (typeof ACTIONS)[number];

/** §7.4. */
const REASONS = [
  "alternative-session",
  "busy",
  "cancel",
  "connectivity-error",
  "decline",
  "expired",
  "failed-application",
  "failed-transport",
  "general-error",
  "gone",
  "incompatible-parameters",
  "media-error",
  "security-error",
  "success",
  "timeout",
  "unsupported-applications",
  "unsupported-transports",
] as const;
export type JingleReason = (typeof REASONS)[number];

type Role = "initiator" | "responder";

export type JingleContent = {
  creator: Role;
  name: string;
  /** Who is to send what it is about. */
  senders: Role | "both" | "none";
  /** As they stand; of which kind, their namespaces say. */
  description: Element | undefined;
  transport: Element | undefined;
  /** It must not be taken up by who does not know this (XEP-0391 JET: the file is encrypted). */
  hasSecurity: boolean;
};

export type JingleRequest = {
  action: JingleAction;
  sid: string;
  contents: JingleContent[];
  /** With session-terminate; undefined when none is given, or none that is defined. */
  reason: JingleReason | undefined;
  text: string | undefined;
};

const MAX_CONTENTS = 10;
const MAX_ID = 256;
const MAX_TEXT = 256;

/**
 * What an iq wants of a session; undefined when it is no Jingle. "malformed" is to be answered with
 * bad-request. Who the initiator is, `from` says, not what stands in the element (§7.1).
 */
export function decodeJingle(iq: Element): JingleRequest | "malformed" | undefined {
  const jingle = decodeRequest(iq, "set", "jingle", JINGLE);
  if (!jingle) return undefined;
  const action = ACTIONS.find((each) => each === attribute(jingle, "action"));
  const sid = attribute(jingle, "sid");
  const elements = jingle.getChildren("content", JINGLE);
  const contents = elements.slice(0, MAX_CONTENTS).flatMap((each) => decodeContent(each) ?? []);
  if (!action || !sid || sid.length > MAX_ID || contents.length < elements.length) {
    return "malformed";
  }
  const reason = jingle.getChild("reason", JINGLE);
  return {
    action,
    sid,
    contents,
    reason: REASONS.find((each) => reason?.getChild(each, JINGLE) !== undefined),
    text: reason && oneLine(childText(reason, "text", JINGLE), MAX_TEXT),
  };
}

function decodeContent(content: Element): JingleContent | undefined {
  const name = attribute(content, "name");
  // Required by the schema, and left out by some.
  const creator = attribute(content, "creator") ?? "initiator";
  const senders = attribute(content, "senders") ?? "both";
  if (!name || name.length > MAX_ID) return undefined;
  if (creator !== "initiator" && creator !== "responder") return undefined;
  const isKnown = senders === "initiator" || senders === "responder" || senders === "none";
  if (!isKnown && senders !== "both") return undefined;
  return {
    creator,
    name,
    senders,
    description: childOfAnyKind(content, "description"),
    transport: childOfAnyKind(content, "transport"),
    hasSecurity: childOfAnyKind(content, "security") !== undefined,
  };
}

function childOfAnyKind(content: Element, name: string): Element | undefined {
  return content.getChildElements().find((child) => child.getName() === name);
}

/** Which session it is about, and whom it is sent to. */
export type JingleSession = { sid: string; peer: FullJid };

/** The iq of an action about one content; what stands in the content is `children`. */
export function encodeJingle(
  session: JingleSession,
  action: JingleAction,
  content: Pick<JingleContent, "creator" | "name" | "senders">,
  children: readonly Element[],
  attributes: Readonly<Record<string, string>> = {},
): Element {
  const jingle = new Element("jingle", { xmlns: JINGLE, action, sid: session.sid, ...attributes });
  const { creator, name, senders } = content;
  const element = jingle.c("content", { creator, name, senders });
  for (const child of children) element.append(child);
  return encodeRequest("set", jingle, session.peer);
}

/** The iq that ends a session (§6.7); `detail` is what the application has to say of it. */
export function encodeTerminate(
  session: JingleSession,
  reason: JingleReason,
  detail?: Element | undefined,
): Element {
  const action: JingleAction = "session-terminate";
  const jingle = new Element("jingle", { xmlns: JINGLE, action, sid: session.sid });
  const element = jingle.c("reason");
  element.c(reason);
  if (detail) element.append(detail);
  return encodeRequest("set", jingle, session.peer);
}

/** What a session-info is about: its first child; undefined for a ping of the session (§6.8). */
export function decodeSessionInfo(iq: Element): Element | undefined {
  const jingle = onlyChild(iq, "jingle", JINGLE);
  return jingle?.getChildElements()[0];
}
