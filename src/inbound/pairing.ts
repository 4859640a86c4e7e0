/**
 * Pairing: one code a stranger, and word to them once the operator approved it. The approval happens
 * in another process (`openclaw pairing approve`), which does not load this plugin; so while anybody
 * waits for one, the host's pairing store is looked at every few seconds.
 */
import { createChannelPairingController } from "openclaw/plugin-sdk/channel-pairing";
import { PAIRING_APPROVED_MESSAGE } from "openclaw/plugin-sdk/channel-status";
import type { PluginRuntime } from "openclaw/plugin-sdk/channel-core";
import type { Logger } from "../client/types.ts";
import { XmppNotSentError } from "../errors.ts";
import { replyTarget } from "../outbound/reply-target.ts";
import { reach, type FindOutbox } from "../outbound/reach.ts";
import { sendText } from "../outbound/send.ts";
import type { Target } from "../outbound/target.ts";
import { CHANNEL_ID, DEFAULT_TEXT_CHUNK_LIMIT } from "../policy/account-policy.ts";
import { createRate } from "../policy/rate.ts";
import type { BareJid } from "../protocol/jid.ts";
import type { PendingPairings } from "../state/pending-pairings.ts";
import type { InboundMessage } from "./types.ts";

const LOOK_EVERY_MS = 2000;
/** The host keeps fewer requests than that. */
const MAX_UNSENT = 100;
const DENIED = "Your request to talk to this agent was denied.";
const SEND = { textLimit: DEFAULT_TEXT_CHUNK_LIMIT };

export type Pairing = {
  /** JIDs that the operator approved. */
  approved(): Promise<string[]>;
  /**
   * Sends a code, unless one is pending: then nothing is said until it expires. Nor is anything said
   * while strangers ask too often.
   */
  challenge(inbound: InboundMessage): Promise<void>;
  /** The code that somebody was given, and who was given it; undefined where it is not pending, or of an earlier version. */
  codeOf(jid: string): string | undefined;
  findByCode(code: string): BareJid | undefined;
  /**
   * The operator has denied the request of `jid`, which the host has forgotten.
   * @param isTold whether they are to hear of it
   * @returns whether they did
   */
  deny(jid: BareJid, isTold: boolean): Promise<boolean>;
  /** Tells somebody that they were approved. */
  tell(jid: BareJid): Promise<void>;
  stop(): void;
};

/** How long a code waits for a connection, ms. */
const LONGEST_WAIT_MS = 60_000;

export function createPairing(params: {
  accountId: string;
  runtime: PluginRuntime;
  /** The account's session at the time of asking. */
  findOutbox: FindOutbox;
  pending: PendingPairings;
  /** How many strangers may ask within a minute. */
  readLimit: () => number;
  log: Logger;
}): Pairing {
  const { accountId, runtime, findOutbox, pending, log } = params;
  const store = createChannelPairingController({ core: runtime, channel: CHANNEL_ID, accountId });
  const approved = () => store.readAllowFromStore();

  async function tell(jid: BareJid): Promise<void> {
    const outbox = findOutbox();
    const code = pending.codeOf(jid);
    // Taken off first, so that nobody is told twice.
    const wasPending = pending.remove(jid);
    try {
      if (!outbox) throw new XmppNotSentError("the account is not running");
      await sendText(outbox, { kind: "direct", to: jid }, PAIRING_APPROVED_MESSAGE, SEND);
    } catch (error) {
      if (wasPending && error instanceof XmppNotSentError) pending.add(jid, code);
      else log.warn(`${jid} could not be told of the approval: ${String(error)}`);
    }
  }

  /** @throws XmppNotSentError when the connection did not come back in time */
  async function sendCode(to: Target, text: string): Promise<void> {
    const outbox = await reach(findOutbox, to, LONGEST_WAIT_MS);
    if (!outbox) throw new XmppNotSentError("the account is not running");
    await sendText(outbox, to, text, SEND);
  }

  /** Codes that could not be sent; the host's store counts them as given. */
  const unsent = new Map<BareJid, string>();
  /** The bare code of each of these. */
  const unsentCodes = new Map<BareJid, string>();
  const asked = createRate(60_000);

  const codeOf = (jid: BareJid) => unsentCodes.get(jid) ?? pending.codeOf(jid);

  let looking = false;
  const timer = setInterval(async () => {
    const waiting = pending.list();
    if (looking || waiting.length === 0) return;
    looking = true;
    try {
      const admitted = new Set(await approved());
      for (const jid of waiting) {
        const isStillWaiting = pending.list().includes(jid);
        if (isStillWaiting && admitted.has(jid)) await tell(jid);
      }
    } catch (error) {
      log.warn(`the pairing store could not be read: ${String(error)}`);
    } finally {
      looking = false;
    }
  }, LOOK_EVERY_MS);

  return {
    approved,
    tell,
    codeOf: (name) => codeOf(name as BareJid),
    findByCode(text) {
      const wanted = text.trim().toUpperCase();
      const asking = [...pending.list(), ...unsentCodes.keys()];
      return wanted === "" ? undefined : asking.find((jid) => codeOf(jid) === wanted);
    },
    async deny(jid, isTold) {
      pending.remove(jid);
      unsent.delete(jid);
      unsentCodes.delete(jid);
      log.info(`the operator denied the pairing request of ${jid}`);
      if (!isTold) return false;
      const outbox = findOutbox();
      try {
        if (!outbox) throw new XmppNotSentError("the account is not running");
        await sendText(outbox, { kind: "direct", to: jid }, DENIED, SEND);
        return true;
      } catch (error) {
        log.warn(`${jid} could not be told of the denial: ${String(error)}`);
        return false;
      }
    },
    async challenge({ conversation, sender }) {
      const { jid, label } = sender;
      if (!jid) return;
      const to = replyTarget(conversation, sender.stay);
      const send = async (text: string) => {
        unsent.set(jid, text);
        forgetOldest(unsent, MAX_UNSENT);
        await sendCode(to, text);
        pending.add(jid, unsentCodes.get(jid));
        unsent.delete(jid);
        unsentCodes.delete(jid);
        log.info(`${jid} has a pairing code now; see openclaw pairing list xmpp`);
      };
      const onReplyError = (error: unknown) =>
        log.error(`the pairing code could not be sent: ${String(error)}`);
      const before = unsent.get(jid);
      if (before !== undefined) {
        await send(before).catch(onReplyError);
        return;
      }
      // The host looks into its store for each, which it keeps on disk.
      const bounds = { each: 1, total: params.readLimit() };
      if (asked.take(jid, bounds, Date.now()) !== "granted") return;
      await store.issueChallenge({
        senderId: jid,
        senderIdLine: `Your XMPP address: ${jid}`,
        meta: { name: label },
        onCreated({ code }) {
          unsentCodes.set(jid, code);
          forgetOldest(unsentCodes, MAX_UNSENT);
        },
        sendPairingReply: send,
        onReplyError,
      });
    },
    stop: () => clearInterval(timer),
  };
}

function forgetOldest<T>(map: Map<T, unknown>, max: number): void {
  for (const oldest of map.keys()) {
    if (map.size <= max) break;
    map.delete(oldest);
  }
}
