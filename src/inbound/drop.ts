/** One line for each decision against a message: what decided, and where it is set. Never what was said. */
import { logInboundDrop } from "openclaw/plugin-sdk/channel-inbound";
import { CHANNEL_ID } from "../policy/account-policy.ts";
import { createRate } from "../policy/rate.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/** The host's reasons, and ours, as an operator would say them; the reason itself stands behind. */
const WORDS: Readonly<Record<string, string>> = {
  dm_policy_disabled: "dmPolicy is disabled",
  dm_policy_not_allowlisted: "sender not in allowFrom",
  group_policy_disabled: "groupPolicy is disabled",
  group_policy_empty_allowlist: "nobody is in groupAllowFrom, nor on the room's list",
  group_policy_not_allowlisted: "sender not in groupAllowFrom, nor on the room's list",
  route_blocked:
    "the room is not one where groupPolicy lets the agent answer, or it is not enabled",
  route_sender_empty: "nobody is on the room's list",
  control_command_unauthorized: "a command by somebody who may not give any",
  bot: "the sender is a program",
  bot_without_mention: "the sender is a program, and did not name the agent",
};

/** Counts it, and says so once for a place and a reason. */
export function drop(context: InboundContext, inbound: InboundMessage, reasonCode: string): void {
  const { conversation } = inbound;
  context.tally.add("not-admitted");
  logInboundDrop({
    log: (line) => logBounded(context, line),
    channel: CHANNEL_ID,
    reason: dropReason(inbound, reasonCode),
    target: placeOf(inbound),
    onceKey: JSON.stringify([context.accountId, conversation.kind, placeOf(inbound), reasonCode]),
    hint: dropHint(inbound, reasonCode),
  });
}

const DROP_LINES_PER_MINUTE = 30;
const dropLines = createRate(60_000);

/** Thousands of strangers are no reason for thousands of lines. */
function logBounded({ accountId, log, now }: InboundContext, line: string): void {
  const verdict = dropLines.take(accountId, { each: DROP_LINES_PER_MINUTE }, now());
  if (verdict === "granted") log.info(line);
  else if (verdict === "refused") log.warn("more was dropped than is logged; status counts it");
}

/** For one line a room, not one for each masked occupant. */
function placeOf({ conversation }: InboundMessage): string {
  return conversation.kind === "direct" ? conversation.peer : conversation.room;
}

/** Reasons that have to do with who the sender is. */
const ABOUT_SENDER = /allowlist|identifier|pairing|no_policy_match|sender/;

function dropReason({ conversation, sender }: InboundMessage, reasonCode: string): string {
  const words = Object.hasOwn(WORDS, reasonCode) ? WORDS[reasonCode] : undefined;
  const reason = words === undefined ? reasonCode : `${words} (${reasonCode})`;
  if (conversation.kind === "direct" || sender.jid || !ABOUT_SENDER.test(reasonCode)) return reason;
  const known = sender.occupant.occupantId;
  const instead =
    known === undefined
      ? "and has no occupant ids; entries like affiliation:member may match"
      : `only entries like occupant:${known} or affiliation:member can match`;
  return `${reason}; room ${conversation.room} hides real JIDs, ${instead}`;
}

function dropHint({ conversation }: InboundMessage, reasonCode: string): string {
  return `see ${settingOf(conversation, reasonCode)}; docs/access-control.md`;
}

function settingOf(conversation: InboundMessage["conversation"], reasonCode: string): string {
  if (reasonCode === "control_command_unauthorized") return "commands.ownerAllowFrom";
  if (reasonCode.startsWith("bot")) return "channels.xmpp.allowBots";
  return conversation.kind === "room"
    ? `channels.xmpp.groupPolicy, groupAllowFrom and mucRooms["${conversation.room}"]`
    : "channels.xmpp.dmPolicy and allowFrom";
}
