/**
 * XEP-0050 Ad-Hoc Commands 1.3.0, https://xmpp.org/extensions/xep-0050.html
 */
import { Element } from "ltx";
import { attribute } from "./element.ts";
import { decodeRequest, encodeRefusal } from "./rfc-6120-iq.ts";
import { decodeSubmission, type SubmittedField } from "./xep-0004-forms.ts";
import { stripInvalidXmlChars } from "./xml-text.ts";

export const COMMANDS = "http://jabber.org/protocol/commands";

const ACTIONS = ["execute", "cancel", "prev", "next", "complete"] as const;
export type CommandAction = (typeof ACTIONS)[number];

export type CommandRequest = {
  node: string;
  /** "" where it is too long to be one of ours. */
  sessionId: string | undefined;
  /** "malformed": none of those that there are (§4.1). */
  action: CommandAction | "malformed";
  /** What was filled in (XEP-0004). */
  fields: SubmittedField[] | undefined;
};

const MAX_LENGTH = 1000;

/** The command that an iq gives; undefined where it gives none, or does not say which. */
export function decodeCommandRequest(iq: Element): CommandRequest | undefined {
  const command = decodeRequest(iq, "set", "command", COMMANDS);
  const node = command && attribute(command, "node");
  if (!command || !node || node.length > MAX_LENGTH) return undefined;
  const sessionId = attribute(command, "sessionid");
  const action = attribute(command, "action") ?? "execute";
  return {
    node,
    sessionId: sessionId !== undefined && sessionId.length > MAX_LENGTH ? "" : sessionId,
    action: ACTIONS.find((known) => known === action) ?? "malformed",
    fields: decodeSubmission(command),
  };
}

export type CommandNote = { type: "info" | "warn" | "error"; text: string };

export type CommandAnswer = {
  node: string;
  sessionId: string;
  /** "executing": `payload` is a form, whose one way on is to complete the command. */
  status: "executing" | "completed" | "canceled";
  payload?: Element | undefined;
  note?: CommandNote | undefined;
};

/** The `<command/>` that answers; what people read in it is English. */
export function encodeCommandAnswer(answer: CommandAnswer): Element {
  const { node, sessionId: sessionid, status, payload, note } = answer;
  const command = new Element("command", {
    xmlns: COMMANDS,
    "xml:lang": "en",
    node,
    sessionid,
    status,
  });
  if (status === "executing") command.c("actions", { execute: "complete" }).c("complete");
  if (payload) command.append(payload);
  if (note) command.c("note", { type: note.type }).t(stripInvalidXmlChars(note.text));
  return command;
}

/** The application's conditions of §4.4. */
export type CommandFault =
  "malformed-action" | "bad-action" | "bad-payload" | "bad-sessionid" | "session-expired";

/** The iq that refuses so, with the general condition that §4.4 gives to each. */
export function encodeCommandRefusal(fault: CommandFault, text?: string): Element {
  const detail = new Element(fault, { xmlns: COMMANDS });
  return fault === "session-expired"
    ? encodeRefusal({ type: "cancel", condition: "not-allowed", text }, detail)
    : encodeRefusal({ type: "modify", condition: "bad-request", text }, detail);
}
