/**
 * How many turns and commands one sender may cause. Asked as a turn is taken, once policy has let the
 * sender in: strangers are policy's, what waits is the queue's.
 */
import { TOO_MANY_COMMANDS } from "../client/adhoc-commands.ts";
import type { XmppAccountPolicy } from "../policy/account-policy.ts";
import { createRate, type RateVerdict } from "../policy/rate.ts";
import type { BareJid } from "../protocol/jid.ts";
import { senderKey } from "./sender.ts";
import { tellSender } from "./tell-sender.ts";
import type { InboundContext, InboundMessage } from "./types.ts";

const MINUTE_MS = 60_000;

const TOO_MANY_TURNS =
  "Too many messages: this one was not read. Please wait a minute, then send it again.";

export type TurnLimits = {
  /** Counts a turn against its sender's limits; the same event counts once, however often it is put off. */
  take(inbound: InboundMessage, facts: TurnFacts, policy: Bounds, now: number): TurnVerdict;
  /** Counts a command that came by no message, with those that did. */
  takeCommand(sender: BareJid, policy: Pick<Bounds, "limits">, now: number): RateVerdict;
};

type Bounds = Pick<XmppAccountPolicy, "limits" | "catchUp">;

export type TurnFacts = {
  eventId: string;
  isCommand: boolean;
  /** It stops an agent, and is obeyed. */
  isStop: boolean;
};

type TurnVerdict = { verdict: RateVerdict; reason: "turns-limited" | "commands-limited" };

export function createTurnLimits(): TurnLimits {
  const turns = createRate(MINUTE_MS);
  const late = createRate(MINUTE_MS);
  const commands = createRate(MINUTE_MS);
  return {
    take(inbound, { eventId: id, isCommand, isStop }, { limits, catchUp }, now) {
      const key = senderKey(inbound);
      // Who cannot stop an agent, for having asked it too often, has lost control of it.
      if (isStop) return { verdict: "granted", reason: "commands-limited" };
      if (isCommand) {
        const verdict = commands.take(key, { each: limits.commandsPerMinute }, now, id);
        return { verdict, reason: "commands-limited" };
      }
      // What has waited, in a queue or while we were away, says nothing of the pace it was written in.
      const hasWaited = now - inbound.waitsSince >= MINUTE_MS;
      const verdict = hasWaited
        ? late.take(key, { each: Math.max(limits.queueSize, catchUp.maxMessages) }, now, id)
        : turns.take(key, { each: limits.turnsPerMinute }, now, id);
      return { verdict, reason: "turns-limited" };
    },
    takeCommand: (sender, { limits }, now) =>
      commands.take(sender, { each: limits.commandsPerMinute }, now),
  };
}

/**
 * @returns whether the turn is over a limit: then it is counted, and the sender told once a minute
 */
export function refuseOverLimit(
  context: InboundContext,
  inbound: InboundMessage,
  facts: TurnFacts & { isQuiet: boolean },
): boolean {
  const { log, now, policy, tally, turnLimits } = context;
  const { verdict, reason } = turnLimits.take(inbound, facts, policy, now());
  if (verdict === "granted") return false;
  tally.add(reason);
  if (verdict === "refused") {
    log.warn(`${reason}: ${inbound.sender.id}; see channels.xmpp.limits`);
    // A room may take its time to reflect it, and the next message need not wait for that.
    const text = reason === "commands-limited" ? TOO_MANY_COMMANDS : TOO_MANY_TURNS;
    if (!facts.isQuiet) void tellSender(context, inbound, text);
  }
  return true;
}
