/** One admitted message: asked of the host's policy, then challenged, dropped, remembered or dispatched. */
import { XmppUnconfirmedError } from "../errors.ts";
import { keptSends } from "../outbound/kept-sends.ts";
import { placeOf, replyTarget } from "../outbound/reply-target.ts";
import { sendText } from "../outbound/send.ts";
import { DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import { resolveAccess, resolveRoomFor } from "./access.ts";
import { resolveAddressing } from "./addressing.ts";
import { isAnsweredByHost, isObeyedStop } from "./at-once.ts";
import type { Lifecycle } from "./debounce.ts";
import { asChosen } from "./chosen.ts";
import { dispatchTurn } from "./dispatch.ts";
import { drop } from "./drop.ts";
import { tellEdit } from "./agent-events.ts";
import { readOwnCommand, runOwnCommand } from "./own-command.ts";
import { isFleeting, noteSaid } from "./said.ts";
import { fetchFiles, mayHaveFiles, placeholderOf } from "./files.ts";
import { newcomer, refuseWithoutAgent } from "./own-agent.ts";
import { mayOverhear } from "./room-history.ts";
import { namesBy, namesOf } from "./revisions.ts";
import { resolveRoute } from "./route.ts";
import { describeSender } from "./sender.ts";
import type { SessionTurn } from "./session-turns.ts";
import { isProgram, refuseProgram } from "./standing.ts";
import type { Stops } from "./stops.ts";
import { refuseOverLimit } from "./turn-limits.ts";
import type { InboundContext, InboundMessage, ReceiverContext } from "./types.ts";

/**
 * @returns "revised" where part of it was corrected or taken back as it waited: the rest is still to be taken up
 * @throws where nothing came of it, and it may be tried again
 */
export async function takeTurn(
  context: InboundContext & Pick<ReceiverContext, "readConfig"> & { stops: Stops },
  received: InboundMessage,
  { eventId, lifecycle }: { eventId: string; lifecycle: Lifecycle },
): Promise<void | "revised"> {
  const { accountId, revisions } = context;
  const inbound = asChosen(context, received);
  const { conversation, sender, revises = [] } = inbound;
  const eventIds = inbound.parts?.map((part) => part.eventId) ?? [eventId];
  const reopen = () => eventIds.forEach(revisions.open);
  reopen();
  if (revisions.isReplaced(eventId)) return skipReplaced(context, eventId);
  const judged = await judge(context, inbound);
  const { access, addressing, buildEnvelope, eventKind, host, isCommand, room, route } = judged;
  const { admission, reasonCode } = access.ingress;
  const isUnaddressed = reasonCode === "activation_skipped";
  // Asked of those only whom policy admits: the answer may take a while.
  const isBot = (admission === "dispatch" || isUnaddressed) && (await isProgram(context, inbound));
  const refusal = isBot ? refuseProgram(context, addressing) : undefined;
  if (refusal) return drop(context, inbound, refusal);
  const turn = { access, addressing, eventKind, host, isBot, room, route, buildEnvelope };
  const isStop = admission === "dispatch" && isObeyedStop(context, inbound, turn);
  const command = admission === "dispatch" ? readOwnCommand(addressing.text) : undefined;
  const fate = revises.length > 0 ? revisions.fate(revises) : "turn";
  if (fate === "context") forgetCorrected(context, inbound);
  // What is to stop the turn of the message that it corrects would come too late as news.
  if (fate === "event" && !isStop && !command && (admission === "dispatch" || isUnaddressed)) {
    context.acknowledging.received(context.outbox, inbound, eventId);
    return tellEdit(context, inbound, addressing.said, route);
  }
  switch (admission) {
    case "dispatch": {
      const isNew = newcomer(context, inbound, route.matchedBy);
      const facts = {
        eventId,
        isCommand,
        // Who has no agent has nothing to stop.
        isStop: isStop && isNew === undefined,
        isQuiet: isBot || eventKind === "room_event",
      };
      // Before an agent is looked for: that costs a look into the configuration's file, and an answer.
      if (refuseOverLimit(context, inbound, facts)) return;
      if (isNew !== undefined && context.ownAgents && !isBot && !command) {
        const { abortSignal } = lifecycle;
        const making = context.ownAgents.provide(isNew, abortSignal, async () => {
          const now = await judge({ ...context, ...context.readConfig() }, inbound);
          return now.access.ingress.admission === "dispatch";
        });
        const own = await whileAlive(lifecycle, making, () => undefined);
        if (!own) return;
        if ("cfg" in own) {
          // Whatever was found out so far was about another agent, and by a policy of before the wait.
          const anew = { ...context, ...context.readConfig(), cfg: own.cfg };
          return await takeTurn(anew, inbound, { eventId, lifecycle });
        }
        const refuse = () => refuseWithoutAgent(context, inbound, own.refused);
        return await context.once(eventId, "no-agent", refuse);
      }
      noteKnown(context, inbound);
      context.acknowledging.received(context.outbox, inbound, eventId);
      if (inbound.isEncrypted) {
        return await context.once(eventId, "encrypted", () => refuseEncrypted(context, inbound));
      }
      if (command) {
        const run = () => runOwnCommand(context, inbound, turn, command);
        return await context.once(eventId, "command", run);
      }
      const place = placeOf(accountId, replyTarget(conversation, sender.stay));
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
      if (lifecycle.isDone()) return sessionTurn.end();
      if (eventIds.some(revisions.isReplaced)) {
        sessionTurn.end();
        return inbound.parts ? "revised" : skipReplaced(context, eventId);
      }
      revisions.settle(eventIds, "turn");
      noteSaid(context, inbound, addressing.said);
      const whole = { ...turn, files: found, isAtOnce };
      const watched = beforeGoingBack(lifecycle, reopen);
      return await dispatchTurn(context, inbound, whole, watched, sessionTurn).catch(
        (error: unknown) => {
          reopen();
          throw error;
        },
      );
    }
    case "pairing-required":
      context.tally.add("not-admitted");
      await context.once(eventId, "pairing", () => context.pairing.challenge(inbound));
      return;
    case "skip":
    case "observe":
      if (isUnaddressed) {
        revisions.settle([eventId], "context");
        noteSaid(context, inbound, addressing.said);
        remember(context, inbound, addressing.said);
      }
      context.log.debug?.(`not addressed: ${reasonCode}`);
      return;
    default:
      if (reasonCode === "group_policy_not_allowlisted" && mayOverhear(context)) {
        revisions.settle([eventId], "context");
        remember(context, inbound, addressing.said);
      }
      drop(context, inbound, reasonCode);
  }
}

/** What the configuration says of a message: whose session, which room, whether it is let in. */
async function judge(context: InboundContext, inbound: InboundMessage) {
  const { host, route, buildEnvelope } = resolveRoute(context, inbound);
  const addressing = resolveAddressing(context, inbound, route);
  const room = resolveRoomFor(context, inbound, route, host);
  const access = await resolveAccess(context, inbound, addressing, route, room, host);
  return { ...access, addressing, buildEnvelope, host, room, route };
}

/** What waits once more may be corrected once more: see revisions.ts. */
function beforeGoingBack(lifecycle: Lifecycle, reopen: () => void): Lifecycle {
  const { onAbandoned, onCancelled, onFailed, takeBack } = lifecycle;
  const after = <A extends unknown[], R>(goBack: (...args: A) => R) => {
    return (...args: A): R => {
      reopen();
      return goBack(...args);
    };
  };
  return {
    ...lifecycle,
    onAbandoned: after(onAbandoned),
    takeBack: after(takeBack),
    ...(onCancelled ? { onCancelled: after(onCancelled) } : {}),
    ...(onFailed ? { onFailed: after(onFailed) } : {}),
  };
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
    // What failed has left nothing to undo, and the message comes again.
    void work.then(undo, () => undefined);
    await lifecycle.onCancelled?.();
    return undefined;
  } finally {
    clearInterval(heartbeat);
    abortSignal.removeEventListener("abort", onAbort);
  }
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
function remember(context: InboundContext, inbound: InboundMessage, text: string): void {
  const { conversation, sender, timestamp, messageId } = inbound;
  if (conversation.kind !== "room" || inbound.isEncrypted || isFleeting(inbound)) return;
  const body = text || placeholderOf(inbound);
  const entry = { sender: describeSender(sender), body, timestamp, messageId };
  context.history.record(conversation.room, entry, namesAsContext(inbound));
}

/** A correction is taken back by the name of the first version. */
function namesAsContext(inbound: InboundMessage): string[] {
  const { replaceId } = inbound.message;
  const first = replaceId === undefined ? [] : namesBy(inbound, replaceId);
  const parts = inbound.parts ?? [inbound];
  return [...first, ...parts.flatMap(({ message }) => namesOf({ ...inbound, message }))];
}

/** It was corrected, which is a message of its own, taken back, or cleared, which was counted then. */
function skipReplaced({ log, revisions, tally }: InboundContext, eventId: string): void {
  if (revisions.isCleared(eventId)) return;
  tally.add("revised");
  log.debug?.("a message is not taken up: its sender corrected it, or took it back");
}

/** What it was before is no context any more. */
function forgetCorrected({ history, outbox }: InboundContext, inbound: InboundMessage): void {
  const { conversation, message, sender } = inbound;
  if (conversation.kind !== "room" || message.replaceId === undefined) return;
  const said = outbox.recent.findBy(sender.id, conversation.room, message.replaceId);
  const names = namesBy(inbound, message.replaceId);
  history.forgetMessage(conversation.room, { ids: said?.ids ?? [], names });
  if (!said) return;
  outbox.recent.remove(sender.id, conversation.room, message.replaceId);
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
