/** One admitted message: asked of the host's policy, then challenged, dropped, remembered or dispatched. */
import {
  logInboundDrop,
  resolveChannelInboundRouteEnvelope,
} from "openclaw/plugin-sdk/channel-inbound";
import { XmppUnconfirmedError } from "../errors.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { placeOf, replyTarget } from "../outbound/reply-target.ts";
import { sendText } from "../outbound/send.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import { createRate } from "../policy/rate.ts";
import { occupantJid } from "../protocol/xep-0045-muc.ts";
import { resolveAccess, resolveRoomFor } from "./access.ts";
import { resolveAddressing, type Addressing } from "./addressing.ts";
import { isAnsweredByHost, isObeyedStop } from "./at-once.ts";
import { hostConversation, type HostConversation } from "./conversation.ts";
import type { Lifecycle } from "./debounce.ts";
import { dispatchTurn } from "./dispatch.ts";
import { fetchFiles, mayHaveFiles, placeholderOf } from "./files.ts";
import { mayOverhear } from "./room-history.ts";
import type { SessionTurn } from "./session-turns.ts";
import type { Stops } from "./stops.ts";
import { refuseOverLimit } from "./turn-limits.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

/** @throws where nothing came of it, and it may be tried again */
export async function takeTurn(
  context: InboundContext & { stops: Stops },
  inbound: InboundMessage,
  { eventId, lifecycle }: { eventId: string; lifecycle: Lifecycle },
): Promise<void> {
  const { accountId } = context;
  const { conversation, sender } = inbound;
  const { host, route, buildEnvelope } = resolveRoute(context, inbound);
  const addressing = resolveAddressing(context, inbound, route);
  const room = resolveRoomFor(context, inbound, route, host);
  const { access, eventKind, isCommand } = await resolveAccess(
    context,
    inbound,
    addressing,
    route,
    room,
    host,
  );
  const { admission, reasonCode } = access.ingress;
  const isUnaddressed = reasonCode === "activation_skipped";
  // Asked of those only whom policy admits: the answer may take a while.
  const isBot = (admission === "dispatch" || isUnaddressed) && (await isProgram(context, inbound));
  const refusal = isBot ? refuseProgram(context, addressing) : undefined;
  if (refusal) return drop(context, inbound, refusal);
  switch (admission) {
    case "dispatch": {
      const facts = {
        isCommand,
        text: addressing.text,
        isQuiet: isBot || eventKind === "room_event",
      };
      if (refuseOverLimit(context, inbound, facts)) return;
      noteKnown(context, inbound);
      if (inbound.isEncrypted) {
        return await context.once(eventId, "encrypted", () => refuseEncrypted(context, inbound));
      }
      const turn = {
        access,
        addressing,
        eventKind,
        host,
        isBot,
        room,
        route,
        buildEnvelope,
      };
      const place = placeOf(accountId, replyTarget(conversation, sender.stay));
      const isStop = isObeyedStop(context, inbound, turn);
      if (isStop) await context.stops.stop(eventId);
      const isAtOnce = isStop || (isCommand && isAnsweredByHost(addressing.text));
      const files =
        !isAtOnce && mayHaveFiles(inbound, addressing.text)
          ? fetchFiles(context, inbound, addressing.text, lifecycle.abortSignal)
          : undefined;
      const found = files && (await whileAlive(lifecycle, files, () => undefined));
      if (files && !found) return;
      const sessionTurn = isAtOnce
        ? context.sessionTurns.enterAtOnce(route.sessionKey, place)
        : await whileAlive(lifecycle, enterSession(context, route.sessionKey, place), (late) =>
            late.end(),
          );
      if (!sessionTurn) return;
      if (context.stops.has(eventId) && !isAtOnce) {
        sessionTurn.end();
        context.tally.add("stopped");
        context.log.info("a message is not answered: it waited as somebody said stop");
        return;
      }
      const whole = { ...turn, files: found };
      return await dispatchTurn(context, inbound, whole, lifecycle, sessionTurn);
    }
    case "pairing-required":
      context.tally.add("not-admitted");
      await context.once(eventId, "pairing", () => context.pairing.challenge(inbound));
      return;
    case "skip":
    case "observe":
      if (isUnaddressed) remember(context, inbound);
      context.log.debug?.(`not addressed: ${reasonCode}`);
      return;
    default:
      if (reasonCode === "group_policy_not_allowlisted" && mayOverhear(context)) {
        remember(context, inbound);
      }
      drop(context, inbound, reasonCode);
  }
}

async function enterSession(
  { sessionTurns, settling }: InboundContext,
  sessionKey: string,
  place: string,
): Promise<SessionTurn> {
  await keptSends.settled(place);
  const turn = await sessionTurns.enter(sessionKey, place);
  await settling.settled(sessionKey);
  return turn;
}

/**
 * Waits, and says so; another turn may take its time.
 * @returns undefined when the message has been taken back in the meantime: it comes again. `undo` gets
 *   what was waited for all the same
 */
async function whileAlive<T>(
  { abortSignal, deferredHeartbeatIntervalMs = 60_000, ...lifecycle }: Lifecycle,
  work: Promise<T>,
  undo: (result: T) => void,
): Promise<T | undefined> {
  const { promise: isAborted, resolve: abort } = Promise.withResolvers<undefined>();
  const onAbort = () => abort(undefined);
  const heartbeat = setInterval(
    () => lifecycle.onDeferredHeartbeat?.(),
    deferredHeartbeatIntervalMs,
  );
  abortSignal.addEventListener("abort", onAbort, { once: true });
  if (abortSignal.aborted) onAbort();
  try {
    const result = await Promise.race([work, isAborted]);
    if (result !== undefined) return result;
    void work.then(undo);
    await lifecycle.onCancelled?.();
    return undefined;
  } finally {
    clearInterval(heartbeat);
    abortSignal.removeEventListener("abort", onAbort);
  }
}

/** The agent and the session, and the conversation that they belong to. */
function resolveRoute(context: InboundContext, inbound: InboundMessage) {
  const { accountId, cfg } = context;
  const { conversation } = inbound;
  const routeOf = (host: HostConversation) => {
    const { kind, id, jid } = host;
    const peer = { kind, id };
    // Whatever direct chats share, somebody whom nobody vouches for has no part in it.
    const own = kind === "direct" && jid === undefined ? withOwnSessions(cfg) : cfg;
    return {
      host,
      ...resolveChannelInboundRouteEnvelope({ cfg: own, channel: CHANNEL_ID, accountId, peer }),
    };
  };
  const resolved = routeOf(hostConversation(context, inbound));
  if (conversation.kind !== "room" || resolved.host.kind === "group") return resolved;
  // A room that the operator bound to an agent is that agent's: it has no part in another's memory.
  const own = routeOf({ kind: "group", id: conversation.room });
  return own.route.agentId === resolved.route.agentId ? resolved : own;
}

function withOwnSessions(cfg: InboundContext["cfg"]): InboundContext["cfg"] {
  return { ...cfg, session: { ...cfg.session, dmScope: "per-account-channel-peer" } };
}

/** By what they announced as they spoke: a program may come, speak and go. */
async function isProgram(
  { isProgram: ask }: InboundContext,
  { conversation, sender }: InboundMessage,
): Promise<boolean> {
  if (conversation.kind !== "room") return false;
  const { room, nick } = conversation;
  const { caps, stay = "" } = sender;
  return await ask({ occupantJid: occupantJid(room, nick), caps, stay });
}

/** Why a program is not answered; undefined when the operator lets it be. */
function refuseProgram(
  { settings }: InboundContext,
  { wasMentioned }: Addressing,
): string | undefined {
  if (settings.allowBots === "mentions") return wasMentioned ? undefined : "bot_without_mention";
  return settings.allowBots === true ? undefined : "bot";
}

/** Learns who people are from what a server vouches for; only ever of those whom policy admits. */
function noteKnown({ knownUsers }: InboundContext, { conversation, sender }: InboundMessage): void {
  if (conversation.kind === "direct") knownUsers.know(conversation.peer);
  else if (sender.jid) {
    const { occupantId } = sender.occupant;
    knownUsers.learn(conversation.room, { jid: sender.jid, nick: sender.label, occupantId });
  }
}

/** Keeps what was said in a room as context for the next answer there. */
function remember(context: InboundContext, inbound: InboundMessage): void {
  const { conversation, sender, timestamp, messageId } = inbound;
  if (conversation.kind !== "room" || inbound.isEncrypted) return;
  const body = inbound.body || placeholderOf(inbound);
  const entry = { sender: describeSender(sender), body, timestamp, messageId };
  context.history.record(conversation.room, entry);
}

function drop(context: InboundContext, inbound: InboundMessage, reasonCode: string): void {
  const { conversation } = inbound;
  context.tally.add("not-admitted");
  logInboundDrop({
    log: (line) => logBounded(context, line),
    channel: CHANNEL_ID,
    reason: dropReason(inbound, reasonCode),
    onceKey: JSON.stringify([context.accountId, conversation.kind, onceAt(inbound), reasonCode]),
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

/** A nick is whoever takes it, and may look like any of this; what stands last says who that was. */
function describeSender({ jid, label, occupant }: InboundMessage["sender"]): string {
  if (jid) return `${label} (${jid})`;
  const { occupantId } = occupant;
  return `${label} (${occupantId === undefined ? "unverified" : `occupant:${occupantId}`})`;
}

/** For one line a room, not one for each masked occupant. */
function onceAt({ conversation }: InboundMessage): string {
  return conversation.kind === "direct" ? conversation.peer : conversation.room;
}

/** Reasons that have to do with who the sender is. */
const ABOUT_SENDER = /allowlist|identifier|pairing|no_policy_match/;

function dropReason({ conversation, sender }: InboundMessage, reasonCode: string): string {
  if (conversation.kind === "direct" || sender.jid || !ABOUT_SENDER.test(reasonCode)) {
    return reasonCode;
  }
  const known = sender.occupant.occupantId;
  const instead =
    known === undefined
      ? "and has no occupant ids; entries like affiliation:member may match"
      : `only entries like occupant:${known} or affiliation:member can match`;
  return `${reasonCode}; room ${conversation.room} hides real JIDs, ${instead}`;
}

function dropHint({ conversation }: InboundMessage, reasonCode: string): string {
  if (reasonCode === "control_command_unauthorized") return "see commands.ownerAllowFrom";
  if (reasonCode.startsWith("bot")) return "see channels.xmpp.allowBots";
  return conversation.kind === "room"
    ? `see channels.xmpp.groupPolicy, groupAllowFrom and mucRooms["${conversation.room}"]`
    : "see channels.xmpp.dmPolicy and allowFrom";
}

const CANNOT_DECRYPT =
  "I cannot read encrypted messages yet. Please switch encryption (OMEMO) off for this chat.";

/** Told in direct chats only: in a room the sender may well have written for others. */
async function refuseEncrypted(
  { outbox, log }: InboundContext,
  { conversation, sender }: InboundMessage,
): Promise<void> {
  log.info("an encrypted message could not be read");
  if (conversation.kind === "room") return;
  const options = { textLimit: DEFAULT_TEXT_CHUNK_LIMIT };
  try {
    await sendText(outbox, replyTarget(conversation, sender.stay), CANNOT_DECRYPT, options);
  } catch (error) {
    // It may have arrived: once too few is better than twice.
    if (!(error instanceof XmppUnconfirmedError)) throw error;
    log.warn(`whether that was told is not known: ${error.message}`);
  }
}
